import { type Fiber } from "effect"

/**
 * Which of the tasks that can run goes next, and where a fiber is made to yield: everything about a schedule that is open.
 * A policy serves one simulation.
 */
export interface Policy {
  /** `Fiber.getCurrent()` is the fiber that set the task, if one did. Lower priorities go first. */
  readonly push: (task: () => void, priority: number) => void
  readonly take: () => (() => void) | undefined
  /** Asked before nearly every operation. Never answer true on a fiber's first one after it resumed: that livelocks. */
  readonly shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
}

/** First come, first served. A fiber yields after as many operations as it does outside of a simulation. */
export const fifo = (): Policy => {
  // A queue in one array: `head` runs ahead, and the array is cut when it is empty or mostly spent.
  let tasks: Array<() => void> = []
  let head = 0
  const late: Array<{ readonly priority: number; readonly task: () => void }> = []
  const early: Array<{ readonly priority: number; readonly task: () => void }> = []
  const insert = (list: typeof late, priority: number, task: () => void) => {
    const place = list.findIndex((other) => other.priority > priority)
    list.splice(place < 0 ? list.length : place, 0, { priority, task })
  }
  return {
    push: (task, priority) => {
      if (priority === 0) tasks.push(task)
      else insert(priority < 0 ? early : late, priority, task)
    },
    take: () => {
      if (early.length > 0) return early.shift()?.task
      const task = tasks[head]
      if (task === undefined) return late.shift()?.task
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
    shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield
  }
}
