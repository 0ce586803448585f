import { Effect } from "effect"

/**
 * For giving things back: waits until it is done or failed, or for so many milliseconds. A finalizer can't be interrupted, so
 * the deadline is outside of Effect.
 */
export const within = (millis: number, giveBack: () => Promise<unknown>): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    giveBack().catch(() => {}).finally(() => {
      clearTimeout(timer)
      resume(Effect.void)
    })
  })
