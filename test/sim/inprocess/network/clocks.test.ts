import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect } from "effect"
import * as fc from "fast-check"
import { Identity, monotonicMillis } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"

const readings = Effect.gen(function*() {
  return { wall: yield* Clock.currentTimeMillis, elapsed: (yield* monotonicMillis)() }
})

describe("the clock of a simulated host", () => {
  it("is the network's, unless something befell it", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a], network } = yield* inprocess.world(1)
      if (a === undefined) return assert.fail("a host")
      const late = yield* network.host({ skew: -3000 })
      yield* Effect.sleep("1234 millis")
      const here = yield* readings
      assert.deepStrictEqual(yield* Effect.provide(readings, a.services), here)
      assert.deepStrictEqual(yield* Effect.provide(readings, late.services), { ...here, wall: here.wall - 3000 })
    })))

  it("may be set and jump, which changes no monotonic time and no wait", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2)
      if (a === undefined || b === undefined) return assert.fail("two hosts")
      const before = yield* Effect.provide(readings, a.services)
      yield* network.setSkew(a, 60_000)
      yield* network.stepClock(a, -3_600_000)
      yield* Effect.provide(Effect.sleep("1 second"), a.services)
      assert.deepStrictEqual(yield* Effect.provide(readings, a.services), {
        wall: before.wall + 60_000 - 3_600_000 + 1000,
        elapsed: before.elapsed + 1000
      })
      const nanos = yield* Effect.provide(Clock.currentTimeNanos, a.services)
      assert.strictEqual(Number(nanos / 1_000_000n), before.wall + 60_000 - 3_600_000 + 1000)
      const untouched = yield* Effect.provide(readings, b.services)
      assert.deepStrictEqual(untouched, yield* readings)
      const again = yield* network.restart(a)
      const { wall } = yield* Effect.provide(readings, again.services)
      assert.strictEqual(wall, before.wall + 60_000 - 3_600_000 + 1000)
    })))

  it("gives records a growing sequence, though it goes back", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a], network } = yield* inprocess.world(1)
      if (a === undefined) return assert.fail("a host")
      const identity = Context.get(a.services, Identity)
      const sealed = Effect.provide(Effect.flatMap(identity.seal(a.addresses), identity.open), a.services)
      const before = yield* sealed
      yield* network.stepClock(a, -86_400_000)
      assert.isTrue((yield* sealed).sequence > before.sequence)
      yield* network.stepClock(a, 2 * 86_400_000)
      assert.isTrue((yield* sealed).sequence > before.sequence + 86_000_000n)
    })))

  it("may run too fast or too slow: waits then take less or more of the network's time, and are over by its own clock", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: -200_000, max: 200_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (drift, millis) =>
          inprocess.runSync(
            Effect.gen(function*() {
              const { network } = yield* inprocess.world(0)
              const host = yield* network.host({ drift })
              const [here, there] = [yield* readings, yield* Effect.provide(readings, host.services)]
              yield* Effect.provide(Effect.sleep(millis), host.services)
              const passed = (yield* readings).elapsed - here.elapsed
              assert.approximately(passed, millis / (1 + drift / 1_000_000), 0.002)
              const after = yield* Effect.provide(readings, host.services)
              assert.isAtLeast(after.elapsed - there.elapsed, millis - 0.000_01)
              assert.approximately(after.elapsed - there.elapsed, millis, 0.003)
              assert.approximately(after.wall - there.wall, millis, 1)
            }),
            { seed: 1 }
          )
      ),
      { numRuns: 300 }
    ))
})
