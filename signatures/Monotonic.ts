import { Clock, Effect } from "effect"

/**
 * Reads the monotonic time of the process's `Clock`, in milliseconds with fractions: the `since`, `until`, `at` and `now` of
 * all contracts. Its origin is arbitrary and no wall clock that jumps changes it, so it never leaves the process.
 */
export const monotonicMillis: Effect.Effect<() => number> = Clock.clockWith((clock) =>
  Effect.succeed(() => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000)
)
