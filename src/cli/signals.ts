import * as Effect from "effect/Effect"
import { constants } from "node:os"

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP"
const signals: ReadonlyArray<StopSignal> = ["SIGINT", "SIGTERM", "SIGHUP"]

/** As a shell reports a process that a signal ended. */
export const exitCodeOf = (signal: StopSignal): number => 128 + constants.signals[signal]

/**
 * Completes at the first signal to stop. From then on the process is to end in order; a second signal ends it at once.
 * While nobody waits here, signals do what they do by default.
 */
export const stopSignal: Effect.Effect<StopSignal> = Effect.callback<StopSignal>((resume) => {
  const first = (signal: StopSignal) => {
    for (const name of signals) {
      process.off(name, first)
      process.on(name, (again) => process.exit(128 + (constants.signals[again] ?? 0)))
    }
    resume(Effect.succeed(signal))
  }
  for (const name of signals) process.on(name, first)
  return Effect.sync(() => {
    for (const name of signals) process.off(name, first)
  })
})
