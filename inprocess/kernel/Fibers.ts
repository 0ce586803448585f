import { type Scheduler } from "effect"
import { mixWords } from "./hash.ts"
import { type AnyFiber, isRunning } from "./internals.ts"

/** A fiber of the simulation. */
export interface FiberRecord {
  readonly fiber: AnyFiber
  /**
   * Which of those that its parent started it is, after the same of each of its ancestors; of a long line the first few and the
   * last. Not the ancestors themselves: they may have ended long ago, and are forgotten then.
   */
  readonly line: ReadonlyArray<number>
  /** Its parent's actor; 0 if it has none. */
  readonly parentActor: number
  /** Follows from its lineage alone: the same in every process, and under every schedule that leaves its ancestors be. */
  readonly actor: number
  /** How many it has started, by now. */
  starts: number
  /** How often it has started or gone on, and how often in the instant `at`. */
  turns: number
  turnsAt: number
  at: number
  /** With what it last began to wait: an `Effect.callback`. */
  waitsWith: unknown
}

/**
 * Effect keeps one for each fiber, and sets its tasks there: those with which the fiber itself goes on, and the starts of the
 * fibers that it forks. So it is also where we keep what we know of the fiber.
 */
class Dispatcher implements Scheduler.SchedulerDispatcher {
  record: FiberRecord | undefined
  readonly #set: SetTask
  readonly #flush: () => void

  constructor(set: SetTask, flush: () => void) {
    this.#set = set
    this.#flush = flush
  }

  scheduleTask(run: () => void, priority: number): void {
    this.#set(run, priority, this.record)
  }

  flush(): void {
    this.#flush()
  }
}

type SetTask = (run: () => void, priority: number, setter: FiberRecord | undefined) => void

/** Something that can run: a fiber that starts or goes on, or a callback. */
export interface Task {
  readonly run: () => void
  /** Lower ones go first. */
  readonly priority: number
  /** The fiber at whose dispatcher it was set: the one that goes on, or that starts another. */
  readonly setter: FiberRecord | undefined
  /** Among those that the setter started, if it starts one. */
  readonly index: number
}

/** Below it nobody looks for fibers that have ended. */
const smallCrowd = 1024

/** A longer line is told, and kept, without its middle. */
const longestLine = 12
const firstFew = 4

const lineOfChild = (line: ReadonlyArray<number>, index: number): ReadonlyArray<number> =>
  line.length <= longestLine
    ? [...line, index]
    : [...line.slice(0, firstFew), ...line.slice(firstFew + 1), index]

/** `0.3.1`: the second that was started by the fourth that was started by the first. */
export const lineage = ({ line }: FiberRecord): string =>
  line.length <= longestLine
    ? line.join(".")
    : `${line.slice(0, firstFew).join(".")}…${line.slice(firstFew - longestLine).join(".")}`

/** Knows the fibers of a simulation by who started them, as their own ids count per process. */
export class Fibers {
  #records: Array<FiberRecord> = []
  #sweepAbove = smallCrowd
  #roots = 0
  /** What runs, and in it the fibers that have begun their turns, the innermost last. */
  #task: Task | undefined
  readonly #running: Array<FiberRecord> = []

  makeDispatcher(set: SetTask, flush: () => void): Scheduler.SchedulerDispatcher {
    return new Dispatcher(set, flush)
  }

  of(fiber: AnyFiber): FiberRecord | undefined {
    const dispatcher = fiber.currentDispatcher
    return dispatcher instanceof Dispatcher ? dispatcher.record : undefined
  }

  /** A task is about to run. */
  begin(task: Task | undefined): void {
    this.#task = task
    this.#running.length = 0
  }

  /** A fiber is about to do its first operation since it started or went on. */
  hasTurn(fiber: AnyFiber, now: number): void {
    const running = this.#running
    while (running.length > 0) {
      const innermost = running[running.length - 1]
      if (innermost === undefined || isRunning(innermost.fiber)) break
      running.pop()
    }
    const dispatcher = fiber.currentDispatcher
    if (!(dispatcher instanceof Dispatcher)) return
    const record = dispatcher.record ??= this.#add(fiber, running[running.length - 1])
    const task = this.#task
    if (task !== undefined) {
      this.#task = undefined
      // It started nobody, so the number is free, and numbers depend less on the schedule.
      const { setter } = task
      if (setter !== undefined && setter.actor !== record.parentActor && setter.starts === task.index + 1) {
        setter.starts--
      }
    }
    running.push(record)
    record.turns++
    if (record.at !== now) {
      record.at = now
      record.turnsAt = 0
    }
    record.turnsAt++
  }

  /** Those that have started and not ended. The others are forgotten, with all that they held. */
  living(): ReadonlyArray<FiberRecord> {
    this.#records = this.#records.filter(({ fiber }) => fiber.pollUnsafe() === undefined)
    return this.#records.slice()
  }

  #add(fiber: AnyFiber, running: FiberRecord | undefined): FiberRecord {
    const parent = running ?? this.#task?.setter
    const index = parent === undefined
      ? this.#roots++
      : running === undefined
      ? this.#task?.index ?? 0
      : parent.starts++
    const parentActor = parent?.actor ?? 0
    const record: FiberRecord = {
      fiber,
      line: lineOfChild(parent?.line ?? [], index),
      parentActor,
      actor: mixWords(parentActor, index),
      starts: 0,
      turns: 0,
      turnsAt: 0,
      at: -1,
      waitsWith: undefined
    }
    this.#records.push(record)
    if (this.#records.length > this.#sweepAbove) {
      this.living()
      this.#sweepAbove = Math.max(smallCrowd, 2 * this.#records.length)
    }
    return record
  }
}
