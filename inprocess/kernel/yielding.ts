import { type Scheduler } from "effect"
import { type Fibers } from "./Fibers.ts"
import { wasInterrupted } from "./internals.ts"
import { type Policy } from "./Policy.ts"

/** Up to there an interrupted fiber calls what cancels its wait, which no run outside of a simulation ever splits. */
const cancelling = 8

/**
 * Where a fiber yields though it didn't ask to. Never at the first operation of a turn: it would never get any further, and
 * would lose what it was woken with if it is interrupted there.
 */
export const yielding = (
  fibers: Fibers,
  now: () => number,
  policy: Policy | undefined
): Scheduler.Scheduler["shouldYield"] => {
  let left = policy?.nextYield() ?? Infinity
  return (fiber) => {
    const operation = fiber.currentOpCount
    if (operation === 1) {
      fibers.hasTurn(fiber, now())
      return false
    }
    if (operation >= fiber.cache.maxOpsBeforeYield) return true
    if (policy === undefined || --left > 0 || (operation < cancelling && wasInterrupted(fiber))) return false
    left = policy.nextYield()
    return true
  }
}
