import type { Stream, StreamMessageEvent } from "@libp2p/interface"
import type { Protocol, RawStream, Sink } from "../../signatures/index.ts"
import type { Carrier } from "./Carrier.ts"

/** Bytes that are kept of a stream that nobody reads yet; one that sends more is aborted. */
const maxKept = 1024 * 1024

/** What a stream asks of its link. */
export interface StreamHost {
  readonly carrier: Carrier
  /** Whether the link has ended. */
  readonly isGone: () => boolean
  /** The stream found out that the link is gone, before the link itself did. */
  readonly gone: (cause: unknown) => void
  /** Nothing more comes from this stream. */
  readonly released: (stream: LinkStream) => void
}

/** A stream, and what its link needs of it. */
export interface LinkStream {
  readonly raw: RawStream
  /** `finish` or `abort` was called, or the end has come: nothing more is written to it. */
  readonly isFinished: () => boolean
  readonly hasEnded: () => boolean
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
  let closedForWriting = false
  let aborted = false
  let remoteFinished = false
  let ended: { readonly linkEnded: boolean; readonly cause?: unknown } | undefined
  let toldEnd = false

  const tell = () => {
    telling = false
    if (sink === undefined) return
    const chunks = kept
    kept = []
    keptBytes = 0
    for (const chunk of chunks) if (!aborted) sink.bytes(chunk)
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
    ended = cause === undefined ? { linkEnded } : { linkEnded, cause }
    host.released(self)
    soonTell()
  }

  const abort = (error: Error) => {
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
      aborted = true
      kept = []
      abort(new Error(`more than ${maxKept} bytes came on a stream that nobody reads`))
    } else soonTell()
  }

  const onMessage = (event: StreamMessageEvent) => {
    if (event.data instanceof Uint8Array) given(event.data)
    else for (const chunk of event.data) given(chunk)
  }

  const finish = () => {
    closedForWriting = true
    stream.close().catch((error: unknown) => {
      // Too late for an orderly end; what is left must still be released.
      stream.abort(error instanceof Error ? error : new Error("could not finish the stream"))
    })
  }

  const onNoMore = () => {
    if (ended !== undefined) return
    if (host.isGone()) return end(true, undefined)
    switch (host.carrier.howEnded(stream, remoteFinished)) {
      case "finished":
        // Nothing is written after the end, so our half ends too: it releases the stream at both ends, and tells the other
        // one that all was received.
        if (!closedForWriting) finish()
        return end(false, undefined)
      case "reset":
        return abort(new Error("the other end reset the stream"))
      case "with-link":
        return host.gone(new Error("the connection under the stream is gone"))
    }
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
      write: (bytes) => {
        if (closedForWriting) return true
        try {
          stream.send(bytes)
        } catch {
          // The stream ended a moment ago: its events say how.
          return true
        }
        if (!host.carrier.isFull(stream)) return true
        owesDrain = true
        return false
      },
      attach: (reader) => {
        sink = reader
        soonTell()
      },
      soon: queueMicrotask,
      finish: () => {
        if (!closedForWriting) finish()
      },
      abort: () => {
        if (aborted) return
        aborted = true
        kept = []
        abort(new Error("aborted here"))
      }
    },
    isFinished: () => closedForWriting,
    hasEnded: () => ended !== undefined,
    linkEnded: (cause) => end(true, cause)
  }

  stream.addEventListener("message", onMessage)
  stream.addEventListener("drain", onDrain)
  stream.addEventListener("remoteCloseWrite", () => {
    remoteFinished = true
  })
  stream.addEventListener("end", onNoMore)
  stream.addEventListener("close", onNoMore)
  // What happened while libp2p still negotiated the protocol.
  if (stream.remoteWriteStatus === "closed" && stream.status !== "aborted" && stream.status !== "reset") {
    remoteFinished = true
  }
  if (stream.readBufferLength === 0 && (stream.readableEnded || stream.status !== "open")) onNoMore()
  return self
}
