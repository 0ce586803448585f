import { type Fibers, type Task } from "./Fibers.ts"
import { type Policy } from "./Policy.ts"

/** The tasks that can run. */
export interface TaskQueue {
  readonly push: (task: Task) => void
  /** Drops a task that somebody has run already. */
  readonly remove: (task: Task) => void
  /** The one that goes next; undefined if it is rather `timer` (or there is none), which is given if one is due now. */
  readonly take: (timer: Task | undefined) => Task | undefined
  readonly size: () => number
}

/** Behind all of the same priority: lower ones go first. */
const insert = (tasks: Array<Task>, task: Task): void => {
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
    push: (task) => {
      if (task.priority === 0) tasks.push(task)
      else insert(task.priority < 0 ? early : late, task)
    },
    remove: () => undefined,
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
    },
    size: () => early.length + late.length + tasks.length - head
  }
}

/** The policy chooses among all of the highest priority, and the next timer, if it is due at this instant. */
export const chosenQueue = (policy: Policy, fibers: Fibers): TaskQueue => {
  const tasks: Array<Task> = []
  const remove = (task: Task) => {
    const place = tasks.indexOf(task)
    if (place >= 0) tasks.splice(place, 1)
  }
  const candidates = (timer: Task | undefined): ReadonlyArray<Task> => {
    const found: Array<Task> = []
    let ordered = false
    for (const task of tasks) {
      if (task.priority !== tasks[0]?.priority) break
      if (task.ordered && ordered) continue
      ordered ||= task.ordered
      fibers.identify(task)
      found.push(task)
    }
    if (timer !== undefined) found.push(timer)
    return found
  }
  return {
    push: (task) => insert(tasks, task),
    remove,
    take: (timer) => {
      const found = candidates(timer)
      const task = found[found.length > 1 ? policy.choose(found) : 0]
      if (task === undefined || task === timer) return undefined
      remove(task)
      return task
    },
    size: () => tasks.length
  }
}
