/** Three planted races. Each is a program that fails under some schedules only. Run as a program it prints one race's schedule. */
import { Deferred, Effect, Exit, Fiber, Queue } from "effect"
import { drawSchedule, type Run, type Schedule, simulate } from "../../../../inprocess/kernel/index.ts"

type Wrong = "wrong"
const expect = (truth: boolean): Effect.Effect<void, Wrong> => truth ? Effect.void : Effect.fail("wrong")

/** A read and a write with a yield between, twice at once. */
const lostUpdate = Effect.gen(function*() {
  let count = 0
  const increment = Effect.gen(function*() {
    const read = yield* Effect.sync(() => count)
    yield* Effect.yieldNow
    yield* Effect.sync(() => count = read + 1)
  })
  // The second usually begins long after the first has ended.
  const later = Effect.andThen(Effect.forEach([1, 2, 3, 4, 5, 6], () => Effect.yieldNow), increment)
  yield* Effect.all([increment, later], { concurrency: 2 })
  yield* expect(count === 2)
})

/** Two that wait for the same, and a program that takes it for granted which of them goes on first. */
const wakeUpOrder = Effect.gen(function*() {
  const gate = yield* Deferred.make<void>()
  const order = yield* Queue.unbounded<number>()
  const waiting = (name: number) => Effect.andThen(Deferred.await(gate), Queue.offer(order, name))
  const first = yield* Effect.forkChild(waiting(1), { startImmediately: true })
  const second = yield* Effect.forkChild(waiting(2), { startImmediately: true })
  yield* Deferred.succeed(gate, undefined)
  yield* Fiber.joinAll([first, second])
  yield* expect((yield* Queue.take(order)) === 1)
})

/** One slot; whether it is free is looked up in one operation, and it is taken in another. */
const checkThenAct = Effect.gen(function*() {
  let free = 1
  const take = Effect.gen(function*() {
    const isFree = yield* Effect.sync(() => free > 0)
    yield* Effect.void
    if (isFree) yield* Effect.sync(() => free--)
  })
  yield* Effect.all([Effect.forkChild(take), Effect.forkChild(take)]).pipe(Effect.flatMap(Fiber.joinAll))
  yield* expect(free === 0)
})

export const races = { lostUpdate, wakeUpOrder, checkThenAct }

export const attempt = (race: keyof typeof races, schedule: Schedule, seed = 1): Run<void, Wrong> =>
  simulate(races[race], { seed, schedule })

export const fails = (run: Run<void, Wrong>): boolean => Exit.isFailure(run.exit)

/** Everything that tells one schedule from another, under the schedule that is drawn from the seed. */
export const scheduleHash = (seed: number): string => {
  const seen: Array<string> = []
  const program = Effect.gen(function*() {
    const queue = yield* Queue.bounded<number>(2)
    const say = (text: string) => Effect.sync(() => seen.push(text))
    const producer = (name: number) =>
      Effect.forEach([1, 2, 3, 4, 5], (n) =>
        Effect.gen(function*() {
          yield* say(`${name} offers ${n}`)
          yield* Queue.offer(queue, name * 10 + n)
          if (n % 2 === 0) yield* Effect.sleep(n)
        }))
    const fibers = yield* Effect.forEach([1, 2, 3], (name) => Effect.forkChild(producer(name)))
    const taker = yield* Effect.forkChild(Effect.forever(Effect.flatMap(Queue.take(queue), (n) => say(`took ${n}`))))
    yield* Fiber.joinAll(fibers)
    yield* Fiber.interrupt(taker)
  })
  const { choices, exit, micros, steps } = simulate(program, { seed, schedule: drawSchedule(seed) })
  return JSON.stringify([seen, choices, exit._tag, micros, steps])
}

if (process.argv[1] === import.meta.filename) process.stdout.write(scheduleHash(Number(process.argv[2])))
