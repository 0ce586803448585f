import { Duration, Effect, type Exit, Fiber } from "effect"
import {
  type CloseCode,
  monotonicMillis,
  type OpenedConnection,
  type P2pSession,
  type SessionOutcome
} from "../../signatures/index.ts"
import { isFault, judge } from "./judge.ts"

/** Holds one session from the moment its connection is there until nothing of it is left. */
export interface Keeper {
  /** Runs the session. Completes when its fiber has ended and its stream and lease are given back. To be run once. */
  readonly run: Effect.Effect<SessionOutcome>
  /**
   * Has the session end: interrupts it at once; its finalizers may go on sending for the drain time. Gives what has to be
   * run for that deadline. Synchronous, and heard before `run` has begun.
   */
  readonly end: (code: CloseCode) => Effect.Effect<void>
}

/** `onEnd` is called, synchronously and perhaps more than once, as soon as the session or its connection has ended. */
export const makeKeeper = <E, R>(
  opened: OpenedConnection,
  session: P2pSession<E, R>,
  provide: (effect: Effect.Effect<void, E, R>) => Effect.Effect<void, E>,
  drainTimeout: Duration.Input,
  onEnd: () => void
): Keeper => {
  let fiber: Fiber.Fiber<void, E> | undefined
  let requested: CloseCode | undefined

  const conclude = (exit: Exit.Exit<void, E>): void => {
    const verdict = judge(exit, requested)
    if (verdict._tag === "End") opened.end(verdict.code)
    else opened.fail(verdict.reason)
    onEnd()
  }

  const start = Effect.gen(function*() {
    // Suspended: what throws while it builds the session's effect is the session's defect, not the node's.
    fiber = yield* Effect.forkChild(provide(Effect.suspend(() => session(opened.connection))))
    fiber.addObserver(conclude)
    if (requested !== undefined) fiber.interruptUnsafe()
  })

  /** After the connection has ended: the session may end by itself for the drain time, then it is interrupted. */
  const finish = Effect.fnUntraced(function*(running: Fiber.Fiber<void, E>) {
    const exit = yield* Fiber.await(running).pipe(Effect.timeoutOption(drainTimeout))
    if (exit._tag === "None") {
      requested ??= "closed"
      running.interruptUnsafe()
    }
    const final = exit._tag === "Some" ? exit.value : yield* Fiber.await(running)
    if (!isFault(final)) return
    // A typed failure is the session's word about its peer, a defect is a bug: the program should hear of it.
    const isDefect = final.cause.reasons.some((reason) => reason._tag === "Die")
    yield* isDefect
      ? Effect.logError("a session died: this is a bug in the session", final.cause)
      : Effect.logInfo("a session failed", final.cause)
  })

  const run = Effect.gen(function*() {
    const now = yield* monotonicMillis
    const since = now()
    if (requested === undefined) yield* start
    else opened.end(requested)
    const how = yield* opened.ended
    onEnd()
    const lasted = Duration.millis(now() - since)
    if (fiber !== undefined) yield* finish(fiber)
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
