import { Duration } from "effect"
import type { ConnectionLimits, Lease, Link, RawStream, RejectReason } from "../../signatures/index.ts"
import { Attempt, type AttemptHost, type Wanted } from "./Attempt.ts"
import { type Environment, openingMillis, resetMillis } from "./Environment.ts"
import { endBody, FrameType } from "./frames.ts"
import { type FrameHandler, type FrameStream, readFrames } from "./FrameStream.ts"
import { Greeting, type GreetingHost } from "./Greeting.ts"
import { encodeAccept, type HelloBody, maxRetryAfterMillis, type RejectBody, rejectFrame } from "./openingFrames.ts"
import { OpeningLine } from "./OpeningLine.ts"
import { RunningSession, type RunningSessionHost } from "./RunningSession.ts"
import type { SessionTerms } from "./SessionCore.ts"

/** Inbound streams of a link that have not said hello yet; and how many more than the chains that we serve may be open. */
const maxUngreeted = 16
const spareStreams = 16

/** Whether others may have the room that we lack. */
const lacksRoom = (reason: RejectReason): boolean => reason === "full" || reason === "draining"

/** The sessions of one link, from their openings to their ends. */
export class LinkSessions implements RunningSessionHost, AttemptHost {
  readonly link: Link
  readonly env: Environment
  readonly heard: () => void
  readonly line: OpeningLine
  /** Those whose turn has come. */
  private readonly attempts = new Set<Attempt>()
  private readonly running = new Set<RunningSession>()
  private inbound = 0
  private ungreeted = 0
  isSuperseded = false

  constructor(link: Link, env: Environment, heard: () => void) {
    this.link = link
    this.env = env
    this.heard = heard
    this.line = new OpeningLine(env.now)
  }

  open(wanted: Wanted): Attempt {
    return new Attempt(this, wanted)
  }

  // ── what its openings tell

  begun(attempt: Attempt): void {
    this.attempts.add(attempt)
  }

  over(attempt: Attempt): void {
    this.attempts.delete(attempt)
  }

  accepted(stream: FrameStream, { lease, limits }: Wanted, terms: SessionTerms): RunningSession {
    return this.run(stream, false, lease, limits, terms)
  }

  rejected({ alternatives, reason }: RejectBody): void {
    if (alternatives.length === 0 || !lacksRoom(reason)) return
    this.env.subscribers.tell({ _tag: "Alternatives", peer: this.link.peer, records: alternatives })
  }

  /** The last word is said: if the stream is not gone in a second, it is reset. */
  lingering(stream: FrameStream): void {
    this.env.later(resetMillis, () => stream.abort())
  }

  /** A stream that the peer has opened: it must say hello in time. */
  accept(raw: RawStream): void {
    if (this.ungreeted >= maxUngreeted || this.inbound >= this.env.served.size + spareStreams) return raw.abort()
    this.inbound++
    this.ungreeted++
    let isWaiting = true
    const noLongerWaits = () => {
      if (!isWaiting) return
      isWaiting = false
      this.ungreeted--
      cancelDeadline()
    }
    const host: GreetingHost = {
      hello: (stream, body) => {
        noLongerWaits()
        return this.answer(stream, body)
      },
      violated: (stream) => {
        this.lingering(stream)
        this.env.pool.dead(this.link, "violation")
      },
      gone: () => {
        noLongerWaits()
        this.inbound--
      }
    }
    const greeting = readFrames(raw, this.heard, (stream) => new Greeting(stream, host))
    const cancelDeadline = this.env.later(openingMillis, () => this.lingering(greeting.timeout()))
  }

  /** The link's connections fail as superseded, without a word: the goodbye says it. */
  supersede(): void {
    this.isSuperseded = true
    for (const attempt of this.attempts) attempt.supersede()
    for (const session of this.running) session.core.supersede()
  }

  /** Both ends know. */
  abandon(): void {
    for (const session of this.running) session.core.abandon()
  }

  private answer(stream: FrameStream, hello: HelloBody): FrameHandler | undefined {
    const served = this.env.served.find(hello.chain)
    if (served === undefined) return this.reject(stream, "unknown-chain", maxRetryAfterMillis)
    const { chain, decide, limits } = served
    const maxMessageBytes = Math.min(hello.maxMessageBytes, limits.maxMessageBytes)
    const obstacle = this.obstacle(maxMessageBytes, limits)
    // To a stranger a private chain looks as one that isn't served, so there only `decide` knows who may hear more.
    if (obstacle !== undefined && !limits.private) return this.reject(stream, ...obstacle)
    const decision = decide({ peer: this.link.peer, remote: this.link.remote, chain })
    if ("reject" in decision) {
      const { reject, retryAfter } = decision
      // Of a private chain's peers nobody hears from us.
      const alternatives = lacksRoom(reject) && !limits.private
        ? this.env.introductions.instead(this.link.peer, chain)
        : []
      return this.reject(stream, reject, Duration.toMillis(retryAfter), alternatives)
    }
    const { window } = limits
    if (obstacle === undefined) {
      stream.outbox.push(FrameType.accept, encodeAccept({ maxMessageBytes: limits.maxMessageBytes, window }))
    } else this.reject(stream, ...obstacle)
    const lease = this.env.pool.leaseOn(this.link, chain)
    const terms = { maxMessageBytes, window, peerWindow: hello.window }
    const session = this.run(stream, true, lease, limits, terms)
    // It was accepted, and has a slot that must be given back: so it ends as if the peer had closed it at once.
    if (obstacle !== undefined) session.core.frame(FrameType.end, endBody("closed"))
    decision.accept(session)
    return session.core
  }

  /** Why no session can be had, whatever `decide` says. */
  private obstacle(maxMessageBytes: number, limits: ConnectionLimits): readonly [RejectReason, number] | undefined {
    if (maxMessageBytes < limits.minMessageBytes) return ["incompatible", maxRetryAfterMillis]
    // Another link took over: there the peer will ask again, and nobody cools for it.
    return this.isSuperseded ? ["duplicate", 0] : undefined
  }

  private reject(
    stream: FrameStream,
    reason: RejectReason,
    retryAfter: number,
    alternatives: ReadonlyArray<Uint8Array> = []
  ): undefined {
    const retryAfterMillis = Math.min(maxRetryAfterMillis, Math.max(0, Math.round(retryAfter)))
    stream.outbox.finishNow(rejectFrame({ reason, retryAfterMillis, alternatives }))
    this.lingering(stream)
  }

  private run(
    stream: FrameStream,
    isInbound: boolean,
    lease: Lease,
    limits: ConnectionLimits,
    terms: SessionTerms
  ): RunningSession {
    const session = new RunningSession(this, isInbound, lease, limits, terms, stream)
    this.running.add(session)
    return session
  }

  released(session: RunningSession): void {
    this.running.delete(session)
    if (session.isInbound) this.inbound--
  }
}
