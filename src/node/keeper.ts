import { Cause, type Context, Duration, Effect, type Exit, Fiber, type Scope } from "effect"
import type {
  CloseCode,
  ConnectionClosed,
  ConnectionFailed,
  OpenedConnection,
  P2pSession,
  PeerId,
  SessionOutcome
} from "../../signatures/index.ts"
import { isFault, judge } from "./judge.ts"

/** A typed failure is the session's word about its peer, a defect is a bug: the program should hear of it. */
const logFault = (exit: Exit.Failure<never, unknown>): Effect.Effect<void> =>
  exit.cause.reasons.some(Cause.isDieReason)
    ? Effect.logError("a session died: this is a bug in the session", exit.cause)
    : Effect.logInfo("a session failed", exit.cause)

/** Whose session it is. */
export interface KeeperHost<E, R> {
  readonly session: P2pSession<E, R>
  /** Milliseconds. */
  readonly drainTimeout: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Called, synchronously and perhaps more than once, as soon as the session or its connection has ended. */
  readonly sessionEnded: (keeper: Keeper<E, R>) => void
  /** Called once, after that: what is given has to be run, and completes when nothing of the session is left. */
  readonly finish: (keeper: Keeper<E, R>, last: Effect.Effect<SessionOutcome>) => void
}

/**
 * Holds one session from the moment its connection is there until nothing of it is left. While the session lives, all that
 * there is of it is this object and the session's own fiber.
 */
export class Keeper<E, R> {
  readonly peer: PeerId
  readonly attempt: number
  readonly #host: KeeperHost<E, R>
  readonly #opened: OpenedConnection
  #since = 0
  #fiber: Fiber.Fiber<void, E> | undefined
  #requested: CloseCode | undefined

  constructor(host: KeeperHost<E, R>, peer: PeerId, attempt: number, opened: OpenedConnection) {
    this.peer = peer
    this.attempt = attempt
    this.#host = host
    this.#opened = opened
  }

  /** Runs the session. Once. */
  run(context: Context.Context<Exclude<R, Scope.Scope>>): void {
    this.#since = this.#host.now()
    if (this.#requested === undefined) this.#start(context)
    else this.#opened.end(this.#requested)
    this.#opened.onEnded((how) => this.#onEnded(how))
  }

  /**
   * Has the session end: interrupts it at once; its finalizers may go on sending for the drain time. Gives what has to be
   * run for that deadline. Synchronous, and heard before `run` has begun.
   */
  end(code: CloseCode): Effect.Effect<void> {
    if (this.#requested !== undefined) return Effect.void
    const opened = this.#opened
    this.#requested = code
    this.#fiber?.interruptUnsafe()
    return Effect.andThen(
      Effect.timeoutOption(opened.ended, this.#host.drainTimeout),
      Effect.sync(() => opened.end(code))
    )
  }

  /** In a fiber of its own, that nobody's interruption ends but ours. */
  #start(context: Context.Context<Exclude<R, Scope.Scope>>): void {
    // Suspended: what throws while it builds the session's effect is the session's defect, not the node's.
    const session = Effect.scoped(Effect.suspend(() => this.#host.session(this.#opened.connection)))
    const fiber = this.#fiber = Effect.runForkWith(context)(session)
    fiber.addObserver((exit) => this.#conclude(exit))
    if (this.#requested !== undefined) fiber.interruptUnsafe()
  }

  #conclude(exit: Exit.Exit<void, E>): void {
    const verdict = judge(exit, this.#requested)
    if (verdict._tag === "End") this.#opened.end(verdict.code)
    else this.#opened.fail(verdict.reason)
    this.#host.sessionEnded(this)
  }

  #onEnded(how: ConnectionClosed | ConnectionFailed): void {
    this.#host.sessionEnded(this)
    const lasted = Duration.millis(this.#host.now() - this.#since)
    const outcome: SessionOutcome = how._tag === "ConnectionClosed"
      ? { _tag: "Ended", by: how.by, code: how.code, lasted }
      : { _tag: "Failed", error: how, lasted }
    this.#host.finish(this, Effect.as(Effect.andThen(this.#sessionOver(), this.#opened.released), outcome))
  }

  /** It may end by itself for the drain time, then it is interrupted. */
  #sessionOver(): Effect.Effect<void> {
    const fiber = this.#fiber
    if (fiber === undefined) return Effect.void
    const interrupt = Effect.suspend(() => {
      this.#requested ??= "closed"
      fiber.interruptUnsafe()
      return Fiber.await(fiber)
    })
    return Fiber.await(fiber).pipe(
      Effect.timeoutOrElse({ duration: this.#host.drainTimeout, orElse: () => interrupt }),
      Effect.flatMap((exit) => isFault(exit) ? logFault(exit) : Effect.void)
    )
  }
}
