import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import {
  DeadlinePassed,
  Deadlock,
  Livelock,
  run,
  type RunOptions,
  type Schedule,
  simulate,
  StepsSpent
} from "../../../../inprocess/kernel/index.ts"

const failing = <A, E>(program: Effect.Effect<A, E>, options: Partial<RunOptions> = {}): unknown => {
  const exit = run(program, { seed: 1, ...options })
  return Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined
}

const schedules: ReadonlyArray<Schedule> = [
  { _tag: "Fifo" },
  { _tag: "RandomWalk", preemption: 0.1, wakeUps: true },
  { _tag: "Lineage" },
  { _tag: "Pct", changes: 2, horizon: 16 }
]

describe("a deadlock", () => {
  const philosophers = Effect.gen(function*() {
    const [left, right] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const one = yield* Effect.forkChild(
      Effect.andThen(Deferred.await(left), Deferred.succeed(right, undefined)).pipe(Effect.withSpan("first"))
    )
    const inner = Effect.withSpan(Effect.andThen(Deferred.await(right), Deferred.succeed(left, undefined)), "inner")
    const two = yield* Effect.forkDetach(Effect.withSpan(inner, "second"))
    yield* Effect.forkChild(Effect.sleep("1 second"))
    yield* Effect.withSpan(Fiber.joinAll([one, two]), "supper")
  })

  it("names those who wait, by who started them and by their spans, under any schedule", () => {
    for (const schedule of schedules) {
      const defect = failing(philosophers, { schedule })
      assert.instanceOf(defect, Deadlock)
      assert.include(String(defect), "1 s of virtual time")
      assert.include(
        String(defect),
        `There wait\n  the main fiber in the span "supper"\n  fiber 0.0 in the span "first"\n  fiber 0.1 in the span "inner" in "second"`
      )
      assert.notInclude(String(defect), "0.2", "has ended")
    }
  })

  it("counts fibers that are started at once among their parent's, as those that are started later", () => {
    const leaf = (name: string) => Effect.withSpan(Effect.never, name)
    const program = Effect.gen(function*() {
      yield* Effect.forkChild(Effect.all([leaf("a"), leaf("b")], { concurrency: 2 }), { startImmediately: true })
      yield* Effect.forkChild(leaf("c"))
      yield* Effect.forkDetach(leaf("d"), { startImmediately: true })
      return yield* Effect.never
    })
    for (const schedule of schedules) {
      const text = String(failing(program, { schedule }))
      for (const [fiber, span] of [["0.0.0", "a"], ["0.0.1", "b"], ["0.1", "c"], ["0.2", "d"]]) {
        assert.include(text, `fiber ${fiber} in the span "${span}"`)
      }
    }
  })

  it("says so when what is awaited is a promise, or a timer of the real world", () => {
    const promise = Effect.withSpan(Effect.promise(() => globalThis.Promise.resolve(1)), "session")
    const tried = Effect.tryPromise((signal) => globalThis.Promise.reject(signal))
    const timer = Effect.callback<void>((resume) => void setTimeout(() => resume(Effect.void), 1))
    assert.include(String(failing(promise)), `the main fiber in the span "session": waits for a promise`)
    const aside = Effect.andThen(Effect.forkChild(tried), Effect.never)
    assert.match(String(failing(aside)), /There wait\n {2}fiber 0\.0: waits for a promise.*\n {2}the main fiber$/)
    assert.include(String(failing(timer, { leaks: "allow" })), "the main fiber: waits for a timer of the real world")
    assert.notInclude(String(failing(Effect.never)), "waits for a")
  })

  it("is told in a few lines however many wait", () => {
    const program = Effect.andThen(
      Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(Effect.never)),
      Effect.never
    )
    const lines = String(failing(program)).split("\n")
    assert.strictEqual(lines.length, 14)
    assert.strictEqual(lines.at(-1), "  and 89 more")
  })
})

describe("a run that doesn't end", () => {
  it("is a livelock if no time passes, and names who is busy", () => {
    const busy = Effect.withSpan(Effect.forever(Effect.yieldNow), "spinning")
    const program = Effect.gen(function*() {
      yield* Effect.sleep("2 seconds")
      yield* Effect.forkChild(busy)
      return yield* Effect.never
    })
    const defect = failing(program, { maxStepsAtOnce: 500 })
    assert.instanceOf(defect, Livelock)
    assert.match(
      String(defect),
      /2 s of virtual time: 500 steps.*\n {2}fiber 0\.0 in the span "spinning" \(\d+ turns\)/
    )
  })

  it("is no livelock if time passes, and spends its steps or meets its deadline", () => {
    const ticking = Effect.forever(Effect.sleep("1 second"))
    assert.instanceOf(failing(ticking, { maxStepsAtOnce: 50, maxSteps: 500 }), StepsSpent)
    const defect = failing(Effect.withSpan(ticking, "ticking"), { deadline: "1 minute" })
    assert.instanceOf(defect, DeadlinePassed)
    assert.match(String(defect), /within 60 s of virtual time.*\n {2}the main fiber in the span "ticking"/)
  })

  it("may still end at its deadline, and nothing happens after it", () => {
    let late = false
    const program = (delay: number) => Effect.andThen(Effect.sleep(delay), Effect.sync(() => late = delay > 1000))
    assert.strictEqual(simulate(program(1000), { seed: 1, deadline: "1 second" }).exit._tag, "Success")
    assert.instanceOf(failing(program(1001), { deadline: "1 second" }), DeadlinePassed)
    assert.isFalse(late)
  })

  it("is none where a fiber waits actively for another, whatever the priorities", () => {
    const program = Effect.gen(function*() {
      const state = { done: false }
      yield* Effect.forkChild(Effect.sync(() => state.done = true))
      while (!state.done) yield* Effect.yieldNow
    })
    for (let seed = 0; seed < 20; seed++) {
      for (const schedule of schedules) assert.strictEqual(run(program, { seed, schedule })._tag, "Success")
    }
  })
})
