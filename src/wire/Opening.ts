import { Option } from "effect"
import type { ConnectionLimits, OpenFailed } from "../../signatures/index.ts"
import { abortCodeAt, abortFrame, endFrame, FrameType, maxHelloBytes, maxRejectBytes } from "./frames.ts"
import type { FrameHandler, FrameStream } from "./FrameStream.ts"
import {
  decodeAccept,
  decodeReject,
  encodeHello,
  maxRetryAfterMillis,
  type RejectBody,
  wireVersion
} from "./openingFrames.ts"
import type { SessionTerms } from "./SessionCore.ts"

/** What an opening comes to: exactly one of `accepted`, `rejected` and `failed` is called, unless it is cancelled. */
export interface OpeningHost {
  /** The session's handler takes over from the next frame on. */
  accepted(stream: FrameStream, terms: SessionTerms): FrameHandler
  rejected(body: RejectBody): void
  failed(reason: OpenFailed["reason"]): void
  /** The other end broke the wire format; `failed` was called before. */
  violated(): void
  /** We said our last word: the stream should be gone within a second. */
  lingering(stream: FrameStream): void
}

/** The opener's end of a stream, until the answer: says hello at once. */
export class Opening implements FrameHandler {
  private readonly stream: FrameStream
  private readonly limits: ConnectionLimits
  private readonly host: OpeningHost
  private isDecided = false

  constructor(stream: FrameStream, chain: Uint8Array, limits: ConnectionLimits, host: OpeningHost) {
    this.stream = stream
    this.limits = limits
    this.host = host
    const { maxMessageBytes, window } = limits
    stream.outbox.push(
      FrameType.hello,
      encodeHello({ version: wireVersion, chain, maxMessageBytes, window, features: [] })
    )
  }

  /** Orderly: if the peer has accepted meanwhile, its session ends as closed. */
  cancel(): void {
    if (this.isDecided) return
    this.isDecided = true
    if (this.stream.outbox.isEmpty) this.leave(endFrame("closed"))
    // The peer has not heard of it yet.
    else this.stream.abort()
  }

  /** As `cancel`, with `failed`. */
  fail(reason: OpenFailed["reason"]): void {
    if (this.isDecided) return
    this.cancel()
    this.host.failed(reason)
  }

  begin(type: number, length: number): boolean {
    switch (type) {
      case FrameType.accept:
        return length <= maxHelloBytes
      case FrameType.reject:
        return length <= maxRejectBytes
      default:
        return type === FrameType.abort && length === 1
    }
  }

  frame(type: number, body: Uint8Array): void {
    switch (type) {
      case FrameType.accept:
        return this.onAccept(body)
      case FrameType.reject:
        return this.onReject(body)
      default:
        return this.onAbort(body)
    }
  }

  private onAccept(body: Uint8Array): void {
    const accept = Option.getOrUndefined(decodeAccept(body))
    if (accept === undefined) return this.stream.violate()
    const maxMessageBytes = Math.min(accept.maxMessageBytes, this.limits.maxMessageBytes)
    if (maxMessageBytes < this.limits.minMessageBytes) {
      this.cancel()
      return this.host.rejected({ reason: "incompatible", retryAfterMillis: maxRetryAfterMillis, alternatives: [] })
    }
    this.isDecided = true
    const terms = { maxMessageBytes, window: this.limits.window, peerWindow: accept.window }
    this.stream.become(this.host.accepted(this.stream, terms))
  }

  private onReject(body: Uint8Array): void {
    const reject = Option.getOrUndefined(decodeReject(body))
    if (reject === undefined) return this.stream.violate()
    this.isDecided = true
    this.leave()
    this.host.rejected(reject)
  }

  private onAbort(body: Uint8Array): void {
    const code = abortCodeAt(body[0])
    if (code === undefined) return this.stream.violate()
    this.isDecided = true
    this.leave()
    this.host.failed(code === "session-failed" ? "stream-lost" : code)
  }

  violated(): void {
    this.isDecided = true
    this.leave(abortFrame("protocol-violation"))
    this.host.failed("protocol-violation")
    this.host.violated()
  }

  gone(linkEnded: boolean): void {
    if (this.isDecided) return
    this.isDecided = true
    this.host.failed(linkEnded ? "link-lost" : "stream-lost")
  }

  settle(): void {}

  room(): void {}

  private leave(last?: Uint8Array): void {
    this.stream.stop()
    this.stream.outbox.finishNow(last)
    this.host.lingering(this.stream)
  }
}
