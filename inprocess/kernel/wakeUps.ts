import { type Scheduler } from "effect"
import { type Fibers } from "./Fibers.ts"
import { type AnyFiber, type WakeUps } from "./internals.ts"
import { type OpenQueue, type OpenTask, resumedBy } from "./TaskQueue.ts"

/**
 * Each wake-up as a task. What one who wakes does can't be told from having done it a little later, with one exception: who
 * has been woken and is then interrupted must hear of both, and in this order, or what it was given would be lost.
 */
export const queuedWakeUps = (
  scheduler: Scheduler.Scheduler,
  fibers: Fibers,
  queue: OpenQueue
): WakeUps & { readonly begin: (task: OpenTask | undefined) => void } => {
  let turnOf: AnyFiber | undefined
  return {
    scheduler,
    begin: (task) => {
      turnOf = task && resumedBy(task)?.fiber
    },
    hasTurn: (fiber) => fiber === turnOf,
    wake: (fiber, run) => {
      const record = fibers.of(fiber)
      const task = queue.pushWake(() => {
        if (record !== undefined) record.woken = undefined
        turnOf = fiber
        run()
      }, record)
      if (record !== undefined) record.woken = task
    },
    interrupt: (fiber, run) => {
      const record = fibers.of(fiber)
      queue.pushWake(() => {
        const first = record?.woken
        if (first !== undefined) {
          queue.remove(first)
          first.run()
        }
        turnOf = fiber
        run()
      }, record)
    }
  }
}
