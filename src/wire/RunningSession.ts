import { Deferred, Duration, Effect } from "effect"
import type { ConnectionLimits, Lease, Link, OpenedConnection } from "../../signatures/index.ts"
import { connectionOf } from "./connection.ts"
import { type Environment, resetMillis } from "./Environment.ts"
import type { FrameStream } from "./FrameStream.ts"
import { type Outcome, SessionCore, type SessionHost, type SessionTerms } from "./SessionCore.ts"

/** A core with what is around it: its lease, its deadline, and who waits for its end. */
export class RunningSession implements SessionHost {
  readonly core: SessionCore
  readonly opened: OpenedConnection
  private readonly env: Environment
  private readonly link: Link
  private readonly lease: Lease
  private readonly closeMillis: number
  private readonly onReleased: (session: RunningSession) => void
  private readonly endedWith = Deferred.makeUnsafe<Outcome>()
  private readonly isReleased = Deferred.makeUnsafe<void>()
  private cancelDeadline: (() => void) | undefined

  constructor(
    env: Environment,
    link: Link,
    lease: Lease,
    limits: ConnectionLimits,
    terms: SessionTerms,
    stream: FrameStream,
    onReleased: (session: RunningSession) => void
  ) {
    this.env = env
    this.link = link
    this.lease = lease
    this.closeMillis = Duration.toMillis(limits.closeTimeout)
    this.onReleased = onReleased
    const core = this.core = new SessionCore(stream, terms, this)
    this.opened = {
      connection: connectionOf(core),
      peer: link.peer,
      remote: link.remote,
      end: (code) => core.end(code),
      fail: (reason) => core.fail(reason),
      ended: Deferred.await(this.endedWith),
      released: Deferred.await(this.isReleased)
    }
  }

  ended(outcome: Outcome): void {
    Deferred.doneUnsafe(this.endedWith, Effect.succeed(outcome))
  }

  closing(deadline: "flush" | "reset"): void {
    this.cancelDeadline?.()
    const millis = deadline === "flush" ? this.closeMillis : resetMillis
    this.cancelDeadline = this.env.later(millis, () => this.core.expire())
  }

  violated(): void {
    this.env.pool.dead(this.link, "violation")
  }

  released(): void {
    this.cancelDeadline?.()
    this.lease.release()
    this.onReleased(this)
    Deferred.doneUnsafe(this.isReleased, Effect.void)
  }
}
