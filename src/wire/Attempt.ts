import { Effect } from "effect"
import {
  type Chain,
  type ConnectionLimits,
  type Lease,
  type Link,
  type LinkLost,
  type OpenedConnection,
  OpenFailed,
  type RawStream,
  Rejected,
  type StreamRefused
} from "../../signatures/index.ts"
import { chainKey } from "./chainKey.ts"
import { type Environment, openingMillis } from "./Environment.ts"
import { type FrameHandler, type FrameStream, readFrames } from "./FrameStream.ts"
import { Opening, type OpeningHost } from "./Opening.ts"
import type { RejectBody } from "./openingFrames.ts"
import type { InLine, OpeningLine } from "./OpeningLine.ts"
import type { RunningSession } from "./RunningSession.ts"
import type { SessionTerms } from "./SessionCore.ts"

/** What is to be opened. */
export interface Wanted {
  /** The attempt's until the session has it; given back if there comes none. */
  readonly lease: Lease
  readonly chain: Chain
  readonly limits: ConnectionLimits
}

/** Whose link it is. */
export interface AttemptHost {
  readonly env: Environment
  readonly link: Link
  readonly line: OpeningLine
  /** Bytes have arrived. */
  readonly heard: () => void
  /** Another link took over. */
  readonly isSuperseded: boolean
  begun(attempt: Attempt): void
  over(attempt: Attempt): void
  accepted(stream: FrameStream, wanted: Wanted, terms: SessionTerms): RunningSession
  rejected(body: RejectBody): void
  lingering(stream: FrameStream): void
}

type Answer = Effect.Effect<OpenedConnection, Rejected | OpenFailed>

/**
 * One opening of a session: its turn, its stream, its hello, and the answer. One deadline for all that follows the turn, and no
 * fiber but the one in which the transport opens the stream.
 */
export class Attempt implements InLine, OpeningHost {
  private readonly host: AttemptHost
  private readonly wanted: Wanted
  private readonly began: number
  /** When its turn had come. */
  private askedAt = Infinity
  private isOver = false
  private resume: ((answer: Answer) => void) | undefined
  private cancelDeadline: (() => void) | undefined
  private giveUpStream: (() => void) | undefined
  /** Set once the hello is said. */
  private opening: Opening | undefined
  private session: RunningSession | undefined

  constructor(host: AttemptHost, wanted: Wanted) {
    this.host = host
    this.wanted = wanted
    this.began = host.env.now()
  }

  /** Once. Whoever is interrupted before it has gone on with this must call `cancel`. */
  readonly answer: Answer = Effect.callback((resume) => {
    this.resume = resume
    this.host.line.enter(this)
  })

  /** Nobody waits any more. Gives what lasts until the lease is given back: a session may be there by now, and ends in order. */
  cancel(): Effect.Effect<void> {
    const { session } = this
    if (session !== undefined) {
      session.end("closed")
      return session.released
    }
    if (this.isOver) return Effect.void
    this.end()
    this.giveUpStream?.()
    this.opening?.cancel()
    this.leave()
    return Effect.void
  }

  /** Another link took over. One that has no stream yet will get none. */
  supersede(): void {
    this.opening?.fail("superseded")
  }

  begin(): void {
    const { env, isSuperseded, link } = this.host
    this.askedAt = env.now()
    if (isSuperseded) return this.failed("superseded")
    this.host.begun(this)
    this.cancelDeadline = env.later(openingMillis, () => this.timeOut())
    const stream = Effect.match(link.open("/chain-p2p/1"), {
      onSuccess: (raw) => this.sayHello(raw),
      onFailure: (error) => this.notOpened(error)
    })
    this.giveUpStream = env.start(
      Effect.catchCause(stream, (cause) => Effect.sync(() => this.conclude(Effect.failCause(cause))))
    )
  }

  refused(error: OpenFailed): void {
    this.conclude(Effect.fail(this.named(error)))
  }

  private sayHello(raw: RawStream): void {
    if (this.isOver) return raw.abort()
    const { chain, limits } = this.wanted
    this.opening = readFrames(raw, this.host.heard, (stream) => new Opening(stream, chainKey(chain), limits, this))
  }

  private notOpened(cause: LinkLost | StreamRefused): void {
    const reason = cause._tag === "LinkLost"
      ? this.host.isSuperseded ? "superseded" : "link-lost"
      : cause.reason === "timeout"
      ? "timeout"
      : "stream-lost"
    this.failed(reason, cause)
  }

  private timeOut(): void {
    if (this.opening !== undefined) return this.opening.fail("timeout")
    this.failed("timeout")
    this.giveUpStream?.()
  }

  // ── what the opening comes to

  accepted(stream: FrameStream, terms: SessionTerms): FrameHandler {
    const session = this.host.accepted(stream, this.wanted, terms)
    this.session = session
    this.host.line.answered()
    this.conclude(Effect.succeed(session))
    return session.core
  }

  rejected(body: RejectBody): void {
    this.host.rejected(body)
    this.host.line.answered()
    this.conclude(Effect.fail(new Rejected(body)))
  }

  failed(reason: OpenFailed["reason"], cause?: LinkLost | StreamRefused): void {
    if (this.isOver) return
    const error = new OpenFailed(cause === undefined ? { reason } : { reason, cause })
    this.end()
    if (reason === "timeout") this.host.line.unanswered(this.askedAt, error)
    this.settle(Effect.fail(this.named(error)))
  }

  violated(): void {
    this.host.env.pool.dead(this.host.link, "violation")
  }

  lingering(stream: FrameStream): void {
    this.host.lingering(stream)
  }

  /** It may have come to nothing for our own end alone: that heard nothing from anybody meanwhile. */
  private named(error: OpenFailed): OpenFailed {
    const { ear, now } = this.host.env
    const isMute = error.reason === "timeout" || error.reason === "stream-lost"
    return isMute && ear.wasDeaf(this.began, now()) ? new OpenFailed({ reason: "cut-off" }) : error
  }

  // ── its end

  private conclude(answer: Answer): void {
    if (this.isOver) return
    this.end()
    this.settle(answer)
  }

  private end(): void {
    this.isOver = true
    this.cancelDeadline?.()
    this.host.over(this)
  }

  private settle(answer: Answer): void {
    this.leave()
    this.resume?.(answer)
  }

  /** Who comes next in the line goes first. */
  private leave(): void {
    this.host.line.leave(this)
    if (this.session === undefined) this.wanted.lease.release()
  }
}
