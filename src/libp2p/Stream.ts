import type { Stream, StreamMessageEvent } from "@libp2p/interface"
import { Uint8ArrayList } from "uint8arraylist"
import type { Protocol, RawStream, Sink } from "../../signatures/index.ts"
import type { Carrier } from "./Carrier.ts"
import type { Turns, Waiter } from "./Turns.ts"

/** Bytes that are kept of a stream that nobody reads yet; one that sends more is aborted. */
const maxKept = 1024 * 1024

/** Bytes that may be written after a false. Who ignores it for longer loses the stream: no queue is without bound. */
const maxOverrun = 1024 * 1024

/** Bytes that somebody writes who was told that there is room. */
const usualBatch = 64 * 1024

/** Milliseconds after which a stream that the other end has finished is finished here too, if its user doesn't do it. */
const finishGrace = 1_000

/** What a stream asks of its link. */
export interface StreamHost {
  readonly carrier: Carrier
  /** Where the streams share what they write to. */
  readonly turns: Turns | undefined
  /** Whether the link has ended. */
  readonly isGone: () => boolean
  /** The stream found out that the link is gone, before the link itself did. */
  readonly gone: (cause: unknown) => void
  /** The stream was flushed, or has ended. */
  readonly progress: (stream: LinkStream) => void
  /** It was finished here (1), or was but broke off before all had left (-1). */
  readonly sent: (change: 1 | -1) => void
  /** The other end had finished it, and all of it has been read. */
  readonly arrived: () => void
}

type End = Parameters<Sink["end"]>[0]

/**
 * A libp2p stream as the seam wants it. It listens from its first moment, as libp2p repeats no event; what comes before
 * `attach` is kept here. Nothing is told from inside a call of the user's: `tell` always runs in a microtask, and libp2p's
 * `message` events come from the socket.
 *
 * Thousands are idle at a time, so each is one object: it is its own listener, and listens to what is rare only once it
 * matters, as each listener weighs more than all else here.
 */
export class LinkStream implements RawStream, Waiter {
  readonly protocol: Protocol
  private readonly stream: Stream
  private readonly host: StreamHost
  private sink: Sink | undefined
  private kept: Array<Uint8Array> | undefined
  /** Taken, and waits for its turn. */
  private pending: Uint8ArrayList | undefined
  round = -1
  spent = 0
  /** Bytes: of `kept`, and written since a false. */
  private keptBytes = 0
  private overrun = 0
  private telling = false
  private isWaiting = false
  private listensToDrain = false
  private owesDrain = false
  private mayDrain = false
  private checkingDrain = false
  private closedForWriting = false
  private finished = false
  private flushed = false
  private aborted = false
  /** Aborted by the user, who wants nothing more of it. */
  private isDropping = false
  private remoteFinished = false
  /** The other end has finished, and all that it wrote was given. */
  private isAllRead = false
  private toldEnd = false
  private grace: NodeJS.Timeout | undefined
  private ended: End | undefined

  constructor(stream: Stream, protocol: Protocol, host: StreamHost) {
    this.stream = stream
    this.protocol = protocol
    this.host = host
    stream.addEventListener("message", this)
    stream.addEventListener("end", this)
    // What happened while libp2p still negotiated the protocol.
    if (stream.remoteWriteStatus === "closed" && stream.status !== "aborted" && stream.status !== "reset") {
      this.remoteFinished = true
    }
    if (stream.readBufferLength > 0) stream.addEventListener("remoteCloseWrite", this)
    else if (stream.readableEnded || stream.status !== "open") this.onNoMore()
  }

  // ── what its user calls

