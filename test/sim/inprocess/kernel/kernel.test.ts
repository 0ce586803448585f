import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Exit, Fiber, Queue, Random, Schedule } from "effect"
import * as fc from "fast-check"
import { Heap, keyedRandom, run, simulate, type Timer } from "../../../../inprocess/kernel/index.ts"
import { monotonicMillis } from "../../../../signatures/index.ts"

const defectOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined

const valueOf = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error(Cause.pretty(exit.cause))
}

describe("heap", () => {
  it("gives timers by instant, then in the order in which they were set, without those that were cancelled", () =>
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean())), (plan) => {
      const heap = new Heap()
      const nothing = () => undefined
      const timers = plan.map(([at, cancel]) => [heap.push(at, nothing), cancel] as const)
      for (const [timer, cancel] of timers) if (cancel) heap.remove(timer)
      const wanted = timers.filter(([, cancel]) => !cancel).map(([timer]) => timer)
        .toSorted((a, b) => a.at - b.at || a.order - b.order)
      const given: Array<Timer> = []
      for (let timer = heap.pop(); timer !== undefined; timer = heap.pop()) given.push(timer)
      assert.deepStrictEqual(given, wanted)
    })))

  it("takes pushes and cancels between pops", () =>
    fc.assert(fc.property(fc.array(fc.nat(30), { maxLength: 200 }), (plan) => {
      const heap = new Heap()
      let model: Array<Timer> = []
      for (const n of plan) {
        if (n < 20) model.push(heap.push(n, () => undefined))
        else if (n < 25) {
          const victim = model[n % Math.max(1, model.length)]
          if (victim !== undefined) heap.remove(victim)
          model = model.filter((timer) => timer !== victim)
        } else {
          const first = model.toSorted((a, b) => a.at - b.at || a.order - b.order)[0]
          assert.strictEqual(heap.pop(), first)
          model = model.filter((timer) => timer !== first)
        }
        assert.strictEqual(heap.size, model.length)
      }
    })))
})

describe("keyed randomness", () => {
  it("gives the same stream for the same seed and key, whatever else is drawn", () => {
    const [one, two] = [keyedRandom(7), keyedRandom(7)]
    const a = one("a")
    one("b").nextDoubleUnsafe()
    assert.deepStrictEqual(Array.from(a.bytes(32)), Array.from(two("a").bytes(32)))
  })

  it("gives other streams for other keys and other seeds", () => {
    const first = (seed: number, key: string) => Array.from(keyedRandom(seed)(key).bytes(16)).join()
    const all = [first(1, "a"), first(1, "b"), first(2, "a"), first(2, "b"), first(11, ""), first(1, "1/")]
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("is spread evenly", () => {
    const stream = keyedRandom(3)("spread")
    const counts = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 10_000; i++) {
      const tenth = stream.between(0, 10)
      counts[tenth] = (counts[tenth] ?? 0) + 1
    }
    for (const count of counts) assert.isAtLeast(Math.min(count, 2000 - count), 880)
  })
})

describe("simulation", () => {
  it("lets an hour pass in no time, and agrees with itself about how long it was", () => {
    const program = Effect.gen(function*() {
      const now = yield* monotonicMillis
      const [wall, since] = [yield* Clock.currentTimeMillis, now()]
      yield* Effect.sleep("1 hour")
      return [(yield* Clock.currentTimeMillis) - wall, now() - since]
    })
    assert.deepStrictEqual(valueOf(run(program, { seed: 1 })), [3_600_000, 3_600_000])
  })

  it("wakes sleepers by instant and, within one, in the order in which they went to sleep", () =>
    fc.assert(fc.property(fc.array(fc.nat(5), { maxLength: 30 }), (delays) => {
      const woken: Array<readonly [number, number]> = []
      const program = Effect.forEach(
        delays,
        (delay, index) =>
          Effect.andThen(Effect.sleep(Duration.micros(BigInt(delay))), Effect.sync(() => woken.push([delay, index]))),
        {
          concurrency: "unbounded",
          discard: true
        }
      )
      valueOf(run(program, { seed: 1 }))
      assert.deepStrictEqual(woken, delays.map((d, i) => [d, i] as const).toSorted((a, b) => a[0] - b[0]))
    })))

  it("sets no timer that an interrupted sleeper leaves behind", () => {
    const program = Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.sleep("1 day"), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Effect.sleep("1 second"), "1 minute")
    })
    assert.strictEqual(simulate(program, { seed: 1 }).micros, 1_000_000)
  })

  it("runs queues, schedules, races and children as the stock runtime does", () => {
    const program = Effect.gen(function*() {
      const queue = yield* Queue.bounded<number>(2)
      yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5], (n) => Queue.offer(queue, n)))
      const taken = yield* Effect.forEach([1, 2, 3, 4, 5], () => Queue.take(queue))
      let tries = 0
      yield* Effect.retry(
        Effect.suspend(() => ++tries < 4 ? Effect.fail("again") : Effect.void),
        Schedule.exponential("1 second")
      )
      const winner = yield* Effect.race(Effect.as(Effect.sleep("2 seconds"), "b"), Effect.as(Effect.sleep(100), "a"))
      return [taken, tries, winner] as const
    })
    const result = simulate(program, { seed: 1 })
    assert.deepStrictEqual(valueOf(result.exit), [[1, 2, 3, 4, 5], 4, "a"])
    assert.strictEqual(result.micros, 7_100_000)
  })

  it("draws the same from the same seed, and something else from another", () => {
    const draw = Effect.all(Array.from({ length: 8 }, () => Random.nextInt))
    assert.deepStrictEqual(run(draw, { seed: 5 }), run(draw, { seed: 5 }))
    assert.notDeepEqual(run(draw, { seed: 5 }), run(draw, { seed: 6 }))
  })

  it("gives a failure and a defect back as they are", () => {
    assert.deepStrictEqual(run(Effect.fail("no"), { seed: 1 }), Exit.fail("no"))
    const bug = new Error("bug")
    assert.strictEqual(defectOf(run(Effect.die(bug), { seed: 1 })), bug)
  })

  it("lets fibers take turns though one of them never waits", () => {
    let turns = 0
    const program = Effect.gen(function*() {
      const busy = yield* Effect.forkChild(Effect.forever(Effect.sync(() => turns++), { disableYield: true }))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(busy)
    })
    valueOf(run(program, { seed: 1 }))
    assert.isAbove(turns, 100)
  })
})
