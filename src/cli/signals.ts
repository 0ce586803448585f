import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { closeSync, openSync } from "node:fs"
import { constants } from "node:os"

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP"

/** As a shell reports a process that a signal ended. */
export const exitCodeOf = (signal: StopSignal): number => 128 + constants.signals[signal]

/**
 * Completes at the first signal to stop. From then on the process is to end in order; a second signal ends it at once.
 * While nobody waits here, signals do what they do by default.
 */
export const stopSignal = (
  signals: ReadonlyArray<StopSignal> = ["SIGINT", "SIGTERM", "SIGHUP"]
): Effect.Effect<StopSignal> =>
  Effect.callback<StopSignal>((resume) => {
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

/** Whether SIGHUP has its first meaning: the terminal that we write to has gone away. */
const isHangup = (): boolean => {
  if (!process.stderr.isTTY) return false
  try {
    closeSync(openSync("/dev/tty", "r"))
    return false
  } catch {
    return true
  }
}

/**
 * Each SIGHUP from now on: `reload`, or `hangup` if it says that the terminal is gone. Two that come while nobody takes count
 * as one.
 */
export const hangups: Effect.Effect<Queue.Dequeue<"reload" | "hangup">, never, Scope.Scope> = Effect.gen(function*() {
  const heard = yield* Queue.sliding<"reload" | "hangup">(1)
  const hear = () => void Queue.offerUnsafe(heard, isHangup() ? "hangup" : "reload")
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", hear)),
    () => Effect.sync(() => process.off("SIGHUP", hear))
  )
  return heard
})
