import { type CloseCode, ConnectionClosed, ConnectionFailed, type P2pMessage } from "../../signatures/index.ts"
import {
  type AbortCode,
  abortCodeAt,
  abortFrame,
  closeCodeAt,
  endFrame,
  FrameType,
  messageOverhead,
  readCredit
} from "./frames.ts"
import type { FrameHandler, FrameStream } from "./FrameStream.ts"
import { Ring } from "./Ring.ts"
import { joined, type Waiting, without } from "./WaitList.ts"

export type Outcome = ConnectionClosed | ConnectionFailed

/**
 * One for each way to end or to fail, as every session does so once, and hardly anybody asks where in our own code that was: to
 * find that out costs more than all else here. Made here and not when one is first needed: an error holds whatever was at work
 * where it was made, and that would be a session.
 */
const endsBy = (by: ConnectionClosed["by"]): Readonly<Record<CloseCode, ConnectionClosed>> => ({
  closed: new ConnectionClosed({ by, code: "closed" }),
  rotated: new ConnectionClosed({ by, code: "rotated" }),
  draining: new ConnectionClosed({ by, code: "draining" }),
  shutdown: new ConnectionClosed({ by, code: "shutdown" })
})
const closedBy = { local: endsBy("local"), remote: endsBy("remote") }
const failedBy: Readonly<Record<ConnectionFailed["reason"], ConnectionFailed>> = {
  "remote-session-failed": new ConnectionFailed({ reason: "remote-session-failed" }),
  "local-session-failed": new ConnectionFailed({ reason: "local-session-failed" }),
  "stream-lost": new ConnectionFailed({ reason: "stream-lost" }),
  "link-lost": new ConnectionFailed({ reason: "link-lost" }),
  superseded: new ConnectionFailed({ reason: "superseded" }),
  timeout: new ConnectionFailed({ reason: "timeout" }),
  "protocol-violation": new ConnectionFailed({ reason: "protocol-violation" })
}

/** What both ends have agreed on. Bytes. */
export interface SessionTerms {
  /** The smaller of both ends' maxima. */
  readonly maxMessageBytes: number
  /** The credit that we grant. */
  readonly window: number
  /** The credit that the peer grants. */
  readonly peerWindow: number
}

/** Who runs a core: told what happened, synchronously. */
export interface SessionHost {
  /** The first end or failure. */
  concluded(outcome: Outcome): void
  /**
   * The core has said its last word, or will, and waits for the stream to end: call `expire` after `closeTimeout` (`flush`)
   * or a second (`reset`). Told again when the deadline changes.
   */
  closing(deadline: "flush" | "reset"): void
  /** The other end broke the wire format. */
  violated(): void
  /** The stream is gone. Once; the last of all. */
  gone(): void
}

/** One who waits to send. `resume` without an outcome: it was sent. */
export class SendWaiter implements Waiting<SendWaiter> {
  before: SendWaiter | undefined
  after: SendWaiter | undefined
  readonly message: P2pMessage
  readonly resume: (outcome?: Outcome) => void

  constructor(message: P2pMessage, resume: (outcome?: Outcome) => void) {
    this.message = message
    this.resume = resume
  }
}

/** One who waits to receive. `resume` without an outcome: call `take`. */
export class ReceiveWaiter implements Waiting<ReceiveWaiter> {
  before: ReceiveWaiter | undefined
  after: ReceiveWaiter | undefined
  /** Its own, once it was resumed and until it takes it. */
  message: P2pMessage | undefined
  readonly resume: (outcome?: Outcome) => void

  constructor(resume: (outcome?: Outcome) => void) {
    this.resume = resume
  }
}

/**
 * A session's end of its stream, after the opening: messages, credit, end and abort. Synchronous, without time, randomness
 * or effects; the laws of `P2pConnection` are decided here. See README.md for its states.
 */
export class SessionCore implements FrameHandler {
  readonly terms: SessionTerms
  /** Why no operation succeeds any more: set once. What had arrived may still be polled, unless we closed. */
  outcome: Outcome | undefined
  private readonly stream: FrameStream
  private readonly host: SessionHost
  /** What we may still send; a message may begin while it is above 0. */
  private credit: number
  /** What the peer may still send. */
  private granted: number
  /** Consumed, and not given back yet. */
  private unreturned = 0
  /** What has arrived: the first, and those behind it, which most sessions never have. */
  private next: P2pMessage | undefined
  private more: Ring<P2pMessage> | undefined
  /** The first of those who wait to send, or to receive. */
  private sender: SendWaiter | undefined
  private receiver: ReceiveWaiter | undefined
  /** Nothing of ours has a meaning any more: the other end has ended or failed, or we have aborted. */
  private isSilenced = false
  private isSuperseded = false
  private isViolationTold = false
  /** We have closed: what arrives is for nobody. */
  private discarding = false

