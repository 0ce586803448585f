import type { Connection, MultiaddrConnection, Stream } from "@libp2p/interface"
import { Deferred, Effect } from "effect"
import {
  type Address,
  type Link,
  type LinkEnd,
  LinkLost,
  type PeerId,
  type Protocol,
  type RawStream,
  StreamRefused
} from "../../signatures/index.ts"
import { answerArrival, askArrival } from "./arrival.ts"
import type { Carrier } from "./Carrier.ts"
import type { Deadlines } from "./options.ts"
import type { Pace } from "./pacing.ts"
import { openReason } from "./reasons.ts"
import { LinkStream, type StreamHost } from "./Stream.ts"
import { Turns } from "./Turns.ts"

/** Streams that are kept until `accept` is called; more are reset. */
const maxUnaccepted = 16

/** Milliseconds within which a link hears of a loss that broke a stream that was being opened. */
const lossDelay = 50

export interface LinkInit {
  readonly connection: Connection
  /** What the connection runs over: closing or aborting it says nothing on the streams, so their ends stay as they were. */
  readonly socket: MultiaddrConnection
  /** Where the streams share what they write to. */
  readonly pace: Pace | undefined
  readonly carrier: Carrier
  readonly peer: PeerId
  readonly remote: Address
  readonly deadlines: Deadlines
  readonly maxStreams: number
  /** Once, when the link has ended. */
  readonly onEnded: () => void
}

export interface Libp2pLink extends Link {
  readonly isGone: () => boolean
  /** A stream that the other end opened. */
  readonly opened: (stream: Stream, protocol: Protocol) => void
  /** The other end is about to close, and asks whether what it finished has arrived. */
  readonly asked: (stream: Stream) => void
  /** Ends the link as a pulled cable would. */
  readonly lose: () => void
}

/** The system's word for "the other end closed or aborted": everything else is a loss. */
const isByRemote = (error: Error | undefined): boolean =>
  error === undefined || ("code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE"))