  write(bytes: Uint8Array, more?: Uint8Array): boolean {
    if (this.closedForWriting) return true
    const { turns } = this.host
    if (this.owesDrain) {
      this.overrun += bytes.byteLength + (more?.byteLength ?? 0)
      if (this.overrun > maxOverrun) {
        this.abortWith(new Error(`more than ${maxOverrun} bytes were written though there was no room`))
        return true
      }
    }
    const data = more === undefined ? bytes : new Uint8ArrayList(bytes, more)
    if (this.pending !== undefined) this.pending.append(data)
    else if (!this.owesDrain && turns?.mustWait(this) === true) {
      this.pending = new Uint8ArrayList(data)
      this.waitForTurn(turns)
    } else if (this.send(data) && !this.owesDrain) this.lookForRoom()
    return !this.owesDrain
  }

  attach(reader: Sink): void {
    if (this.sink !== undefined) throw new Error("a stream has one sink: attach was called twice")
    this.sink = reader
    this.soonTell()
  }

  soon(flush: () => void): void {
    queueMicrotask(flush)
  }

  finish(): void {
    if (!this.closedForWriting) this.finishHalf()
  }

  abort(): void {
    if (this.aborted) return
    this.isDropping = true
    this.kept = undefined
    this.abortWith(new Error("aborted here"))
  }

  // ── what its link asks

  /** It was finished here, and what was written is still on its way into the carrier. */
  get isFlushing(): boolean {
    return this.finished && !this.flushed && !this.aborted
  }

  /** It has ended, and nothing is left to be flushed. */
  get isOver(): boolean {
    return this.ended !== undefined && !this.isFlushing
  }

  /** The link has ended: what had arrived is given first, then the end. */
  linkEnded(cause: unknown): void {
    this.drop()
    this.end(true, cause)
  }

  // ── what libp2p tells

  handleEvent(event: Event | StreamMessageEvent): void {
    if ("data" in event) return this.onMessage(event.data)
    switch (event.type) {
      case "end":
        return this.onNoMore()
      case "drain":
        return this.onDrain()
      case "remoteCloseWrite":
        this.remoteFinished = true
        return
      case "close":
        // Finished by the other end, and then ended by it or with the link before we had finished too.
        return this.end(this.host.isGone(), undefined)
    }
  }

  private onMessage(data: StreamMessageEvent["data"]): void {
    if (data instanceof Uint8Array) this.given(data)
    else for (const chunk of data) this.given(chunk)
  }

  private given(chunk: Uint8Array): void {
    if (this.aborted || this.ended !== undefined) return
    if (this.sink !== undefined && this.kept === undefined) {
      this.sink.bytes(chunk)
      return
    }
    this.kept ??= []
    this.kept.push(chunk)
    this.keptBytes += chunk.byteLength
    if (this.keptBytes > maxKept) {
      this.kept = undefined
      this.abortWith(new Error(`more than ${maxKept} bytes came on a stream that nobody reads`))
    } else this.soonTell()
  }

  // libp2p goes on sending what it holds in a microtask after its `drain` event, which was queued before this one.
  private onDrain(): void {
    if (!this.owesDrain || this.isWaiting || this.checkingDrain) return
    this.checkingDrain = true
    queueMicrotask(() => this.checkDrain())
  }

  private checkDrain(): void {
    this.checkingDrain = false
    if (this.isWaiting || this.host.carrier.isFull(this.stream)) return
    const { turns } = this.host
    if (turns === undefined) return this.turn()
    this.waitForTurn(turns)
    turns.run()
  }

  private onNoMore(): void {
    if (this.ended !== undefined || this.isAllRead) return
    const { host, stream } = this
    if (host.isGone()) return this.end(true, undefined)
    // A stream whose bytes all went to its listener says that it has ended in the moment in which the other end finishes it.
    switch (host.carrier.howEnded(stream, this.remoteFinished || stream.status === "open")) {
      case "finished":
        this.isAllRead = true
        host.arrived()
        if (this.closedForWriting) return this.end(false, undefined)
        // Something may still be said. But a stream that its user forgets shall not stay for ever.
        this.grace ??= setTimeout(() => this.finishHalf(), finishGrace).unref()
        stream.addEventListener("close", this)
        return
      case "reset":
        return this.abortWith(new Error("the other end reset the stream"))
      case "with-link":
        return host.gone(new Error("the connection under the stream is gone"))
    }
  }