  constructor(stream: FrameStream, terms: SessionTerms, host: SessionHost) {
    this.stream = stream
    this.terms = terms
    this.host = host
    this.credit = terms.peerWindow
    this.granted = terms.window
  }

  // ── what the session calls

  /** False: there is no room, or others wait, or it is too large, or the connection has ended. */
  trySend(message: P2pMessage): boolean {
    return this.sender === undefined && this.outcome === undefined && this.push(message)
  }

  /** For a message that is not too large. Resumes at once if there is room or an outcome by now. */
  waitToSend(waiter: SendWaiter): void {
    if (this.outcome !== undefined) return waiter.resume(this.outcome)
    this.sender = joined(this.sender, waiter)
    this.serveSenders()
  }

  /** Who was resumed already has sent. */
  cancelSend(waiter: SendWaiter): void {
    if (waiter.before === undefined) return
    this.sender = without(this.sender, waiter)
    // Those behind a large message may have room where it had none.
    this.serveSenders()
  }

  /** Whether `poll` would give one. */
  get hasMessage(): boolean {
    return this.receiver === undefined && this.next !== undefined
  }

  /** None if nothing is here, or what is here belongs to those who wait. */
  poll(): P2pMessage | undefined {
    if (this.receiver !== undefined) return undefined
    const message = this.shift()
    if (message !== undefined) this.consume(message.length + messageOverhead)
    return message
  }

  /** Resumes at once if a message or an outcome is here by now. */
  waitToReceive(waiter: ReceiveWaiter): void {
    this.receiver = joined(this.receiver, waiter)
    this.settle()
  }

  /** Only by one that was resumed without an outcome, once. */
  take(waiter: ReceiveWaiter): P2pMessage {
    const message = waiter.message
    if (message === undefined) throw new Error("a message was taken twice, or by one that was not resumed")
    waiter.message = undefined
    this.consume(message.length + messageOverhead)
    return message
  }

  /** One that was resumed but didn't take its message leaves it to the next. */
  cancelReceive(waiter: ReceiveWaiter): void {
    const message = waiter.message
    this.receiver = without(this.receiver, waiter)
    if (message === undefined) return
    waiter.message = undefined
    if (this.next !== undefined) this.others.unshift(this.next)
    this.next = message
    if (this.discarding) this.discard()
    else this.settle()
  }

  /** Orderly: what was sent goes first, then the end. What has arrived and is still coming is discarded. */
  end(code: CloseCode): void {
    if (this.outcome === undefined) {
      this.conclude(closedBy.local[code])
      this.stream.outbox.finishWith(endFrame(code))
      this.host.closing("flush")
    }
    this.discard()
    this.settle()
  }

  /** Aborts: unsent data is dropped. `protocol-violation` tells the host, though the connection had ended before. */
  fail(reason: "session-failed" | "protocol-violation"): void {
    if (reason === "session-failed") this.abortWith(reason, "local-session-failed")
    else this.violated()
    this.settle()
  }

  /** Another link took over: nothing more is said on this one, which is about to end. */
  supersede(): void {
    if (this.outcome !== undefined) return
    this.isSuperseded = true
    this.isSilenced = true
    this.concludeFailed("superseded")
    this.stream.stop()
    this.stream.outbox.drop()
    this.settle()
  }

  /** The deadline of `closing` is over. */
  expire(): void {
    if (this.stream.outbox.finished) {
      this.stream.abort()
      return
    }
    this.stream.stop()
    this.stream.outbox.finishNow(abortFrame("timeout"))
    this.host.closing("reset")
  }

  /** After `supersede`, when the other end knows. */
  abandon(): void {
    if (this.isSuperseded) this.stream.abort()
  }

  // ── what arrives

  begin(type: number, length: number): boolean {
    switch (type) {
      case FrameType.data:
        if (length > this.terms.maxMessageBytes || this.granted <= 0) return false
        this.granted -= length + messageOverhead
        return true
      case FrameType.credit:
        return length === 4
      default:
        return (type === FrameType.end || type === FrameType.abort) && length === 1
    }
  }

