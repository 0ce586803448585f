import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Hash, HashMap, Random } from "effect"
import { Leak, run, type RunOptions, simulate } from "../../../../inprocess/kernel/index.ts"

const defectOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined
const runSync = <A>(body: () => A, options: Partial<RunOptions> = {}) =>
  simulate(Effect.sync(body), { seed: 1, ...options })

const nothing = () => undefined
const calls: ReadonlyArray<readonly [call: string, instead: string, leak: () => unknown]> = [
  ["Math.random()", "Random", () => Math.random()],
  ["Date.now()", "Clock", () => Date.now()],
  ["new Date()", "Clock", () => new Date()],
  ["Date()", "Clock", () => Date()],
  ["performance.now()", "Clock", () => performance.now()],
  ["process.hrtime()", "Clock", () => process.hrtime()],
  ["process.hrtime.bigint()", "Clock", () => process.hrtime.bigint()],
  ["crypto.randomUUID()", "Random", () => crypto.randomUUID()],
  ["crypto.getRandomValues()", "Random", () => crypto.getRandomValues(new Uint8Array(4))],
  ["setTimeout()", "Effect.sleep", () => setTimeout(nothing, 1)],
  ["setInterval()", "Effect.sleep", () => setInterval(nothing, 1)],
  ["setImmediate()", "Effect.yieldNow", () => setImmediate(nothing)],
  ["queueMicrotask()", "Effect.yieldNow", () => queueMicrotask(nothing)]
]
const globals = () => [
  Math.random,
  Date,
  performance.now,
  process.hrtime,
  crypto.randomUUID,
  crypto.getRandomValues,
  setTimeout,
  setInterval,
  setImmediate,
  queueMicrotask,
  clearTimeout,
  clearInterval,
  clearImmediate
]

describe("a leak into the real world", () => {
  it.each(calls)(
    "by %s fails the run with an error that names the call, and %s to use instead",
    (call, instead, leak) => {
      const defect = defectOf(runSync(leak).exit)
      assert.instanceOf(defect, Leak)
      assert.strictEqual(defect instanceof Leak && defect.call, call)
      assert.include(String(defect), `${call} was called in a simulation`)
      assert.include(String(defect), `use ${instead}`)
    }
  )

  it("fails the run though somebody has caught it", () => {
    const program = Effect.gen(function*() {
      const session = yield* Effect.forkChild(Effect.sync(() => Date.now()))
      yield* Effect.exit(Effect.sleep(1))
      return session.pollUnsafe()?._tag
    })
    assert.instanceOf(defectOf(run(program, { seed: 1 })), Leak)
  })

  it("is none where the real world is not reached", () => {
    const exit = runSync(() => [new Date(5).getTime(), Date.UTC(2020, 1), new Date(5) instanceof Date]).exit
    assert.deepStrictEqual(exit, Exit.succeed([5, Date.UTC(2020, 1), true]))
  })

  it("is none by Effect's own hashes and span ids, which follow from the seed", () => {
    const program = Effect.gen(function*() {
      const objects = Array.from({ length: 20 }, (_, n) => ({ n }))
      const map = HashMap.fromIterable(objects.map((key) => [key, key.n]))
      const span = yield* Effect.withSpan(Effect.currentSpan, "span")
      return [Hash.hash({}), Array.from(HashMap.values(map)), span.spanId]
    })
    const exit = run(program, { seed: 1 })
    assert.isTrue(Exit.isSuccess(exit))
    assert.deepStrictEqual(run(program, { seed: 1 }), exit)
    assert.notDeepEqual(run(program, { seed: 2 }), exit)
  })

  it("is let through where that is asked for", () => {
    for (const [, , leak] of calls) assert.isTrue(Exit.isSuccess(runSync(leak, { leaks: "allow" }).exit))
  })
})

describe("the guard", () => {
  it("puts everything back after each run, however it ended", () => {
    const before = globals()
    runSync(() => Math.random())
    runSync(nothing, { leaks: "virtual" })
    run(Effect.never, { seed: 1 })
    run(Effect.sync(() => run(Effect.void, { seed: 2 })), { seed: 1 })
    assert.throws(() => simulate(Effect.void, { seed: 1, schedule: { _tag: "Replay", choices: "nonsense" } }))
    assert.deepStrictEqual(globals(), before)
    assert.isFalse(Object.hasOwn(crypto, "randomUUID"))
  })

  it("keeps guarding after a run inside the run", () => {
    const program = Effect.sync(() => {
      run(Effect.void, { seed: 2 })
      return Math.random()
    })
    assert.instanceOf(defectOf(run(program, { seed: 1 })), Leak)
  })
})

describe("what reaches for the real world and is given a virtual one", () => {
  const virtual = (seed: number) => ({ seed, leaks: "virtual" }) as const

  it("has the time of the simulation's clock", () => {
    const program = Effect.gen(function*() {
      const before = [Date.now(), performance.now(), process.hrtime.bigint()] as const
      yield* Effect.sleep("1 hour")
      const [seconds] = process.hrtime()
      assert.deepStrictEqual([Date.now(), new Date().getTime()], [yield* Clock.currentTimeMillis, Date.now()])
      return [Date.now() - before[0], performance.now() - before[1], process.hrtime.bigint() - before[2], seconds]
    })
    assert.deepStrictEqual(run(program, virtual(1)), Exit.succeed([3_600_000, 3_600_000, 3_600_000_000_000n, 3600]))
  })

  it("has randomness that follows from the seed, and takes none from anybody else", () => {
    const draw = () => [Math.random(), crypto.randomUUID(), Array.from(crypto.getRandomValues(new Uint16Array(3)))]
    const of = (seed: number) => run(Effect.sync(draw), virtual(seed))
    assert.deepStrictEqual(of(1), of(1))
    assert.notDeepEqual(of(1), of(2))
    const uuid = run(Effect.sync(() => crypto.randomUUID()), virtual(1))
    assert.match(
      Exit.isSuccess(uuid) ? uuid.value : "",
      /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
    )
    const beside = (leak: boolean) =>
      run(Effect.andThen(Effect.sync(() => leak && Math.random()), Random.next), virtual(1))
    assert.deepStrictEqual(beside(true), beside(false))
  })

  it("has timers that go off in virtual time, in order, unless they are cleared", () => {
    const seen: Array<string> = []
    const program = Effect.gen(function*() {
      const note = (text: string) => seen.push(`${performance.now()} ${text}`)
      setTimeout(note, 20, "later")
      const cleared = setTimeout(note, 10, "never")
      const ticks = setInterval(note, 8, "tick")
      setImmediate(note, "at once")
      clearImmediate(setImmediate(note, "never"))
      queueMicrotask(() => note("in turn"))
      clearTimeout(cleared.unref())
      yield* Effect.sleep(18)
      clearInterval(ticks)
      yield* Effect.sleep("1 second")
    })
    assert.isTrue(Exit.isSuccess(run(program, virtual(1))))
    assert.deepStrictEqual(seen, ["0 at once", "0 in turn", "8 tick", "16 tick", "20 later"])
  })
})