export const makeLink = (init: LinkInit): Libp2pLink => {
  const { carrier, connection, deadlines, peer, socket } = init
  const ended = Deferred.makeUnsafe<LinkEnd>()
  const live = new Set<LinkStream>()
  const openings = new Set<(cause: unknown) => void>()
  let unaccepted: Array<RawStream> = []
  let acceptor: ((stream: RawStream) => void) | undefined
  let endedBy: LinkEnd | undefined
  let closing = false
  let hasEnded = false
  let isAsking = false
  let isClosingSocket = false
  let flushTimer: NodeJS.Timeout | undefined
  /** Streams that were finished here, and those that were finished at the other end and read here. */
  let sent = 0
  let arrived = 0
  let question: { readonly count: number; readonly answer: () => void } | undefined

  const isGone = () => hasEnded || (socket.status !== "open" && socket.status !== "closing")

  const onClosed = (error: Error | undefined) => {
    if (hasEnded) return
    hasEnded = true
    const end: LinkEnd = endedBy ??
      { by: isByRemote(error) ? "remote" : "lost", ...(error === undefined ? {} : { cause: error }) }
    for (const stream of Array.from(live)) stream.linkEnded(end.cause)
    for (const fail of Array.from(openings)) fail(end.cause)
    clearTimeout(flushTimer)
    init.onEnded()
    // The streams tell their ends in microtasks that were queued just now.
    queueMicrotask(() => void Deferred.doneUnsafe(ended, Effect.succeed(end)))
  }

  const abort = (by: LinkEnd) => {
    if (hasEnded) return
    endedBy ??= by
    socket.abort(by.cause instanceof Error ? by.cause : new Error(`the link was ended (${by.by})`))
  }

  const host: StreamHost = {
    carrier,
    turns: init.pace === undefined ? undefined : new Turns(init.pace),
    isGone,
    // Not from inside the event of a stream, in the midst of others that are told the same.
    gone: (cause) => queueMicrotask(() => abort({ by: "remote", cause })),
    progress: (stream) => {
      if (stream.isOver) live.delete(stream)
      if (closing) progress()
    },
    sent: (change) => {
      sent += change
    },
    arrived: () => {
      arrived++
      answer()
    }
  }

  const answer = () => {
    if (question === undefined || arrived < question.count) return
    question.answer()
    question = undefined
  }

  const made = (stream: Stream, protocol: Protocol): RawStream => {
    const kept = new LinkStream(stream, protocol, host)
    if (!kept.isOver) live.add(kept)
    return kept
  }

  const open = (protocol: Protocol): Effect.Effect<RawStream, LinkLost | StreamRefused> =>
    Effect.callback((resume) => {
      const controller = new AbortController()
      let settled = false
      const settle = (outcome?: Effect.Effect<RawStream, LinkLost | StreamRefused>) => {
        if (settled) return
        settled = true
        clearTimeout(timer)
        openings.delete(lost)
        if (outcome === undefined) controller.abort()
        else resume(outcome)
      }
      const lost = (cause: unknown) =>
        settle(Effect.fail(new LinkLost(cause === undefined ? { peer } : { peer, cause })))
      // A timer of our own: over QUIC an opening beyond the peer's limit hangs, whatever its signal says.
      const timer = setTimeout(() => {
        settle(Effect.fail(new StreamRefused({ reason: "timeout" })))
        controller.abort()
      }, deadlines.open)
      openings.add(lost)
      if (isGone() || closing) lost(endedBy?.cause)
      else {
        const onStream = (stream: Stream) => {
          if (settled) stream.abort(new Error("nobody waits for the stream any more"))
          else settle(Effect.succeed(made(stream, protocol)))
        }
        const refused = (reason: StreamRefused["reason"], cause: unknown) =>
          settle(Effect.fail(new StreamRefused({ reason, cause })))
        const onError = (cause: unknown) => {
          const reason = openReason(cause)
          if (isGone()) lost(cause)
          else if (reason !== undefined) refused(reason, cause)
          // The stream broke off: over QUIC it hears of a lost connection a moment before the link does.
          else setTimeout(() => refused("limit", cause), lossDelay)
        }
        const options = { signal: controller.signal, maxOutboundStreams: init.maxStreams }
        connection.newStream([protocol], options).then(onStream, onError)
      }
      return Effect.sync(() => settle())
    })

  const closeSocket = () => {
    if (hasEnded || isClosingSocket) return
    isClosingSocket = true
    clearTimeout(flushTimer)
    socket.close({ signal: AbortSignal.timeout(deadlines.close) }).catch(() => abort({ by: "local" }))
  }

  /** A link that closes does so once its finished streams are out, and have arrived at the other end. */
  const progress = () => {
    if (isAsking || Array.from(live).some((stream) => stream.isFlushing)) return
    isAsking = true
    if (sent === 0) closeSocket()
    else askArrival(connection, sent, deadlines.arrival).finally(closeSocket)
  }

  const startClose = () => {
    if (closing || hasEnded) return
    closing = true
    endedBy ??= { by: "local" }
    flushTimer = setTimeout(closeSocket, deadlines.flush)
    // A goodbye on the control stream shall still arrive; a session that didn't end is lost with its link.
    for (const stream of Array.from(live)) if (stream.protocol === "/chain-p2p/control/1") stream.finish()
    progress()
  }

  connection.addEventListener("close", (event) => onClosed(event.error))
  if (isGone()) queueMicrotask(() => onClosed(undefined))

  return {
    peer,
    remote: init.remote,
    direction: connection.direction,
    open,
    accept: (onStream) => {
      if (acceptor !== undefined) throw new Error("a link's streams are accepted once")
      acceptor = onStream
      queueMicrotask(() => {
        const waiting = unaccepted
        unaccepted = []
        for (const stream of waiting) onStream(stream)
      })
    },
    ended: Deferred.await(ended),
    close: Effect.suspend(() => {
      startClose()
      return Effect.asVoid(Deferred.await(ended))
    }),
    abort: () => abort({ by: "local" }),
    isGone,
    opened: (stream, protocol) => {
      if (closing || isGone() || (acceptor === undefined && unaccepted.length >= maxUnaccepted)) {
        stream.abort(new Error("no room for the stream"))
        return
      }
      const raw = made(stream, protocol)
      if (acceptor === undefined || unaccepted.length > 0) unaccepted.push(raw)
      else acceptor(raw)
    },
    asked: (stream) =>
      answerArrival(stream, (count, tell) => {
        question = { count, answer: tell }
        answer()
      }),
    lose: () => abort({ by: "lost" })
  }
}
