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
export class RunningSession implements SessionHost {
  readonly core: SessionCore
  readonly opened: OpenedConnection
  readonly isInbound: boolean
  readonly host: RunningSessionHost
  private readonly lease: Lease
  private readonly limits: ConnectionLimits
  private isReleased = false
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
    this.opened = new Opened(this)
  }

  untilEnded(): Effect.Effect<Outcome> {
    if (this.core.outcome !== undefined) return Effect.succeed(this.core.outcome)
    return Deferred.await(this.whenEnded ??= Deferred.makeUnsafe())
  }

  untilReleased(): Effect.Effect<void> {
    return this.isReleased ? Effect.void : Deferred.await(this.whenReleased ??= Deferred.makeUnsafe())
  }

  ended(outcome: Outcome): void {
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

  released(): void {
    this.cancelDeadline?.()
    this.lease.release()
    this.host.released(this)
    this.isReleased = true
    if (this.whenReleased !== undefined) Deferred.doneUnsafe(this.whenReleased, Effect.void)
  }
}

/** What the node has of it. */
class Opened implements OpenedConnection {
  readonly connection: OpenedConnection["connection"]
  private readonly session: RunningSession

  constructor(session: RunningSession) {
    this.session = session
    this.connection = connectionOf(session.core)
  }

  get peer(): OpenedConnection["peer"] {
    return this.session.host.link.peer
  }

  get remote(): OpenedConnection["remote"] {
    return this.session.host.link.remote
  }

  end(code: Parameters<OpenedConnection["end"]>[0]): void {
    this.session.core.end(code)
  }

  fail(reason: Parameters<OpenedConnection["fail"]>[0]): void {
    this.session.core.fail(reason)
  }

  get ended(): OpenedConnection["ended"] {
    return Effect.suspend(() => this.session.untilEnded())
  }

  get released(): OpenedConnection["released"] {
    return Effect.suspend(() => this.session.untilReleased())
  }
}
