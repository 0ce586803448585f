/** What a host that was cut off for some seconds thinks of its peers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import type { P2pSession } from "../../../signatures/index.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { chainsOf, citizen } from "./town.ts"

// With other seeds it is the links that end first.
const inprocess = inprocessBackend({ from: 1, runs: 2 })
const chains = chainsOf(1)
const config = { sessionCount: 3, sessionTimeout: "Infinity" } as const

describe("a session that its peer closed while we were cut off, with more to send than went through", () => {
  it("fails for want of an answer, and nobody is charged", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(4)
      const [home, ...others] = hosts
      if (home === undefined) return assert.fail("four hosts")
      const cut = yield* Latch.make(false)
      const talkative: P2pSession = ({ send }) =>
        cut.await.pipe(
          Effect.andThen(Effect.timeoutOption(
            Effect.forEach(Array.from({ length: 900 }), () => send(new Uint8Array(1024))),
            "300 millis"
          )),
          Effect.ignore
        )
      for (const host of others) yield* citizen(host, { chains, knows: [], config, session: talkative })
      const { book, nodes: [node] } = yield* citizen(home, { chains, knows: others, config })
      if (node === undefined) return assert.fail("a node")
      // Just after pings were answered: then links live for longest.
      yield* Effect.sleep("20100 millis")
      assert.strictEqual((yield* node.sessions).length, 3)
      yield* network.partition([home])
      yield* cut.release
      yield* Effect.sleep("11 seconds")
      yield* network.heal
      yield* Effect.sleep("30 seconds")
      const told = others.flatMap(({ peer }) => book.history(peer))
      const late = told.filter(({ what }) =>
        what === "session failed: timeout" || what === "session failed: stream-lost"
      )
      assert.isNotEmpty(late)
      assert.deepStrictEqual(told.filter(({ did }) => did === "failed"), [])
    })))
})
