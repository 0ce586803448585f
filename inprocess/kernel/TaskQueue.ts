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

/** Places that an empty queue keeps. */
const kept = 1024

/** First come, first served. Timers wait until no task is left. */
export const plainQueue = (): TaskQueue => {
  // A queue in one array, from `head` to `tail`. It keeps its places when it is empty, as it soon is again.
  let tasks: Array<Task | undefined> = []
  let head = 0
  let tail = 0
  const put = (task: Task) => {
    tasks[tail++] = task
  }
  const early: Array<Task> = []
  const late: Array<Task> = []
  return {
    push: (run, priority, setter) => {
      const task = { run, priority, setter, index: setter === undefined ? 0 : setter.starts++ }
      if (priority === 0) put(task)
      else insert(priority < 0 ? early : late, task)
    },
    pushInOrder: (run) => put({ run, priority: 0, setter: undefined, index: 0 }),
    take: () => {
      if (early.length > 0) return early.shift()
      if (head === tail) return late.shift()
      const task = tasks[head]
      tasks[head++] = undefined
      if (head === tail) {
        head = 0
        tail = 0
        if (tasks.length > kept) tasks = []
      } else if (head > kept && head * 2 > tail) {
        tasks = tasks.slice(head, tail)
        tail -= head
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
    task.actor = mixWords(task.setter.actor, task.index) | 0
    task.actorTurn = 0
  }
}

export interface OpenQueue extends TaskQueue {
  readonly take: (timerIsDue: boolean) => OpenTask | undefined
  /** Wakes a fiber. */
  readonly pushWake: (run: () => void, wakes: FiberRecord | undefined) => OpenTask
  /** Drops a task that somebody has run already. */
  readonly remove: (task: Task) => void
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
  const remove = (task: Task) => {
    const place = tasks.findIndex((other) => other === task)
    if (place >= 0) tasks.splice(place, 1)
  }
  /** The same list for each choice: the policy looks at the first so many, and keeps nothing. */
  const candidates: Array<OpenTask | Candidate> = []
  const places: Array<number> = []
  /** Gives how many there are. */
  const look = (): number => {
    let count = 0
    let ordered = false
    for (let place = 0; place < tasks.length; place++) {
      const task = tasks[place]
      if (task === undefined || task.priority !== tasks[0]?.priority) break
      if (task.ordered && ordered) continue
      ordered ||= task.ordered
      identify(task)
      candidates[count] = task
      places[count++] = place
    }
    return count
  }
  return {
    push: (run, priority, setter) => void add(run, priority, setter, undefined, false),
    pushInOrder: (run) => void add(run, 0, undefined, undefined, true),
    pushWake: (run, wakes) => add(run, 0, undefined, wakes, false),
    remove,
    take: (timerIsDue) => {
      if (tasks.length === 0 || (tasks.length === 1 && !timerIsDue)) return tasks.pop()
      const count = look()
      if (timerIsDue) candidates[count] = timer
      const among = timerIsDue ? count + 1 : count
      const choice = among > 1 ? policy.choose(candidates, among) : 0
      if (choice < count) return tasks.splice(places[choice] ?? 0, 1)[0]
      timer.actorTurn++
      return undefined
    }
  }
}
