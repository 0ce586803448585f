import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as fc from "fast-check"
import { simulate } from "../../../inprocess/kernel/index.ts"
import { monotonicMillis } from "../../../signatures/index.ts"
import { Deadlines } from "../../../src/wire/Deadlines.ts"

/** Each is set after so many milliseconds since the last one, for so many, and may be cancelled so many after that. */
const anyDeadline = fc.record({
  after: fc.nat(30),
  millis: fc.constantFrom(0, 10, 50, 50, 100),
  cancelAfter: fc.option(fc.nat(120), { nil: undefined })
})

describe("deadlines", () => {
  it("come once each, at their times and in order, unless they were cancelled before", () => {
    fc.assert(fc.property(fc.array(anyDeadline, { maxLength: 30 }), (wanted) => {
      const { exit } = simulate(
        Effect.gen(function*() {
          const services = yield* Effect.context<never>()
          const now = yield* monotonicMillis
          const start = (effect: Effect.Effect<void>) => {
            const fiber = Effect.runForkWith(services)(effect)
            return () => fiber.interruptUnsafe()
          }
          const deadlines = new Deadlines(now, start)
          const heard: Array<readonly [which: number, at: number]> = []
          const expected: Array<readonly [which: number, at: number]> = []
          for (const [which, { after, cancelAfter, millis }] of wanted.entries()) {
            // At even milliseconds they are set and come, at odd ones they are cancelled.
            yield* Effect.sleep(2 * after)
            const at = now() + 2 * millis
            const cancel = deadlines.later(2 * millis, () => heard.push([which, now()]))
            const cancelAt = cancelAfter === undefined ? Infinity : now() + 2 * cancelAfter + 1
            if (cancelAt < Infinity) {
              yield* Effect.forkDetach(Effect.andThen(Effect.sleep(2 * (cancelAfter ?? 0) + 1), Effect.sync(cancel)))
            }
            if (at < cancelAt) expected.push([which, at])
          }
          yield* Effect.sleep("1 second")
          return [heard, expected.toSorted(([, a], [, b]) => a - b)]
        }),
        { seed: 1 }
      )
      assert(Exit.isSuccess(exit))
      const [heard, expected] = exit.value
      assert.deepStrictEqual(heard, expected)
    }))
  })

  it("that are cancelled cost one timer together", () => {
    let timers = 0
    const deadlines = new Deadlines(() => 0, () => {
      timers++
      return () => {}
    })
    for (let i = 0; i < 1_000; i++) deadlines.later(5_000, () => assert.fail("it was cancelled"))()
    assert.strictEqual(timers, 1)
  })
})
