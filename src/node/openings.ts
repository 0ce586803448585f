import { Cause, Effect, Exit, Fiber } from "effect"
import type { LeaseFailed, OpenedConnection, OpenFailed, Rejected } from "../../signatures/index.ts"

type OpenEffect = Effect.Effect<OpenedConnection, Rejected | LeaseFailed | OpenFailed>

/** How an opening came out. `Cancelled`: by ourselves, or by a defect of whoever opens, which is logged. */
export type Opening =
  | { readonly _tag: "Opened"; readonly opened: OpenedConnection }
  | { readonly _tag: "NotOpened"; readonly error: Rejected | LeaseFailed | OpenFailed }
  | { readonly _tag: "Cancelled" }

const outcomeOf = (exit: Exit.Exit<OpenedConnection, Rejected | LeaseFailed | OpenFailed>): Opening => {
  if (Exit.isSuccess(exit)) return { _tag: "Opened", opened: exit.value }
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure === undefined ? { _tag: "Cancelled" } : { _tag: "NotOpened", error: failure.error }
}

/** An opening that can be given up, also before it has begun. */
export interface Openable {
  /** To be run once. Never fails, isn't interrupted itself, and hands every connection that came about to its caller. */
  readonly run: Effect.Effect<Opening>
  readonly cancel: () => void
}

export const makeOpening = (open: OpenEffect): Openable => {
  let fiber: Fiber.Fiber<OpenedConnection, Rejected | LeaseFailed | OpenFailed> | undefined
  let isCancelled = false
  return {
    // The opening gets a fiber of its own, so that giving it up can't lose a connection that came in the same moment.
    run: Effect.gen(function*() {
      if (isCancelled) return { _tag: "Cancelled" } as const
      fiber = yield* Effect.forkChild(open, { startImmediately: true })
      if (isCancelled) fiber.interruptUnsafe()
      const exit = yield* Fiber.await(fiber)
      if (Exit.isFailure(exit) && exit.cause.reasons.some(Cause.isDieReason)) {
        yield* Effect.logError("an opening died: this is a bug", exit.cause)
      }
      return outcomeOf(exit)
    }),
    cancel: () => {
      isCancelled = true
      fiber?.interruptUnsafe()
    }
  }
}
