import type { Stream, StreamMessageEvent } from "@libp2p/interface"
import { Uint8ArrayList } from "uint8arraylist"
import type { Protocol, RawStream, Sink } from "../../signatures/index.ts"
import type { Carrier } from "./Carrier.ts"

/** Bytes that are kept of a stream that nobody reads yet; one that sends more is aborted. */
const maxKept = 1024 * 1024

/** Bytes that may be written after a false. Who ignores it for longer loses the stream: no queue is without bound. */
const maxOverrun = 1024 * 1024

/** Milliseconds after which a stream that the other end has finished is finished here too, if its user doesn't do it. */
const finishGrace = 1_000

/** What a stream asks of its link. */
export interface StreamHost {
  readonly carrier: Carrier
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

/** A stream, and what its link needs of it. */
export interface LinkStream {
  readonly raw: RawStream
  /** It was finished here, and what was written is still on its way into the carrier. */
  readonly isFlushing: () => boolean
  /** It has ended, and nothing is left to be flushed. */
  readonly isOver: () => boolean
  /** The link has ended: what had arrived is given first, then the end. */
  readonly linkEnded: (cause: unknown) => void
}

/**
 * A libp2p stream as the seam wants it. It listens from its first moment, as libp2p repeats no event; what comes before
 * `attach` is kept here. Nothing is told from inside a call of the user's: `tell` always runs in a microtask, and libp2p's
 * `message` events come from the socket.
 */
export const makeStream = (stream: Stream, protocol: Protocol, host: StreamHost): LinkStream => {
  let sink: Sink | undefined
  let kept: Array<Uint8Array> = []
  let keptBytes = 0
  let telling = false
  let owesDrain = false
  let mayDrain = false
  let checkingDrain = false
  let overrun = 0
  let closedForWriting = false
  let finished = false
  let flushed = false
  let aborted = false
  /** Aborted by the user, who wants nothing more of it. */
  let isDropping = false
  let remoteFinished = false
  /** The other end has finished, and all that it wrote was given. */
  let isAllRead = false
  let grace: NodeJS.Timeout | undefined
  let ended: { readonly linkEnded: boolean; readonly cause?: unknown } | undefined
  let toldEnd = false

  const tell = () => {
    telling = false
    if (sink === undefined) return
    const chunks = kept
    kept = []
    keptBytes = 0
    for (const chunk of chunks) if (!isDropping) sink.bytes(chunk)
    if (mayDrain && !closedForWriting) {
      mayDrain = false
      sink.drain()
    }
    if (ended !== undefined && !toldEnd) {
      toldEnd = true
      sink.end(ended)
    }
  }

  const soonTell = () => {
    if (telling) return
    telling = true
    queueMicrotask(tell)
  }

  const end = (linkEnded: boolean, cause: unknown) => {
    if (ended !== undefined) return
    closedForWriting = true
    clearTimeout(grace)
    ended = cause === undefined ? { linkEnded } : { linkEnded, cause }
    host.progress(self)
    soonTell()
  }

  /** What was kept is still given, unless who aborts has dropped it. */
  const abort = (error: Error) => {
    if (isFlushing() || (finished && ended === undefined)) host.sent(-1)
    aborted = true
    // First, as libp2p tells of its end from inside its `abort`.
    end(host.isGone(), error)
    stream.abort(error)
  }

  const given = (chunk: Uint8Array) => {
    if (aborted || ended !== undefined) return
    if (sink !== undefined && kept.length === 0) {
      sink.bytes(chunk)
      return
    }
    kept.push(chunk)
    keptBytes += chunk.byteLength
    if (keptBytes > maxKept) {
      kept = []
      abort(new Error(`more than ${maxKept} bytes came on a stream that nobody reads`))
    } else soonTell()
  }

  const onMessage = (event: StreamMessageEvent) => {
    if (event.data instanceof Uint8Array) given(event.data)
    else for (const chunk of event.data) given(chunk)
  }

  /** The end comes once both ends have finished. */
  const finish = () => {
    closedForWriting = true
    finished = true
    host.sent(1)
    stream.close()
      .catch((error: unknown) => {
        // Too late for an orderly end; what is left must still be released.
        if (!aborted) host.sent(-1)
        stream.abort(error instanceof Error ? error : new Error("could not finish the stream"))
      })
      .finally(() => {
        flushed = true
        host.progress(self)
      })
    if (isAllRead) end(false, undefined)
  }

  const isFlushing = () => finished && !flushed && !aborted

  const onNoMore = () => {
    if (ended !== undefined || isAllRead) return
    if (host.isGone()) return end(true, undefined)
    switch (host.carrier.howEnded(stream, remoteFinished)) {
      case "finished":
        isAllRead = true
        host.arrived()
        if (closedForWriting) return end(false, undefined)
        // Something may still be said. But a stream that its user forgets shall not stay for ever.
        grace ??= setTimeout(finish, finishGrace).unref()
        return
      case "reset":
        return abort(new Error("the other end reset the stream"))
      case "with-link":
        return host.gone(new Error("the connection under the stream is gone"))
    }
  }

  const onClose = () => {
    // Finished by the other end, and then ended by it or with the link before we had finished too.
    if (isAllRead) end(host.isGone(), undefined)
    else onNoMore()
  }

  const checkDrain = () => {
    checkingDrain = false
    if (!owesDrain || closedForWriting || host.carrier.isFull(stream)) return
    owesDrain = false
    mayDrain = true
    tell()
  }

  // libp2p goes on sending what it holds in a microtask after its `drain` event, which was queued before this one.
  const onDrain = () => {
    if (!owesDrain || checkingDrain) return
    checkingDrain = true
    queueMicrotask(checkDrain)
  }

  const self: LinkStream = {
    raw: {
      protocol,
      write: (bytes, more) => {
        if (closedForWriting) return true
        try {
          stream.send(more === undefined ? bytes : new Uint8ArrayList(bytes, more))
        } catch {
          // The stream ended a moment ago: its events say how.
          return true
        }
        if (owesDrain) {
          overrun += bytes.byteLength + (more?.byteLength ?? 0)
          if (overrun > maxOverrun) {
            abort(new Error(`more than ${maxOverrun} bytes were written though there was no room`))
          }
        } else if (host.carrier.isFull(stream)) {
          owesDrain = true
          overrun = 0
        }
        return !owesDrain
      },
      attach: (reader) => {
        if (sink !== undefined) throw new Error("a stream has one sink: attach was called twice")
        sink = reader
        soonTell()
      },
      soon: queueMicrotask,
      finish: () => {
        if (!closedForWriting) finish()
      },
      abort: () => {
        if (aborted) return
        isDropping = true
        kept = []
        abort(new Error("aborted here"))
      }
    },
    isFlushing,
    isOver: () => ended !== undefined && !isFlushing(),
    linkEnded: (cause) => end(true, cause)
  }

  stream.addEventListener("message", onMessage)
  stream.addEventListener("drain", onDrain)
  stream.addEventListener("remoteCloseWrite", () => {
    remoteFinished = true
  })
  stream.addEventListener("end", onNoMore)
  stream.addEventListener("close", onClose)
  // What happened while libp2p still negotiated the protocol.
  if (stream.remoteWriteStatus === "closed" && stream.status !== "aborted" && stream.status !== "reset") {
    remoteFinished = true
  }
  if (stream.readBufferLength === 0 && (stream.readableEnded || stream.status !== "open")) onNoMore()
  return self
}
