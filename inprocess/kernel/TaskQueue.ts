import { type FiberRecord, type Task } from "./Fibers.ts"
import { mixWords } from "./hash.ts"
import { isRunning } from "./internals.ts"
import { type Candidate, type Policy } from "./Policy.ts"

/** The tasks that can run. */
export interface TaskQueue {
  readonly push: (run: () => void, priority: number, setter: FiberRecord | undefined) => void
  /** Keeps its order among all that are pushed so. */
  readonly pushInOrder: (run: () => void) => void
  /** The one that goes next; undefined if it is a timer, or nothing. */
  readonly take: (timerIsDue: boolean) => Task | undefined
}

/** Behind all of the same priority. */
const insert = <T extends Task>(tasks: Array<T>, task: T): void => {
  const last = tasks[tasks.length - 1]
  if (last === undefined || last.priority <= task.priority) tasks.push(task)
  else tasks.splice(tasks.findIndex((other) => other.priority > task.priority), 0, task)
}

/** First come, first served. Timers wait until no task is left. */
export const plainQueue = (): TaskQueue => {
  // A queue in one array: `head` runs ahead, and the array is cut when it is empty or mostly spent.
  let tasks: Array<Task> = []
  let head = 0
  const early: Array<Task> = []
  const late: Array<Task> = []
  return {
    push: (run, priority, setter) => {
      const task = { run, priority, setter, index: setter === undefined ? 0 : setter.starts++ }
      if (priority === 0) tasks.push(task)
      else insert(priority < 0 ? early : late, task)
    },
    pushInOrder: (run) => tasks.push({ run, priority: 0, setter: undefined, index: 0 }),
    take: () => {
      if (early.length > 0) return early.shift()
      const task = tasks[head]
      if (task === undefined) return late.shift()
      head++
      if (head === tasks.length) {
        tasks.length = 0
        head = 0
      } else if (head > 1024 && head * 2 > tasks.length) {
        tasks = tasks.slice(head)
        head = 0
      }
      return task
    }
  }
}

/** A task among which there is a choice. */
export interface OpenTask extends Task, Candidate {
  readonly ordered: boolean
  /** The fiber that it wakes, where that is known. */
  readonly wakes: FiberRecord | undefined
  /** Where the setter was when it set it; -1 if it wasn't its turn. */
  readonly turn: number
  readonly operation: number
  actor: number
  actorTurn: number
}

/** The fiber that goes on with a task. A fiber that has yielded has done nothing since it set the task. */
export const resumedBy = ({ operation, setter, turn, wakes }: OpenTask): FiberRecord | undefined =>
  wakes ?? (setter?.turns === turn && setter.fiber.currentOpCount === operation ? setter : undefined)

/** Finds out whose turn it is. */
const identify = (task: OpenTask): void => {
  const record = resumedBy(task)
  if (record !== undefined) {
    task.actor = record.actor
    task.actorTurn = record.turns
  } else if (task.setter !== undefined) {
    task.actor = mixWords(task.setter.actor, task.index)
    task.actorTurn = 0
  }
}

export interface OpenQueue extends TaskQueue {
  readonly take: (timerIsDue: boolean) => OpenTask | undefined
  /** Wakes a fiber. */
  readonly pushWake: (run: () => void, wakes: FiberRecord | undefined) => OpenTask
  /** Drops a task that somebody has run already. */
  readonly remove: (task: OpenTask) => void
}

/** The policy chooses among all of the highest priority, and the next timer, if it is due at this instant. */
export const openQueue = (policy: Policy): OpenQueue => {
  const tasks: Array<OpenTask> = []
  let made = 0
  const timer = { actor: 3, actorTurn: 0 }
  const add = (
    run: () => void,
    priority: number,
    setter: FiberRecord | undefined,
    wakes: FiberRecord | undefined,
    ordered: boolean
  ): OpenTask => {
    const task: OpenTask = {
      run,
      priority,
      setter,
      index: setter === undefined ? 0 : setter.starts++,
      ordered,
      wakes,
      turn: setter !== undefined && isRunning(setter.fiber) ? setter.turns : -1,
      operation: setter?.fiber.currentOpCount ?? 0,
      actor: ordered ? 1 : 2,
      actorTurn: made++
    }
    insert(tasks, task)
    return task
  }
  const remove = (task: OpenTask) => {
    const place = tasks.indexOf(task)
    if (place >= 0) tasks.splice(place, 1)
  }
  const eligible = (): Array<OpenTask> => {
    const found: Array<OpenTask> = []
    let ordered = false
    for (const task of tasks) {
      if (task.priority !== tasks[0]?.priority) break
      if (task.ordered && ordered) continue
      ordered ||= task.ordered
      identify(task)
      found.push(task)
    }
    return found
  }
  return {
    push: (run, priority, setter) => void add(run, priority, setter, undefined, false),
    pushInOrder: (run) => void add(run, 0, undefined, undefined, true),
    pushWake: (run, wakes) => add(run, 0, undefined, wakes, false),
    remove,
    take: (timerIsDue) => {
      const found = eligible()
      if (found.length === 0) return undefined
      const candidates = timerIsDue ? [...found, timer] : found
      const task = found[candidates.length > 1 ? policy.choose(candidates) : 0]
      if (task === undefined) timer.actorTurn++
      else remove(task)
      return task
    }
  }
}
