import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Transport } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { connect } from "../../../support/streams.ts"

describe("simulated hosts", () => {
  it("tells who dialled that a killed host is gone", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2, { latency: "20 millis" })
      if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
      yield* Effect.flatMap(Transport, (transport) => transport.listen(() => {})).pipe(Effect.provide(b.services))
      const link = yield* Effect.flatMap(Transport, (transport) => transport.dial(b.peer, b.address)).pipe(
        Effect.provide(a.services)
      )
      yield* network.kill(b)
      assert.strictEqual((yield* link.ended).by, "lost")
    })))

  it("lets a host without addresses dial, from a port that nobody dials", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [b], network } = yield* inprocess.world(1)
      if (b === undefined) return assert.fail("a host was asked for")
      const a = yield* network.host({ addresses: [] })
      const { far, near } = yield* connect(a, b)
      const failure = yield* Effect.flip(
        Effect.flatMap(Transport, (transport) => transport.dial(a.peer, far.remote)).pipe(Effect.provide(b.services))
      )
      assert.deepStrictEqual([near.remote, failure.reason], [b.address, "unreachable"])
    })))
})
