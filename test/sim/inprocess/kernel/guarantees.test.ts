/** What Effect promises holds under every schedule that the kernel can make: otherwise what it finds would be its own fault. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, FiberSet, Latch, Queue, Ref, Scope, Semaphore } from "effect"
import effectPackage from "effect/package.json" with { type: "json" }
import * as fc from "fast-check"
import { drawSchedule, run, type Schedule } from "../../../../inprocess/kernel/index.ts"
import { fingerprint, fits, fitsEffect, withWakeUps } from "../../../../inprocess/kernel/internals.ts"

const schedules: fc.Arbitrary<Schedule> = fc.oneof(
  fc.noShrink(fc.nat()).map(drawSchedule),
  fc.record({
    _tag: fc.constantFrom("Fifo" as const, "RandomWalk" as const, "Lineage" as const),
    preemption: fc.constantFrom(0, 0.05, 0.5),
    wakeUps: fc.boolean()
  })
)

const holds = (program: (n: number) => Effect.Effect<void, unknown, Scope.Scope>, numRuns = 300) =>
  fc.assert(
    fc.property(schedules, fc.noShrink(fc.nat()), fc.integer({ min: 1, max: 6 }), (schedule, seed, n) => {
      const exit = run(Effect.scoped(program(n)), { seed, schedule, maxSteps: 20_000 })
      if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause), { cause: Cause.squash(exit.cause) })
    }),
    { numRuns }
  )

const times = (n: number) => Array.from({ length: n }, (_, index) => index)
const check = (truth: boolean, what: string) => Effect.sync(() => assert.isTrue(truth, what))
/** Waits a few turns, other ones for each index. */
const dally = (n: number) => Effect.forEach(times(n % 4), () => Effect.yieldNow, { discard: true })