  frame(type: number, body: Uint8Array): void {
    switch (type) {
      case FrameType.data:
        if (this.discarding) this.consume(body.length + messageOverhead)
        else if (this.next === undefined) this.next = body
        else this.others.push(body)
        return
      case FrameType.credit:
        return this.onCredit(readCredit(body))
      case FrameType.end:
        return this.onEnd(closeCodeAt(body[0]))
      default:
        return this.onAbort(abortCodeAt(body[0]))
    }
  }

  settle(): void {
    while (this.next !== undefined) {
      const waiter = this.receiver
      if (waiter === undefined) return
      this.receiver = without(waiter, waiter)
      waiter.message = this.shift()
      waiter.resume()
    }
    if (this.outcome === undefined) return
    let waiter: ReceiveWaiter | undefined
    while ((waiter = this.receiver) !== undefined) {
      this.receiver = without(waiter, waiter)
      waiter.resume(this.outcome)
    }
  }

  violated(): void {
    this.abortWith("protocol-violation", "protocol-violation")
    if (this.isViolationTold) return
    this.isViolationTold = true
    this.host.violated()
  }

  room(): void {
    this.serveSenders()
  }

  gone(linkEnded: boolean): void {
    this.isSilenced = true
    this.concludeFailed(linkEnded ? "link-lost" : "stream-lost")
    this.settle()
    this.host.gone()
  }

  // ── inside

  private get others(): Ring<P2pMessage> {
    return this.more ??= new Ring()
  }

  private shift(): P2pMessage | undefined {
    const message = this.next
    if (message !== undefined) this.next = this.more?.shift()
    return message
  }

  private push(message: P2pMessage): boolean {
    if (this.credit <= 0 || message.length > this.terms.maxMessageBytes) return false
    if (!this.stream.outbox.push(FrameType.data, message)) return false
    this.credit -= message.length + messageOverhead
    return true
  }

  private serveSenders(): void {
    let waiter: SendWaiter | undefined
    while ((waiter = this.sender) !== undefined && this.outcome === undefined && this.push(waiter.message)) {
      this.sender = without(waiter, waiter)
      waiter.resume()
    }
  }

  private consume(cost: number): void {
    this.unreturned += cost
    if (this.unreturned * 2 < this.terms.window) return
    this.granted += this.unreturned
    this.stream.outbox.owe(this.unreturned)
    this.unreturned = 0
  }

  private onCredit(amount: number): void {
    this.credit += amount
    if (this.credit > this.terms.peerWindow) this.stream.violate()
    else this.serveSenders()
  }

  private onEnd(code: CloseCode | undefined): void {
    if (code === undefined) return this.stream.violate()
    this.isSilenced = true
    this.stream.stop()
    if (this.outcome === undefined) this.conclude(closedBy.remote[code])
    // Answered at once. The peer reads no more messages, so what was not written yet would be for nobody.
    if (!this.stream.outbox.finished) {
      this.stream.outbox.finishNow(endFrame(code))
      this.host.closing("flush")
    }
  }

  private onAbort(code: AbortCode | undefined): void {
    if (code === undefined) return this.stream.violate()
    this.isSilenced = true
    this.stream.stop()
    this.concludeFailed(code === "session-failed" ? "remote-session-failed" : code)
    this.stream.outbox.finishNow()
    this.host.closing("reset")
  }

  /** After an end of our own only a violation aborts. Nothing does after the last word of the other end. */
  private abortWith(code: AbortCode, reason: ConnectionFailed["reason"]): void {
    if (this.isSilenced || (this.outcome !== undefined && code !== "protocol-violation")) return
    this.isSilenced = true
    this.concludeFailed(reason)
    this.stream.stop()
    this.stream.outbox.finishNow(abortFrame(code))
    this.host.closing("reset")
  }

  /** The first word counts. */
  private concludeFailed(reason: ConnectionFailed["reason"]): void {
    if (this.outcome === undefined) this.conclude(failedBy[reason])
  }

  /** Once. */
  private conclude(outcome: Outcome): void {
    this.outcome = outcome
    let waiter: SendWaiter | undefined
    while ((waiter = this.sender) !== undefined) {
      this.sender = without(waiter, waiter)
      waiter.resume(outcome)
    }
    this.host.concluded(outcome)
  }

  private discard(): void {
    this.discarding = true
    let message: P2pMessage | undefined
    while ((message = this.shift()) !== undefined) this.consume(message.length + messageOverhead)
  }
}