  // ── inside

  /** False: the stream ended a moment ago; its events say how. */
  private send(data: Uint8Array | Uint8ArrayList): boolean {
    try {
      this.stream.send(data)
    } catch {
      return false
    }
    this.host.turns?.wrote(this, data.byteLength)
    return true
  }

  /** After something was written: whether more may be, and if not, what is waited for. */
  private lookForRoom(): void {
    const { carrier, turns } = this.host
    this.owesDrain = true
    if (carrier.isFull(this.stream)) {
      if (this.listensToDrain) return
      this.listensToDrain = true
      this.stream.addEventListener("drain", this)
    } else if (turns?.mustWait(this) === true) this.waitForTurn(turns)
    else this.owesDrain = false
  }

  private waitForTurn(turns: Turns): void {
    this.owesDrain = true
    this.isWaiting = true
    turns.wait(this, this.pending?.byteLength ?? usualBatch)
  }

  /** What waited goes. Then there is room for more. */
  turn(): void {
    this.isWaiting = false
    const { pending } = this
    this.pending = undefined
    const isSent = pending === undefined || this.send(pending)
    if (pending !== undefined && this.finished) this.closeHalf()
    if (!isSent || !this.owesDrain || this.closedForWriting) return
    if (pending !== undefined && this.host.carrier.isFull(this.stream)) return this.lookForRoom()
    this.owesDrain = false
    this.overrun = 0
    this.mayDrain = true
    this.tell()
  }

  private soonTell(): void {
    if (this.telling) return
    this.telling = true
    queueMicrotask(() => this.tell())
  }

  private tell(): void {
    this.telling = false
    const { kept, sink } = this
    if (sink === undefined) return
    this.kept = undefined
    this.keptBytes = 0
    if (kept !== undefined) { for (const chunk of kept) if (!this.isDropping) sink.bytes(chunk) }
    if (this.mayDrain && !this.closedForWriting) {
      this.mayDrain = false
      sink.drain()
    }
    if (this.ended !== undefined && !this.toldEnd) {
      this.toldEnd = true
      sink.end(this.ended)
    }
  }

  private end(linkEnded: boolean, cause: unknown): void {
    if (this.ended !== undefined) return
    this.closedForWriting = true
    clearTimeout(this.grace)
    this.ended = cause === undefined ? { linkEnded } : { linkEnded, cause }
    this.host.progress(this)
    this.soonTell()
  }

  /** What was kept is still given, unless who aborts has dropped it. */
  private abortWith(error: Error): void {
    if (this.isFlushing || (this.finished && this.ended === undefined)) this.host.sent(-1)
    this.aborted = true
    this.drop()
    // First, as libp2p tells of its end from inside its `abort`.
    this.end(this.host.isGone(), error)
    this.stream.abort(error)
  }

  /** The end comes once both ends have finished. */
  private finishHalf(): void {
    this.closedForWriting = true
    this.finished = true
    this.host.sent(1)
    // What still waits for its turn goes first.
    if (this.pending === undefined) this.closeHalf()
    if (this.isAllRead) this.end(false, undefined)
  }

  private closeHalf(): void {
    this.stream.close()
      .catch((error: unknown) => {
        // Too late for an orderly end; what is left must still be released.
        if (!this.aborted) this.host.sent(-1)
        this.stream.abort(error instanceof Error ? error : new Error("could not finish the stream"))
      })
      .finally(() => {
        this.flushed = true
        this.host.progress(this)
      })
  }

  /** What waits for its turn won't go any more. */
  private drop(): void {
    if (this.pending === undefined) return
    this.pending = undefined
    if (this.finished) this.flushed = true
  }
}
