import { Cause, type Context, Duration, Effect, Exit, type Fiber, type Scope } from "effect"
import type {
  CloseCode,
  ConnectionClosed,
  ConnectionFailed,
  OpenedConnection,
  P2pSession,
  PeerId,
  SessionOutcome
} from "../../signatures/index.ts"
import type { Sleeper } from "./alarms.ts"
import { isFault, judge } from "./judge.ts"

/** A typed failure is the session's word about its peer, a defect is a bug: the program should hear of it. */
const logFault = (exit: Exit.Failure<never, unknown>): Effect.Effect<void> =>
  exit.cause.reasons.some(Cause.isDieReason)
    ? Effect.logError("a session died: this is a bug in the session", exit.cause)
    : Effect.logInfo("a session failed", exit.cause)

/** What a session runs with. */
type Needs<R> = Context.Context<Exclude<R, Scope.Scope>>

/** Whose session it is. */
export interface KeeperHost<E, R> {
  readonly session: P2pSession<E, R>
  /** Milliseconds. */
  readonly drainTimeout: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** See `Alarms.set`. */
  readonly setAlarm: (sleeper: Sleeper, at: number) => void
  /** Called, synchronously and perhaps more than once, as soon as the session or its connection has ended. */
  readonly sessionEnded: (keeper: Keeper<E, R>) => void
  /**
   * Called once, after that, and after the session's fiber has ended: `last`, to be run with what the session ran with, completes
   * when nothing is left of it.
   */
  readonly finish: (
    keeper: Keeper<E, R>,
    outcome: SessionOutcome,
    last: Effect.Effect<void>,
    context: Needs<R>
  ) => void
}

/** What has to come about in time. There is one only while a session is ending. */
class Deadline implements Sleeper {
  alarmAt = Infinity
  alarmPlace = -1
  readonly wake: () => void

  constructor(wake: () => void) {
    this.wake = wake
  }
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
  #deadline: Deadline | undefined
  #isOver = false

  constructor(host: KeeperHost<E, R>, peer: PeerId, attempt: number, opened: OpenedConnection) {
    this.peer = peer
    this.attempt = attempt
    this.#host = host
    this.#opened = opened
  }

  /** Runs the session. Once. */
  run(context: Needs<R>): void {
    this.#since = this.#host.now()
    if (this.#requested === undefined) this.#start(context)
    else this.#opened.end(this.#requested)
    this.#opened.onEnded((how) => this.#onEnded(how, context))
  }

  /**
   * Has the session end: interrupts it at once; its finalizers may go on sending for the drain time. Synchronous, and heard
   * before `run` has begun.
   */
  end(code: CloseCode): void {
    if (this.#requested !== undefined) return
    this.#requested = code
    if (!this.#isOver) this.#within(() => this.#opened.end(code))
    this.#fiber?.interruptUnsafe()
  }

  /** In a fiber of its own, that nobody's interruption ends but ours. */
  #start(context: Needs<R>): void {
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

  #onEnded(how: ConnectionClosed | ConnectionFailed, context: Needs<R>): void {
    this.#isOver = true
    this.#inTime()
    this.#host.sessionEnded(this)
    const lasted = Duration.millis(this.#host.now() - this.#since)
    const outcome: SessionOutcome = how._tag === "ConnectionClosed"
      ? { _tag: "Ended", by: how.by, code: how.code, lasted }
      : { _tag: "Failed", error: how, lasted }
    const fiber = this.#fiber
    if (fiber === undefined) return this.#finish(outcome, Exit.void, context)
    // It may end by itself for the drain time, then it is interrupted.
    if (fiber.pollUnsafe() === undefined) {
      this.#within(() => {
        this.#requested ??= "closed"
        fiber.interruptUnsafe()
      })
    }
    fiber.addObserver((exit) => {
      this.#inTime()
      this.#finish(outcome, exit, context)
    })
  }

  #finish(
    outcome: SessionOutcome,
    exit: Exit.Exit<void, E>,
    context: Needs<R>
  ): void {
    const { released } = this.#opened
    const last = isFault(exit) ? Effect.andThen(logFault(exit), released) : released
    this.#host.finish(this, outcome, last, context)
  }

  /** Has `late` called after the drain time, unless it comes about in time. */
  #within(late: () => void): void {
    this.#deadline = new Deadline(late)
    this.#host.setAlarm(this.#deadline, this.#host.now() + this.#host.drainTimeout)
  }

  #inTime(): void {
    if (this.#deadline !== undefined) this.#host.setAlarm(this.#deadline, Infinity)
    this.#deadline = undefined
  }
}
