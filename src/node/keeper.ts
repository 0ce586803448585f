import { Cause, Duration, Effect, type Exit, Fiber, type Scope } from "effect"
import {
  type CloseCode,
  monotonicMillis,
  type OpenedConnection,
  type P2pSession,
  type SessionOutcome
} from "../../signatures/index.ts"
import { isFault, judge } from "./judge.ts"

/** Holds one session from the moment its connection is there until nothing of it is left. */
export interface Keeper<R> {
  /** Runs the session. Completes when its fiber has ended and its stream and lease are given back. To be run once. */
  readonly run: Effect.Effect<SessionOutcome, never, Exclude<R, Scope.Scope>>
  /**
   * Has the session end: interrupts it at once; its finalizers may go on sending for the drain time. Gives what has to be
   * run for that deadline. Synchronous, and heard before `run` has begun.
   */
  readonly end: (code: CloseCode) => Effect.Effect<void>
}

/** A typed failure is the session's word about its peer, a defect is a bug: the program should hear of it. */
const logFault = (exit: Exit.Failure<never, unknown>): Effect.Effect<void> =>
  exit.cause.reasons.some(Cause.isDieReason)
    ? Effect.logError("a session died: this is a bug in the session", exit.cause)
    : Effect.logInfo("a session failed", exit.cause)

/** `onEnd` is called, synchronously and perhaps more than once, as soon as the session or its connection has ended. */
export const makeKeeper = <E, R>(
  opened: OpenedConnection,
  session: P2pSession<E, R>,
  drainTimeout: Duration.Input,
  onEnd: () => void
): Keeper<R> => {
  let fiber: Fiber.Fiber<void, E> | undefined
  let requested: CloseCode | undefined

  const conclude = (exit: Exit.Exit<void, E>): void => {
    const verdict = judge(exit, requested)
    if (verdict._tag === "End") opened.end(verdict.code)
    else opened.fail(verdict.reason)
    onEnd()
  }

  const run = Effect.gen(function*() {
    const now = yield* monotonicMillis
    const since = now()
    if (requested === undefined) {
      // Suspended: what throws while it builds the session's effect is the session's defect, not the node's.
      fiber = yield* Effect.forkChild(Effect.scoped(Effect.suspend(() => session(opened.connection))))
      fiber.addObserver(conclude)
      if (requested !== undefined) fiber.interruptUnsafe()
    } else opened.end(requested)

    const how = yield* opened.ended
    onEnd()
    const lasted = Duration.millis(now() - since)
    if (fiber !== undefined) {
      // It may end by itself for the drain time, then it is interrupted.
      const exit = yield* Effect.timeoutOption(Fiber.await(fiber), drainTimeout)
      if (exit._tag === "None") {
        requested ??= "closed"
        fiber.interruptUnsafe()
      }
      const last = exit._tag === "Some" ? exit.value : yield* Fiber.await(fiber)
      if (isFault(last)) yield* logFault(last)
    }
    yield* opened.released
    return how._tag === "ConnectionClosed"
      ? { _tag: "Ended", by: how.by, code: how.code, lasted } as const
      : { _tag: "Failed", error: how, lasted } as const
  })

  const end = (code: CloseCode): Effect.Effect<void> => {
    if (requested !== undefined) return Effect.void
    requested = code
    fiber?.interruptUnsafe()
    return Effect.andThen(Effect.timeoutOption(opened.ended, drainTimeout), Effect.sync(() => opened.end(code)))
  }

  return { run, end }
}
