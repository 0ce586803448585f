import { Fiber } from "effect"
import { mixWords } from "./hash.ts"
import { type AnyFiber, isRunning } from "./internals.ts"

/** A fiber of the simulation. */
export interface FiberRecord {
  readonly fiber: AnyFiber
  readonly parent: FiberRecord | undefined
  /** Among those that its parent started. */
  readonly index: number
  /** Follows from its lineage alone: the same in every process, and under every schedule that leaves its ancestors be. */
  readonly actor: number
  /** How many it has started, by now. */
  starts: number
  /** How often it has started or gone on, and how often in the instant `at`. */
  turns: number
  turnsAt: number
  at: number
  /** The function with which it last began to wait. */
  waitsWith: unknown
}

/** Something that can run: a fiber that starts or goes on, or a callback. */
export interface Task {
  readonly run: () => void
  readonly priority: number
  /** Tasks that are must keep their order among each other. */
  readonly ordered: boolean
  /** The fiber that it wakes, where that is known. */
  readonly wakes: FiberRecord | undefined
  /** The fiber that set it, if one did, and where that fiber was then. */
  readonly setter: FiberRecord | undefined
  readonly index: number
  readonly turn: number
  readonly operation: number
  /** Whose turn it is, and which of its turns: filled in for those who choose. */
  actor: number
  actorTurn: number
}

/** Below it nobody looks for fibers that have ended. */
const smallCrowd = 1024

/** `0.3.1`: the second that was started by the fourth that was started by the first. */
export const lineage = (record: FiberRecord): string => {
  const path: Array<number> = []
  for (let at: FiberRecord | undefined = record; at !== undefined; at = at.parent) path.push(at.index)
  const indices = path.toReversed()
  return indices.length <= 12 ? indices.join(".") : `${indices.slice(0, 4).join(".")}…${indices.slice(-8).join(".")}`
}

/** Knows the fibers of a simulation by who started them, as their own ids count per process. */
export class Fibers {
  readonly #records = new Map<number, FiberRecord>()
  #sweepAbove = smallCrowd
  #roots = 0
  #made = 0
  /** What runs, and in it the fibers that have begun their turns, the innermost last. */
  #task: Task | undefined
  readonly #running: Array<FiberRecord> = []
  /** The last that had a turn: mostly who is asked for. */
  #latest: FiberRecord | undefined

  of(fiber: AnyFiber): FiberRecord | undefined {
    return this.#latest?.fiber === fiber ? this.#latest : this.#records.get(fiber.id)
  }

  makeTask(run: () => void, priority: number, ordered: boolean, wakes: FiberRecord | undefined): Task {
    const fiber = Fiber.getCurrent()
    const setter = fiber === undefined || ordered || wakes !== undefined ? undefined : this.of(fiber)
    return {
      run,
      priority,
      ordered,
      wakes,
      setter,
      index: setter === undefined ? 0 : setter.starts++,
      turn: setter === undefined ? 0 : setter.turns,
      operation: setter === undefined ? 0 : setter.fiber.currentOpCount,
      actor: ordered ? 1 : 2,
      actorTurn: this.#made++
    }
  }

  /** The fiber that goes on with this task. A fiber that has yielded has done nothing since it set the task. */
  resumes(task: Task): FiberRecord | undefined {
    if (task.wakes !== undefined) return task.wakes
    const { setter } = task
    return setter !== undefined && setter.turns === task.turn && setter.fiber.currentOpCount === task.operation
      ? setter
      : undefined
  }

  /** Fills in whose turn a task is. */
  identify(task: Task): void {
    const record = this.resumes(task)
    if (record !== undefined) {
      task.actor = record.actor
      task.actorTurn = record.turns
    } else if (task.setter !== undefined) {
      task.actor = mixWords(task.setter.actor, task.index)
      task.actorTurn = 0
    }
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
    const record = this.#records.get(fiber.id) ?? this.#add(fiber, running[running.length - 1])
    const task = this.#task
    if (task !== undefined) {
      this.#task = undefined
      // It started nobody, so the number is free, and numbers depend less on the schedule.
      const { setter } = task
      if (setter !== undefined && setter !== record.parent && setter.starts === task.index + 1) setter.starts--
    }
    running.push(record)
    this.#latest = record
    record.turns++
    if (record.at !== now) {
      record.at = now
      record.turnsAt = 0
    }
    record.turnsAt++
  }

  /** Those that have not ended, in order of their lineage. */
  living(): ReadonlyArray<FiberRecord> {
    return Array.from(this.#records.values()).filter((record) => record.fiber.pollUnsafe() === undefined)
  }

  #add(fiber: AnyFiber, running: FiberRecord | undefined): FiberRecord {
    const parent = running ?? this.#task?.setter
    const index = parent === undefined
      ? this.#roots++
      : running === undefined
      ? this.#task?.index ?? 0
      : parent.starts++
    const actor = mixWords(parent?.actor ?? 0, index)
    const record: FiberRecord = {
      fiber,
      parent,
      index,
      actor,
      starts: 0,
      turns: 0,
      turnsAt: 0,
      at: -1,
      waitsWith: undefined
    }
    this.#records.set(fiber.id, record)
    if (this.#records.size > this.#sweepAbove) this.#sweep()
    return record
  }

  #sweep(): void {
    for (const [id, { fiber }] of this.#records) if (fiber.pollUnsafe() !== undefined) this.#records.delete(id)
    this.#sweepAbove = Math.max(smallCrowd, 2 * this.#records.size)
  }
}
