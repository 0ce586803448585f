import { Clock, Context, Duration, Effect, Random, Scheduler } from "effect"
import { type Agenda, CurrentAgenda } from "./Agenda.ts"
import { type Choices } from "./Choices.ts"
import { type FiberRecord, Fibers, type Task } from "./Fibers.ts"
import { Heap, type Timer } from "./Heap.ts"
import { type AnyFiber, withWaits, withWakeUps } from "./internals.ts"
import { type KeyedRandom, keyedRandom } from "./KeyedRandom.ts"
import { recording } from "./Policy.ts"
import { policyOf, type Schedule } from "./Schedule.ts"
import { chosenQueue, plainQueue } from "./TaskQueue.ts"
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
  /** Lets the next thing happen: one task that can run, or else the next timer, to which time jumps. False: there is none. */
  readonly step: () => boolean
  /** The instant of that next thing: now, if a task can run. Undefined: there is none. */
  readonly next: () => number | undefined
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
  const queue = recorded === undefined ? plainQueue() : chosenQueue(recorded.policy, fibers)
  const startMillis = options.startMillis ?? defaultStartMillis
  let now = 0
  const wallMillis = () => startMillis + Math.floor(now / 1000)

  const push = (run: () => void, priority: number) => queue.push(fibers.makeTask(run, priority, false, undefined))
  const agenda: Agenda = {
    now: () => now,
    at: (micros, run) => timers.push(Math.max(now, Math.ceil(micros)), run),
    cancel: (timer) => timers.remove(timer),
    soon: (run) => queue.push(fibers.makeTask(run, 0, true, undefined))
  }

  /** Stands for whichever timer is next, among the tasks. */
  const nextTimer = fibers.makeTask(() => undefined, 0, true, undefined)
  const goOn = (task: Task) => {
    fibers.begin(task)
    wakeUps?.begin(task)
    task.run()
  }
  const goOff = (timer: Timer) => {
    fibers.begin(undefined)
    wakeUps?.begin(undefined)
    nextTimer.actorTurn++
    now = timer.at
    timer.run()
  }
  const step = (): boolean => {
    const timer = timers.peek()
    const task = queue.take(timer?.at === now ? nextTimer : undefined)
    if (task !== undefined) goOn(task)
    else if (timer !== undefined) {
      timers.remove(timer)
      goOff(timer)
    } else return false
    return true
  }

  // All fibers share one dispatcher, or each would have a queue of its own and there would be no order between them.
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: push,
    flush: () => {
      for (let task = queue.take(undefined); task !== undefined; task = queue.take(undefined)) goOn(task)
    }
  }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: yielding(fibers, agenda.now, recorded?.policy),
    makeDispatcher: () => dispatcher
  }
  const wakeUps = open?.wakeUps === true ? queuedWakeUps(scheduler, fibers, queue) : undefined
  const noteWait = (fiber: AnyFiber, register: unknown) => {
    const record = fibers.of(fiber)
    if (record !== undefined) record.waitsWith = register
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
    next: () => queue.size() > 0 ? now : timers.peek()?.at,
    fibers: () => fibers.living(),
    choices: () => recorded?.choices(),
    watched: (body) => {
      const noted = () => withWaits(noteWait, body)
      return wakeUps === undefined ? noted() : withWakeUps(wakeUps, noted)
    }
  }
}
