import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Transport } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"

const listen = Effect.flatMap(Transport, (transport) => transport.listen(() => {}))

describe("a killed process that is about to listen", () => {
  it("leaves the ports to the process that is started after it", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [host], network } = yield* inprocess.world(1)
      if (host === undefined) return assert.fail("a host was asked for")
      yield* network.kill(host)
      const late = yield* Effect.forkChild(Effect.provide(listen, host.services))
      yield* Effect.yieldNow
      const next = yield* network.restart(host)
      assert.deepStrictEqual(yield* Effect.provide(listen, next.services), next.addresses)
      yield* Fiber.interrupt(late)
    })))
})
