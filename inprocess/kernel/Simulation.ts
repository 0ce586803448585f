import { Clock, Context, Duration, Effect, Random, Scheduler } from "effect"
import { type Agenda, CurrentAgenda } from "./Agenda.ts"
import { Heap } from "./Heap.ts"
import { type KeyedRandom, keyedRandom } from "./KeyedRandom.ts"
import { fifo, type Policy } from "./Policy.ts"

export interface SimulationOptions {
  /** All randomness follows from it. */
  readonly seed: number | string
  /** Default: first come, first served. */
  readonly policy?: Policy
  /** Wall-clock milliseconds at the start. Default: 2026-01-01T00:00:00Z. */
  readonly startMillis?: number
}

/** A world of its own: its time, its randomness, and which of its fibers runs next. Nothing happens in it but by `step`. */
export interface Simulation extends Agenda {
  /** Fibers that run with it live in this simulation. */
  readonly context: Context.Context<never>
  readonly random: KeyedRandom
  /** Lets the next thing happen: one task that can run, or else the next timer, to which time jumps. False: there is none. */
  readonly step: () => boolean
}

const defaultStartMillis = 1_767_225_600_000

/** Rounded up: nobody wakes before the time. */
const microsOf = (duration: Duration.Duration): number => Math.ceil(Duration.toMillis(duration) * 1000)

const makeClock = (agenda: Agenda, startMillis: number): Clock.Clock => {
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
  const currentTimeMillisUnsafe = () => startMillis + Math.floor(agenda.now() / 1000)
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
  const policy = options.policy ?? fifo()
  const timers = new Heap()
  const random = keyedRandom(options.seed)
  let now = 0
  const agenda: Agenda = {
    now: () => now,
    at: (micros, run) => timers.push(Math.max(now, Math.ceil(micros)), run),
    cancel: (timer) => timers.remove(timer),
    soon: (run) => policy.push(run, 0)
  }
  const step = (): boolean => {
    const task = policy.take()
    if (task !== undefined) {
      task()
      return true
    }
    const timer = timers.pop()
    if (timer === undefined) return false
    now = timer.at
    timer.run()
    return true
  }
  // All fibers share one dispatcher, or each would have a queue of its own and there would be no order between them.
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: policy.push,
    flush: () => {
      for (let task = policy.take(); task !== undefined; task = policy.take()) task()
    }
  }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: policy.shouldYield,
    makeDispatcher: () => dispatcher
  }
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(Clock.Clock, makeClock(agenda, options.startMillis ?? defaultStartMillis)),
    Context.add(Random.Random, random("main")),
    Context.add(CurrentAgenda, agenda)
  )
  return { ...agenda, context, random, step }
}
