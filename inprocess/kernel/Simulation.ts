import { Clock, Context, Duration, Effect, Random, Scheduler } from "effect"
import { type Agenda, CurrentAgenda } from "./Agenda.ts"
import { type Choices } from "./Choices.ts"
import { FiberRecord, Fibers } from "./Fibers.ts"
import { Heap } from "./Heap.ts"
import { type AnyFiber, withWaits, withWakeUps } from "./internals.ts"
import { type KeyedRandom, keyedRandom } from "./KeyedRandom.ts"
import { recording } from "./Policy.ts"
import { policyOf, type Schedule } from "./Schedule.ts"
import { openQueue, plainQueue, type TaskQueue } from "./TaskQueue.ts"
import { queuedWakeUps } from "./wakeUps.ts"
import { yielding } from "./yielding.ts"

export interface SimulationOptions {
  /** All randomness follows from it. */
  readonly seed: number | string
  /** Default: first come, first served. */
  readonly schedule?: Schedule
  /** Wall-clock milliseconds at the start. Default: 2026-01-01T00:00:00Z. */
  readonly startMillis?: number
}

/** A world of its own: its time, its randomness, and which of its fibers runs next. Nothing happens in it but by `step`. */
export interface Simulation extends Agenda {
  /** Fibers that run with it live in this simulation. */
  readonly context: Context.Context<never>
  readonly random: KeyedRandom
  /** What its clocks show: milliseconds since 1970. */
  readonly wallMillis: () => number
  /**
   * Lets the next thing happen: one task that can run, or else the next timer, to which time jumps. False: there is none, or
   * none until that instant, in microseconds.
   */
  readonly step: (until?: number) => boolean
  /** How many timers are set. */
  readonly timers: () => number
  /** The fibers that have started and not ended. */
  readonly fibers: () => ReadonlyArray<FiberRecord>
  /** What has been decided; undefined where nothing is open, and where it is too much to keep. */
  readonly choices: () => Choices | undefined
  /** Steps belong inside: it lets the schedule see what it relies on (see `internals.ts`) for as long as `body` runs. */
  readonly watched: <A>(body: () => A) => A
}

const defaultStartMillis = 1_767_225_600_000

/** Rounded up: nobody wakes before the time. */
const microsOf = (duration: Duration.Duration): number => Math.ceil(Duration.toMillis(duration) * 1000)

const makeClock = (agenda: Agenda, startMillis: number, currentTimeMillisUnsafe: () => number): Clock.Clock => {
  const startNanos = BigInt(startMillis) * 1_000_000n
  let readAt = -1
  let nanos = 0n
  // Read very often, and at most once per instant is there something to convert.
  const monotonicTimeNanosUnsafe = () => {
    const now = agenda.now()
    if (now !== readAt) {
      readAt = now
      nanos = BigInt(now) * 1000n
    }
    return nanos
  }
  const currentTimeNanosUnsafe = () => startNanos + monotonicTimeNanosUnsafe()
  return {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe,
    monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe),
    sleep: (duration) => {
      const micros = microsOf(duration)
      if (micros <= 0) return Effect.yieldNow
      if (!Number.isFinite(micros)) return Effect.never
      return Effect.callback((resume) => {
        const timer = agenda.at(agenda.now() + micros, () => resume(Effect.void))
        return Effect.sync(() => agenda.cancel(timer))
      })
    }
  }
}

export const makeSimulation = (options: SimulationOptions): Simulation => {
  const random = keyedRandom(options.seed)
  const fibers = new Fibers()
  const timers = new Heap()
  const open = policyOf(options.schedule ?? { _tag: "Fifo" }, random)
  const recorded = open && recording(open.policy, open.wakeUps)
  const opened = recorded && openQueue(recorded.policy)
  const queue: TaskQueue = opened ?? plainQueue()
  const startMillis = options.startMillis ?? defaultStartMillis
  let now = 0
  const wallMillis = () => startMillis + Math.floor(now / 1000)

  const agenda: Agenda = {
    now: () => now,
    at: (micros, run) => timers.push(Math.max(now, Math.ceil(micros)), run),
    set: (timer, micros) => timers.set(timer, Math.max(now, Math.ceil(micros))),
    cancel: (timer) => timers.remove(timer),
    soon: queue.pushInOrder
  }

  const take: TaskQueue["take"] = opened === undefined ? queue.take : (timerIsDue) => {
    const task = opened.take(timerIsDue)
    wakeUps?.begin(task)
    return task
  }
  const runTask = (timerIsDue: boolean): boolean => {
    const task = take(timerIsDue)
    if (task === undefined) return false
    fibers.begin(task)
    task.run()
    return true
  }
  const step = (until = Infinity): boolean => {
    const timer = timers.peek()
    if (runTask(timer?.at === now)) return true
    if (timer === undefined || timer.at > until) return false
    timers.remove(timer)
    fibers.begin(undefined)
    now = timer.at
    timer.run()
    return true
  }

  const flush = () => {
    while (runTask(false));
  }
  const sink = { push: queue.push, flush }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: yielding(fibers, agenda.now, recorded?.policy),
    // One queue for all of them, or there would be no order between fibers.
    makeDispatcher: () => new FiberRecord(sink)
  }
  const wakeUps = opened !== undefined && open?.wakeUps === true ? queuedWakeUps(scheduler, fibers, opened) : undefined
  const noteWait = (fiber: AnyFiber, callback: unknown) => {
    const record = fibers.of(fiber)
    if (record !== undefined) record.waitsWith = callback
  }
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(Clock.Clock, makeClock(agenda, startMillis, wallMillis)),
    Context.add(Random.Random, random("main")),
    Context.add(CurrentAgenda, agenda)
  )
  return {
    ...agenda,
    context,
    random,
    wallMillis,
    step,
    timers: () => timers.size,
    fibers: () => fibers.living(),
    choices: () => recorded?.choices(),
    watched: (body) => {
      const noted = () => withWaits(noteWait, body)
      return wakeUps === undefined ? noted() : withWakeUps(wakeUps, noted)
    }
  }
}
