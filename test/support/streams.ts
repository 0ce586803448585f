/** Links and streams for the laws of a transport: with sinks that watch over what every sink may rely on. */
import { Context, Effect, Queue, type Scope } from "effect"
import {
  type DialFailed,
  type Link,
  type LinkLost,
  type ListenFailed,
  type RawStream,
  type StreamRefused,
  Transport
} from "../../signatures/index.ts"
import { type Host } from "./Backend.ts"

/** How deep we are in calls of streams: a sink must never be called while it is above 0. */
let inside = 0

const within = <A>(call: () => A): A => {
  inside++
  try {
    return call()
  } finally {
    inside--
  }
}

/** The same stream, in whose calls no sink may be called. */
export const guard = (stream: RawStream): RawStream => ({
  protocol: stream.protocol,
  write: (bytes, more) => within(() => stream.write(bytes, more)),
  attach: (sink) => within(() => stream.attach(sink)),
  finish: () => within(() => stream.finish()),
  abort: () => within(() => stream.abort()),
  soon: stream.soon
})

/** A stream with its sink attached, and what the sink was told. */
export interface Watched {
  readonly write: RawStream["write"]
  readonly finish: () => void
  readonly abort: () => void
  readonly soon: RawStream["soon"]
  readonly received: () => Uint8Array
  readonly drains: () => number
  readonly ends: () => ReadonlyArray<{ readonly linkEnded: boolean }>
  /** Completes once it holds, looked at after each call of the sink. Dies if the sink saw a law broken. */
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  /** Completes with the end. */
  readonly ended: Effect.Effect<{ readonly linkEnded: boolean }>
  /** Completes once so many bytes have come. */
  readonly size: (size: number) => Effect.Effect<void>
}

export const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(chunks))

export const watch = (raw: RawStream): Watched => {
  const stream = guard(raw)
  const chunks: Array<Uint8Array> = []
  const ends: Array<{ readonly linkEnded: boolean }> = []
  const broken: Array<string> = []
  const waiting = new Set<() => void>()
  let drains = 0
  let size = 0
  const called = (what: string) => {
    if (inside > 0) broken.push(`${what} was called from inside a call of a stream`)
    if (ends.length > 0) broken.push(`${what} was called after the end`)
  }
  const wake = () => {
    for (const look of waiting) look()
  }
  stream.attach({
    bytes: (chunk) => {
      called("bytes")
      if (chunk.length === 0) broken.push("an empty chunk was given")
      // A view must not be kept: whoever writes into it later would change what was received.
      chunks.push(chunk.slice())
      size += chunk.length
      wake()
    },
    drain: () => {
      called("drain")
      drains++
      wake()
    },
    end: (end) => {
      called("end")
      ends.push(end)
      wake()
    }
  })
  const until = (holds: () => boolean): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const look = () => {
        if (broken.length > 0) resume(Effect.die(new Error(broken.join("; "))))
        else if (holds()) resume(Effect.void)
        else return
        waiting.delete(look)
      }
      waiting.add(look)
      look()
      return Effect.sync(() => waiting.delete(look))
    })
  return {
    write: stream.write,
    finish: stream.finish,
    abort: stream.abort,
    soon: stream.soon,
    received: () => concat(chunks),
    drains: () => drains,
    ends: () => ends,
    until,
    ended: Effect.map(until(() => ends.length > 0), () => ends[0] ?? { linkEnded: false }),
    size: (wanted) => until(() => size >= wanted)
  }
}

const transportOf = (host: Host) => Context.get(host.services, Transport)

/** Inbound links, in the order in which they came. */
export const listen = (host: Host): Effect.Effect<Queue.Dequeue<Link>, ListenFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const links = yield* Queue.unbounded<Link>()
    yield* transportOf(host).listen((link) => void Queue.offerUnsafe(links, link))
    return links
  })

export const dial = (from: Host, to: Host): Effect.Effect<Link, DialFailed> =>
  Effect.suspend(() => {
    const address = to.addresses[0]
    return address === undefined
      ? Effect.die(new Error("the host has no address"))
      : transportOf(from).dial(to.peer, address)
  })

/** The streams that the other end opens, in the order in which they came. Once per link. */
export const accept = (link: Link): Effect.Effect<Queue.Dequeue<RawStream>> =>
  Effect.map(Queue.unbounded<RawStream>(), (streams) => {
    link.accept((stream) => void Queue.offerUnsafe(streams, stream))
    return streams
  })

/** A link seen from both ends: `near` dialled. */
export interface Linked {
  readonly near: Link
  readonly far: Link
  /** Those that `near` opened. */
  readonly streams: Queue.Dequeue<RawStream>
}

export const connect = Effect.fnUntraced(
  function*(from: Host, to: Host): Effect.fn.Return<Linked, DialFailed | ListenFailed, Scope.Scope> {
    const links = yield* listen(to)
    const near = yield* dial(from, to)
    const far = yield* Queue.take(links)
    return { near, far, streams: yield* accept(far) }
  }
)

/** A stream seen from both ends, nothing attached. */
export const openPair = Effect.fnUntraced(function*(
  { near, streams }: Linked
): Effect.fn.Return<readonly [opened: RawStream, accepted: RawStream], LinkLost | StreamRefused> {
  const opened = yield* near.open("/chain-p2p/1")
  return [opened, yield* Queue.take(streams)]
})

export const watchedPair = (linked: Linked) =>
  Effect.map(openPair(linked), ([opened, accepted]) => [watch(opened), watch(accepted)] as const)

export const isPrefix = (part: Uint8Array, whole: Uint8Array): boolean =>
  part.length <= whole.length && Buffer.compare(part, whole.subarray(0, part.length)) === 0

/** Bytes that tell their places: no two stretches of it are alike. */
export const pattern = (size: number, seed = 0): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = Math.imul(i + 1 + seed * 7919, 2_654_435_761) >>> 24
  return bytes
}
