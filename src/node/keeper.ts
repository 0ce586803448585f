import { Cause, type Context, Duration, Effect, type Exit, Fiber, type Scope } from "effect"
import type {
  CloseCode,
  ConnectionClosed,
  ConnectionFailed,
  OpenedConnection,
  P2pSession,
  SessionOutcome
} from "../../signatures/index.ts"
import { isFault, judge } from "./judge.ts"

/** A typed failure is the session's word about its peer, a defect is a bug: the program should hear of it. */
const logFault = (exit: Exit.Failure<never, unknown>): Effect.Effect<void> =>
  exit.cause.reasons.some(Cause.isDieReason)
    ? Effect.logError("a session died: this is a bug in the session", exit.cause)
    : Effect.logInfo("a session failed", exit.cause)

export interface KeeperNeeds {
  readonly opened: OpenedConnection
  /** Milliseconds. */
  readonly drainTimeout: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Called, synchronously and perhaps more than once, as soon as the session or its connection has ended. */
  readonly onEnd: () => void
}

/** Holds one session from the moment its connection is there until nothing of it is left. */
export class Keeper<E, R> {
  readonly #needs: KeeperNeeds
  readonly #session: P2pSession<E, R>
  #fiber: Fiber.Fiber<void, E> | undefined
  #requested: CloseCode | undefined

  constructor(needs: KeeperNeeds, session: P2pSession<E, R>) {
    this.#needs = needs
    this.#session = session
  }

  /** Runs the session. Completes when its fiber has ended and its stream and lease are given back. To be run once. */
  run(): Effect.Effect<SessionOutcome, never, Exclude<R, Scope.Scope>> {
    return Effect.contextWith((context: Context.Context<Exclude<R, Scope.Scope>>) => {
      const { now, opened } = this.#needs
      const since = now()
      if (this.#requested === undefined) this.#start(context)
      else opened.end(this.#requested)
      return Effect.flatMap(opened.ended, (how) => this.#finish(how, Duration.millis(now() - since)))
    })
  }

  /**
   * Has the session end: interrupts it at once; its finalizers may go on sending for the drain time. Gives what has to be
   * run for that deadline. Synchronous, and heard before `run` has begun.
   */
  end(code: CloseCode): Effect.Effect<void> {
    if (this.#requested !== undefined) return Effect.void
    const { drainTimeout, opened } = this.#needs
    this.#requested = code
    this.#fiber?.interruptUnsafe()
    return Effect.andThen(Effect.timeoutOption(opened.ended, drainTimeout), Effect.sync(() => opened.end(code)))
  }

  /** In a fiber of its own, that nobody's interruption ends but ours. */
  #start(context: Context.Context<Exclude<R, Scope.Scope>>): void {
    // Suspended: what throws while it builds the session's effect is the session's defect, not the node's.
    const session = Effect.scoped(Effect.suspend(() => this.#session(this.#needs.opened.connection)))
    const fiber = this.#fiber = Effect.runForkWith(context)(session)
    fiber.addObserver((exit) => this.#conclude(exit))
    if (this.#requested !== undefined) fiber.interruptUnsafe()
  }

  #conclude(exit: Exit.Exit<void, E>): void {
    const { onEnd, opened } = this.#needs
    const verdict = judge(exit, this.#requested)
    if (verdict._tag === "End") opened.end(verdict.code)
    else opened.fail(verdict.reason)
    onEnd()
  }

  #finish(how: ConnectionClosed | ConnectionFailed, lasted: Duration.Duration): Effect.Effect<SessionOutcome> {
    const { onEnd, opened } = this.#needs
    onEnd()
    const outcome: SessionOutcome = how._tag === "ConnectionClosed"
      ? { _tag: "Ended", by: how.by, code: how.code, lasted }
      : { _tag: "Failed", error: how, lasted }
    const fiber = this.#fiber
    const last = fiber === undefined ? Effect.void : this.#awaitSession(fiber)
    return Effect.as(Effect.andThen(last, opened.released), outcome)
  }

  /** It may end by itself for the drain time, then it is interrupted. */
  #awaitSession(fiber: Fiber.Fiber<void, E>): Effect.Effect<void> {
    const interrupt = Effect.suspend(() => {
      this.#requested ??= "closed"
      fiber.interruptUnsafe()
      return Fiber.await(fiber)
    })
    return Fiber.await(fiber).pipe(
      Effect.timeoutOrElse({ duration: this.#needs.drainTimeout, orElse: () => interrupt }),
      Effect.flatMap((exit) => isFault(exit) ? logFault(exit) : Effect.void)
    )
  }
}
