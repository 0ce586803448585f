import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Transport } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"

describe("simulated hosts", () => {
  it("tells who dialled that a killed host is gone", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2, { latency: "20 millis" })
      if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
      yield* Effect.flatMap(Transport, (transport) => transport.listen(() => {})).pipe(Effect.provide(b.services))
      const [address = assert.fail("no address")] = b.addresses
      const link = yield* Effect.flatMap(Transport, (transport) => transport.dial(b.peer, address)).pipe(
        Effect.provide(a.services)
      )
      yield* network.kill(b)
      assert.strictEqual((yield* link.ended).by, "lost")
    })))
})
