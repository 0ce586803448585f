import { Deferred, Duration, Effect } from "effect"
import type { ConnectionLimits, Lease, Link, OpenedConnection } from "../../signatures/index.ts"
import { connectionOf } from "./connection.ts"
import { type Environment, resetMillis } from "./Environment.ts"
import type { FrameStream } from "./FrameStream.ts"
import { type Outcome, SessionCore, type SessionHost, type SessionTerms } from "./SessionCore.ts"

/** Whose link it runs on. */
export interface RunningSessionHost {
  readonly env: Environment
  readonly link: Link
  released(session: RunningSession): void
}

/** A core with what is around it: its lease, its deadline, and who waits for its end. Of an idle one little is kept. */
export class RunningSession implements SessionHost, OpenedConnection {
  readonly core: SessionCore
  readonly connection: OpenedConnection["connection"]
  readonly isInbound: boolean
  private readonly host: RunningSessionHost
  private readonly lease: Lease
  private readonly limits: ConnectionLimits
  private isGone = false
  private listener: ((how: Outcome) => void) | undefined
  /** Made when somebody waits. */
  private whenEnded: Deferred.Deferred<Outcome> | undefined
  private whenReleased: Deferred.Deferred<void> | undefined
  private cancelDeadline: (() => void) | undefined

  constructor(
    host: RunningSessionHost,
    isInbound: boolean,
    lease: Lease,
    limits: ConnectionLimits,
    terms: SessionTerms,
    stream: FrameStream
  ) {
    this.host = host
    this.isInbound = isInbound
    this.lease = lease
    this.limits = limits
    this.core = new SessionCore(stream, terms, this)
    this.connection = connectionOf(this.core)
  }

  // ── what the node has of it

  get peer(): OpenedConnection["peer"] {
    return this.host.link.peer
  }

  get remote(): OpenedConnection["remote"] {
    return this.host.link.remote
  }

  end(code: Parameters<OpenedConnection["end"]>[0]): void {
    this.core.end(code)
  }

  fail(reason: Parameters<OpenedConnection["fail"]>[0]): void {
    this.core.fail(reason)
  }

  onEnded(listener: (how: Outcome) => void): void {
    if (this.core.outcome === undefined) this.listener = listener
    else listener(this.core.outcome)
  }

  get ended(): OpenedConnection["ended"] {
    return Effect.suspend(() =>
      this.core.outcome === undefined
        ? Deferred.await(this.whenEnded ??= Deferred.makeUnsafe())
        : Effect.succeed(this.core.outcome)
    )
  }

  get released(): OpenedConnection["released"] {
    return Effect.suspend(() => this.isGone ? Effect.void : Deferred.await(this.whenReleased ??= Deferred.makeUnsafe()))
  }

  // ── what its core tells

  concluded(outcome: Outcome): void {
    this.listener?.(outcome)
    if (this.whenEnded !== undefined) Deferred.doneUnsafe(this.whenEnded, Effect.succeed(outcome))
  }

  closing(deadline: "flush" | "reset"): void {
    this.cancelDeadline?.()
    const millis = deadline === "flush" ? Duration.toMillis(this.limits.closeTimeout) : resetMillis
    this.cancelDeadline = this.host.env.later(millis, () => this.core.expire())
  }

  violated(): void {
    this.host.env.pool.dead(this.host.link, "violation")
  }

  gone(): void {
    this.cancelDeadline?.()
    this.lease.release()
    this.host.released(this)
    this.isGone = true
    if (this.whenReleased !== undefined) Deferred.doneUnsafe(this.whenReleased, Effect.void)
  }
}
