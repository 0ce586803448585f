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
  const woken = new Map<number, OpenTask>()
  let turnOf: AnyFiber | undefined
  const enqueue = (fiber: AnyFiber, run: () => void) => queue.pushWake(run, fibers.of(fiber))
  return {
    scheduler,
    begin: (task) => {
      turnOf = task && resumedBy(task)?.fiber
    },
    hasTurn: (fiber) => fiber === turnOf,
    wake: (fiber, run) => {
      const wake = () => {
        woken.delete(fiber.id)
        turnOf = fiber
        run()
      }
      woken.set(fiber.id, enqueue(fiber, wake))
    },
    interrupt: (fiber, run) => {
      enqueue(fiber, () => {
        const first = woken.get(fiber.id)
        if (first !== undefined) {
          queue.remove(first)
          first.run()
        }
        turnOf = fiber
        run()
      })
    }
  }
}
