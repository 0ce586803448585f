/** A host that everybody begins with comes back after a power failure. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { chainsOf, citizen } from "../town.ts"

const inprocess = inprocessBackend(2)
const chains = chainsOf(1)
const config = { sessionCount: 3, sessionTimeout: "1 minute" } as const

describe("a host that has restarted", () => {
  it("tells newcomers at once of those whom it had known for long, and knows again to live", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(8)
      const [seed, ...others] = hosts
      if (seed === undefined) return assert.fail("eight hosts")
      const scope = yield* Scope.make()
      yield* Scope.provide(citizen(seed, { chains, knows: [], config }), scope)
      for (const host of others) yield* citizen(host, { chains, knows: [seed], config })
      yield* Effect.sleep("10 minutes")
      const again = yield* network.restart(seed)
      yield* Scope.close(scope, Exit.void)
      yield* citizen(again, { chains, knows: [], config })
      yield* Effect.sleep("15 seconds")
      const { book } = yield* citizen(yield* network.host(), { chains, knows: [seed], config })
      yield* Effect.sleep("15 seconds")
      const told = book.all().filter(({ peer }) => peer !== seed.peer)
      assert.isAtLeast(told.length, 5)
      // Those that it has not known before stay untold for as long as ever.
      assert.isTrue(told.every(({ peer }) => others.some((host) => host.peer === peer)))
    })))
})
