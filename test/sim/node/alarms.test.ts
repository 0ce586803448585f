import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { simulate } from "../../../inprocess/kernel/index.ts"
import { Alarms, type Sleeper } from "../../../src/node/alarms.ts"

class Dreamer implements Sleeper {
  alarmAt = Infinity
  alarmPlace = -1
  readonly name: number
  readonly #woken: (name: number) => void

  constructor(name: number, woken: (name: number) => void) {
    this.name = name
    this.#woken = woken
  }

  wake(): void {
    this.#woken(this.name)
  }
}

const Unrelated = Context.Reference<number>("chain-p2p/test/sim/node/alarms.test/Unrelated", { defaultValue: () => 0 })

const alarms = Effect.map(Effect.context<never>(), (context) => Alarms.of(context))

type Step =
  | { readonly do: "set"; readonly who: number; readonly inMillis: number }
  | { readonly do: "cancel"; readonly who: number }
  | { readonly do: "wait"; readonly millis: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("set" as const), who: fc.nat(9), inMillis: fc.nat(100) }),
  fc.record({ do: fc.constant("cancel" as const), who: fc.nat(9) }),
  fc.record({ do: fc.constant("wait" as const), millis: fc.nat(60) })
)

describe("alarms", () => {
  it("wake everybody once, at the time that was set last, the earliest first", () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const { exit } = simulate(
        Effect.gen(function*() {
          const clock = yield* alarms
          const heard: Array<readonly [name: number, at: number]> = []
          const expected: Array<readonly [name: number, at: number]> = []
          const due = new Map<number, number>()
          const sleepers = Array.from(
            { length: 10 },
            (_, i) => new Dreamer(i, (name) => heard.push([name, Math.round(clock.now())]))
          )
          // We are up at odd milliseconds and alarms ring at even ones: so never in the same instant.
          yield* Effect.sleep(1)
          for (const step of [...steps, { do: "wait", millis: 200 } as const]) {
            if (step.do === "wait") {
              yield* Effect.sleep(2 * step.millis)
              const now = Math.round(clock.now())
              const over = [...due].filter(([, at]) => at <= now).toSorted(([, a], [, b]) => a - b)
              for (const [name, at] of over) {
                expected.push([name, at])
                due.delete(name)
              }
            } else if (step.do === "set") {
              const at = Math.round(clock.now()) + 1 + 2 * step.inMillis
              const sleeper = sleepers[step.who]
              if (sleeper === undefined) continue
              clock.set(sleeper, at)
              due.set(step.who, at)
            } else {
              const sleeper = sleepers[step.who]
              if (sleeper !== undefined) clock.set(sleeper, Infinity)
              due.delete(step.who)
            }
          }
          return [heard, expected]
        }),
        { seed: 1 }
      )
      assert(Exit.isSuccess(exit))
      const [heard = [], expected = []] = exit.value
      const sorted = (list: typeof heard) => list.toSorted(([a, t], [b, u]) => t - u || a - b)
      assert.deepStrictEqual(sorted(heard), sorted(expected))
      assert.deepStrictEqual(heard.map(([, at]) => at), heard.map(([, at]) => at).toSorted((a, b) => a - b))
    }))
  })

  it.effect("are one for each clock, wake nobody who no longer waits, and reach further than a timer does", () =>
    Effect.gen(function*() {
      const ours = yield* alarms
      assert.strictEqual(yield* Effect.provideService(alarms, Unrelated, 1), ours)
      let woken = 0
      const sleeper = new Dreamer(0, () => woken++)
      ours.set(sleeper, ours.now() + 1_000)
      ours.set(sleeper, Infinity)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(woken, 0)
      // Longer than a timer reaches.
      ours.set(sleeper, ours.now() + 40 * 86_400_000)
      yield* TestClock.adjust("39 days")
      assert.strictEqual(woken, 0)
      yield* TestClock.adjust("2 days")
      assert.strictEqual(woken, 1)
    }))
})