describe("under any schedule", () => {
  it("every finalizer runs once, whenever its fiber is interrupted", () =>
    holds((n) =>
      Effect.gen(function*() {
        let [acquired, released] = [0, 0]
        const work = Effect.acquireUseRelease(
          Effect.andThen(Effect.yieldNow, Effect.sync(() => acquired++)),
          () => Effect.andThen(dally(n), Effect.sleep(n)),
          () => Effect.andThen(Effect.yieldNow, Effect.sync(() => released++))
        )
        const fibers = yield* Effect.forEach(times(n), () => Effect.forkChild(work))
        yield* Effect.forEach(fibers, (fiber, index) => Effect.andThen(dally(index), Fiber.interrupt(fiber)), {
          concurrency: n
        })
        yield* check(acquired === released, `${acquired} acquired, ${released} released`)
        yield* check(fibers.every((fiber) => fiber.pollUnsafe() !== undefined), "interrupt waits for the end")
      })
    ))

  it("what must not be interrupted is not, and what follows it is", () =>
    holds((n) =>
      Effect.gen(function*() {
        const steps: Array<string> = []
        const note = (text: string) => Effect.sync(() => steps.push(text))
        const begun = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          Effect.uninterruptible(
            Effect.all([Deferred.succeed(begun, undefined), dally(n), Effect.sleep(1), note("whole")])
          ).pipe(Effect.andThen(Effect.never), Effect.ensuring(note("final")))
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        yield* check(steps.join() === "whole,final", steps.join())
      })
    ))

  it("a deferred gives all who wait what the first gave it", () =>
    holds((n) =>
      Effect.gen(function*() {
        const deferred = yield* Deferred.make<number>()
        const waiting = yield* Effect.forEach(times(n), () => Effect.forkChild(Deferred.await(deferred)))
        const won = yield* Effect.forEach(
          times(3),
          (i) => Effect.andThen(dally(n + i), Deferred.succeed(deferred, i)),
          {
            concurrency: 3
          }
        )
        const values = yield* Fiber.joinAll(waiting)
        yield* check(won.filter(Boolean).length === 1, "one wins")
        yield* check(values.every((value) => won[value] === true), "all get the winner's")
      })
    ))

  it("a queue loses nothing, doubles nothing and keeps each producer's order, though takers are interrupted", () =>
    holds((n) =>
      Effect.gen(function*() {
        const queue = yield* Queue.bounded<readonly [number, number]>(n % 3 + 1)
        const taken: Array<readonly [number, number]> = []
        // What a take has given is noted in the same step: an interrupt may come before any other.
        const take = Effect.tap(Queue.take(queue), (it) => Effect.sync(() => taken.push(it)))
        const taking = Effect.uninterruptibleMask((restore) =>
          Effect.forever(Effect.flatMap(restore(Queue.take(queue)), (it) => Effect.sync(() => taken.push(it))))
        )
        const doomed = yield* Effect.forEach(times(2), () => Effect.forkChild(taking))
        const producers = yield* Effect.forEach(times(n), (name) =>
          Effect.forkChild(Effect.forEach(times(4), (i) =>
            Effect.andThen(dally(i), Queue.offer(queue, [name, i])))))
        yield* dally(n)
        yield* Effect.forEach(doomed, Fiber.interrupt)
        while (taken.length < 4 * n) {
          yield* take
        }
        yield* Fiber.joinAll(producers)
        yield* check((yield* Queue.size(queue)) === 0, "nothing twice")
        for (const name of times(n)) {
          const own = taken.filter(([producer]) =>
            producer === name
          ).map(([, i]) => i)
          yield* check(own.length === 4, `all of ${name}: ${own.join()}`)
        }
      })
    ))

  it("a semaphore never gives more than it has, and gets all back", () =>
    holds((n) =>
      Effect.gen(function*() {
        const semaphore = yield* Semaphore.make(2)
        let [inside, most] = [0, 0]
        const enter = Effect.sync(() => most = Math.max(most, ++inside))
        const leave = Effect.sync(() => inside--)
        const work = Semaphore.withPermit(semaphore, Effect.ensuring(Effect.andThen(enter, Effect.sleep(n)), leave))
        const fibers = yield* Effect.forEach(times(n + 2), () => Effect.forkChild(work))
        yield* dally(n)
        yield* Effect.forEach(fibers, (fiber, i) => i % 2 === 0 ? Fiber.interrupt(fiber) : Fiber.await(fiber), {
          concurrency: "unbounded"
        })
        yield* check(most <= 2, `${most} at once`)
        yield* Semaphore.withPermits(semaphore, 2, Effect.void)
      })
    ))

  it("what is waited for in a callback is given, or cancelled, and never both", () =>
    holds((n) =>
      Effect.gen(function*() {
        const waiters = new Map<number, (value: Effect.Effect<number>) => void>()
        let [asked, given, got, cancelled] = [0, 0, 0, 0]
        const wait = (index: number) =>
          Effect.uninterruptibleMask((restore) =>
            restore(Effect.callback<number>((resume) => {
              asked++
              waiters.set(index, resume)
              return Effect.sync(() => {
                cancelled++
                waiters.delete(index)
              })
            })).pipe(Effect.tap(() => Effect.sync(() => got++)))
          )
        const fibers = yield* Effect.forEach(
          times(n),
          (i) => Effect.forkChild(wait(i), { startImmediately: true })
        )
        const give = Effect.forEach(times(n), (i) =>
          Effect.andThen(
            dally(i),
            Effect.sync(() => {
              const resume = waiters.get(i)
              if (resume === undefined) return
              waiters.delete(i)
              given++
              resume(Effect.succeed(i))
            })
          ))
        yield* Effect.all(
          [give, Effect.forEach(fibers, (it, i) => Effect.andThen(dally(i + n), Fiber.interrupt(it)))],
          {
            concurrency: 2
          }
        )
        const counts = `${asked} asked, ${given} given, ${got} got, ${cancelled} cancelled`
        yield* check(got === given && got + cancelled === asked, counts)
      }), 1000))

  it("a race has one winner and ends its losers, and a failure ends its siblings", () =>
    holds((n) =>
      Effect.gen(function*() {
        let living = 0
        const racer = (i: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => living++),
            () => Effect.as(Effect.andThen(dally(i), Effect.sleep(i === 0 ? 1 : "1 hour")), i),
            () => Effect.sync(() => living--)
          )
        const winner = yield* Effect.raceAll(times(n + 1).map(racer))
        yield* check(winner === 0 && living === 0, `${winner} won, ${living} left`)
        const failing = Effect.andThen(dally(n), Effect.fail("no"))
        const exit = yield* Effect.exit(
          Effect.all([...times(n + 1).slice(1).map(racer), failing], { concurrency: "unbounded" })
        )
        yield* check(Exit.isFailure(exit) && living === 0, `${living} siblings left`)
      })
    ))

  it("a closed scope leaves none of its fibers, and refs, latches and sets of fibers are as ever", () =>
    holds((n) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const [latch, counter] = [yield* Latch.make(), yield* Ref.make(0)]
        const set = yield* FiberSet.make<void>().pipe(Scope.provide(scope))
        const work = Effect.andThen(Latch.await(latch), Ref.update(counter, (count) => count + 1))
        yield* Effect.forEach(times(n), () => FiberSet.run(set, work))
        yield* FiberSet.run(set, Effect.never)
        yield* dally(n)
        yield* Latch.open(latch)
        while ((yield* Ref.get(counter)) < n) yield* Effect.sleep(1)
        yield* Scope.close(scope, Exit.void)
        yield* check((yield* FiberSet.size(set)) === 0, "none is left")
      })
    ))
})

describe("what makes wake-ups decisions", () => {
  it("fits the effect that is installed", () => {
    assert.deepStrictEqual(
      { version: effectPackage.version, fingerprint },
      fitsEffect,
      "effect has changed where inprocess/kernel/internals.ts looks into it: read FiberImpl (evaluate, interruptUnsafe, runLoop) and Effect.callback again, adapt internals.ts, see the properties above pass, and only then write the new version and fingerprint there"
    )
    assert.isTrue(fits)
  })

  it("leaves fibers outside of the simulation alone, and is gone after the run", () => {
    const prototype: object = Object.getPrototypeOf(Effect.runFork(Effect.void)) as object
    const before = [Reflect.get(prototype, "evaluate"), Reflect.get(prototype, "interruptUnsafe")]
    const deferred = Deferred.makeUnsafe<number>()
    const outside = Effect.runFork(Deferred.await(deferred))
    const program = Effect.gen(function*() {
      yield* Deferred.succeed(deferred, 7)
      return outside.pollUnsafe()
    })
    const exit = run(program, { seed: 1, schedule: { _tag: "RandomWalk", wakeUps: true } })
    assert.deepStrictEqual(exit, Exit.succeed(Exit.succeed(7)))
    const during = withWakeUps(
      {
        scheduler: outside.cache.scheduler,
        hasTurn: () => true,
        wake: () => undefined,
        interrupt: () => undefined
      },
      () => Reflect.get(prototype, "evaluate")
    )
    assert.notStrictEqual(during, before[0])
    assert.deepStrictEqual([Reflect.get(prototype, "evaluate"), Reflect.get(prototype, "interruptUnsafe")], before)
  })
})
