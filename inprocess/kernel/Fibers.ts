import { type Scheduler } from "effect"
import { mixWords } from "./hash.ts"
import { type AnyFiber, isRunning } from "./internals.ts"

/** Where the tasks of fibers go. */
export interface TaskSink {
  readonly push: (run: () => void, priority: number, setter: FiberRecord | undefined) => void
  readonly flush: () => void
}

/**
 * A fiber of the simulation. Effect keeps a dispatcher for each fiber, and sets its tasks there: those with which the fiber
 * itself goes on, and the starts of the fibers that it forks. So it is also where we keep what we know of the fiber.
 */
export class FiberRecord implements Scheduler.SchedulerDispatcher {
  /** Which it is of those that its parent started, from its first turn on: -1 before. */
  index = -1
  /** Its parent's lineage. */
  up: Line | undefined
  /** Its parent's actor; 0 if it has none. */
  parentActor = 0
  /** Follows from its lineage alone: the same in every process, and under every schedule that leaves its ancestors be. */
  actor = 0
  /** How many it has started, by now. */
  starts = 0
  /** How often it has started or gone on, and how often in the instant `at`. */
  turns = 0
  turnsAt = 0
  at = -1
  /** With what it last began to wait: an `Effect.callback`. */
  waitsWith: unknown
  /** Its next turn, from when it was woken. Where wake-ups are decisions. */
  woken: Task | undefined
  #fiber: AnyFiber | undefined
  #line: Line | undefined
  readonly #sink: TaskSink

  constructor(sink: TaskSink) {
    this.#sink = sink
  }

  get fiber(): AnyFiber {
    if (this.#fiber === undefined) throw new Error("a fiber was asked for before its first turn")
    return this.#fiber
  }

  /** Its lineage: most have no children, and never need it. */
  get line(): Line {
    return this.#line ??= lineOfChild(this.up, this.index)
  }

  get hasBegun(): boolean {
    return this.index >= 0
  }

  begin(fiber: AnyFiber, parent: FiberRecord | undefined, index: number): void {
    this.#fiber = fiber
    this.index = index
    this.up = parent?.line
    this.parentActor = parent?.actor ?? 0
    // Signed: it fits into the field then.
    this.actor = mixWords(this.parentActor, index) | 0
  }

  scheduleTask(run: () => void, priority: number): void {
    this.#sink.push(run, priority, this.hasBegun ? this : undefined)
  }

  flush(): void {
    this.#sink.flush()
  }
}

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

/**
 * Which of those that its parent started a fiber is, after the same of its ancestors: not the ancestors themselves, which may
 * have ended long ago, and are forgotten then.
 */
interface Line {
  readonly index: number
  readonly up: Line | undefined
  /** Of those that are kept, this one included. */
  readonly length: number
}

/** A longer line is told without its middle. */
const longestLine = 12
const firstFew = 4
/** A line as long as this loses its middle: so what is kept is bounded, and hardly ever copied. */
const longestKept = 64

const indexesOf = (line: Line | undefined): ReadonlyArray<number> => {
  const indexes: Array<number> = []
  for (let at = line; at !== undefined; at = at.up) indexes.push(at.index)
  return indexes.toReversed()
}

const lineOfChild = (up: Line | undefined, index: number): Line => {
  if (up === undefined) return { index, up, length: 1 }
  if (up.length < longestKept) return { index, up, length: up.length + 1 }
  const indexes = indexesOf(up)
  let line: Line | undefined
  for (const kept of [...indexes.slice(0, firstFew), ...indexes.slice(firstFew - longestLine)]) {
    line = { index: kept, up: line, length: (line?.length ?? 0) + 1 }
  }
  return { index, up: line, length: longestLine + 1 }
}

/** `0.3.1`: the second that was started by the fourth that was started by the first. */
export const lineage = ({ line }: FiberRecord): string => {
  const indexes = indexesOf(line)
  return indexes.length <= longestLine
    ? indexes.join(".")
    : `${indexes.slice(0, firstFew).join(".")}…${indexes.slice(firstFew - longestLine).join(".")}`
}

/** Knows the fibers of a simulation by who started them, as their own ids count per process. */
export class Fibers {
  #records: Array<FiberRecord> = []
  #sweepAbove = smallCrowd
  #roots = 0
  /** What runs, and in it the fibers that have begun their turns, the innermost last: the first `#depth` of the list. */
  #task: Task | undefined
  readonly #running: Array<FiberRecord> = []
  #depth = 0

  of(fiber: AnyFiber): FiberRecord | undefined {
    const record = fiber.currentDispatcher
    return record instanceof FiberRecord && record.hasBegun ? record : undefined
  }

  /** A task is about to run. */
  begin(task: Task | undefined): void {
    this.#task = task
    this.#depth = 0
  }

  /** A fiber is about to do its first operation since it started or went on. */
  hasTurn(fiber: AnyFiber, now: number): void {
    let innermost: FiberRecord | undefined
    while (this.#depth > 0) {
      innermost = this.#running[this.#depth - 1]
      if (innermost === undefined || isRunning(innermost.fiber)) break
      innermost = undefined
      this.#depth--
    }
    const record = fiber.currentDispatcher
    if (!(record instanceof FiberRecord)) return
    if (!record.hasBegun) this.#add(record, fiber, innermost)
    const task = this.#task
    if (task !== undefined) {
      this.#task = undefined
      // It started nobody, so the number is free, and numbers depend less on the schedule.
      const { setter } = task
      if (setter !== undefined && setter.actor !== record.parentActor && setter.starts === task.index + 1) {
        setter.starts--
      }
    }
    this.#running[this.#depth++] = record
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

  #add(record: FiberRecord, fiber: AnyFiber, running: FiberRecord | undefined): void {
    const parent = running ?? this.#task?.setter
    const index = parent === undefined
      ? this.#roots++
      : running === undefined
      ? this.#task?.index ?? 0
      : parent.starts++
    record.begin(fiber, parent, index)
    this.#records.push(record)
    if (this.#records.length > this.#sweepAbove) {
      this.living()
      this.#sweepAbove = Math.max(smallCrowd, 2 * this.#records.length)
    }
  }
}
