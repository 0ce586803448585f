import { Cause, Exit } from "effect"
import { type CloseCode, ConnectionClosed, ConnectionFailed, ProtocolViolated } from "../../signatures/index.ts"

/** What a session's end does to its connection. */
export type Verdict =
  | { readonly _tag: "End"; readonly code: CloseCode }
  | { readonly _tag: "Fail"; readonly reason: "session-failed" | "protocol-violation" }

/**
 * What the way in which a session ended means for its connection. `requested` is set when we interrupted it ourselves:
 * then an error of a finalizer doesn't turn an orderly end into a failure.
 */
export const judge = (exit: Exit.Exit<unknown, unknown>, requested: CloseCode | undefined): Verdict => {
  if (Exit.isSuccess(exit)) return { _tag: "End", code: requested ?? "closed" }
  const { reasons } = exit.cause
  const errors = reasons.filter(Cause.isFailReason).map((reason) => reason.error)
  if (errors.some((error) => error instanceof ProtocolViolated)) return { _tag: "Fail", reason: "protocol-violation" }
  if (requested !== undefined) return { _tag: "End", code: requested }
  // An end that escapes the session is the session's end, and no failure: of the other end's making, or of its own `close`.
  const isEnd = errors.length > 0 && errors.every((error) => error instanceof ConnectionClosed) &&
    !reasons.some(Cause.isDieReason)
  return isEnd ? { _tag: "End", code: "closed" } : { _tag: "Fail", reason: "session-failed" }
}

/** Whether the session itself went wrong, and not only its connection: then the log should say so. */
export const isFault = (exit: Exit.Exit<unknown, unknown>): exit is Exit.Failure<never, unknown> =>
  Exit.isFailure(exit) && exit.cause.reasons.some((reason) =>
    Cause.isDieReason(reason) ||
    (Cause.isFailReason(reason) &&
      !(reason.error instanceof ConnectionClosed || reason.error instanceof ConnectionFailed))
  )
