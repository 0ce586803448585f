import type { RawStream, Sink } from "../../signatures/index.ts"
import { headerBytes } from "./frames.ts"
import { Outbox } from "./Outbox.ts"

/** Who understands the frames of a stream: the opening first, then the session; or the control channel. */
export interface FrameHandler {
  /** A header is in. False: such a frame must not come, and no memory is taken for it. */
  begin(type: number, length: number): boolean
  /** The body is the handler's to keep. */
  frame(type: number, body: Uint8Array): void
  /** All frames of what has just arrived were given: time to wake who waits for them. */
  settle(): void
  /** The other end broke the wire format: `begin` said no, or `violated` was called. Nothing more is read. */
  violated(): void
  /** A batch has left. */
  room(): void
  /** The stream has ended, or was aborted here. Once, and nothing comes after it. */
  gone(linkEnded: boolean): void
}

const nobody: FrameHandler = {
  begin: () => false,
  frame: () => {},
  settle: () => {},
  violated: () => {},
  room: () => {},
  gone: () => {}
}

/** Reads a stream's frames from its first byte on; gives the first handler, which may hand over to another by `become`. */
export const readFrames = <H extends FrameHandler>(
  raw: RawStream,
  heard: () => void,
  make: (stream: FrameStream) => H
): H => {
  const stream = new FrameStream(raw, heard)
  const handler = make(stream)
  stream.become(handler)
  raw.attach(stream)
  return handler
}

/** A frame of which a part has arrived: so many bytes of its header, then so many of its body. */
interface Begun {
  header: number
  type: number
  length: number
  readonly body: Uint8Array | undefined
  filled: number
}

/** Cuts what arrives on a stream into frames. Synchronous, and takes any chunks. */
export class FrameStream implements Sink {
  readonly outbox: Outbox
  private readonly raw: RawStream
  private readonly heard: () => void
  private handler: FrameHandler = nobody
  /** A frame of which a part has arrived, if a chunk ended within one. */
  private begun: Begun | undefined
  /** What still arrives is nobody's. */
  private stopped = false
  private isGone = false

  /** `heard` is called whenever bytes arrive. */
  constructor(raw: RawStream, heard: () => void) {
    this.raw = raw
    this.heard = heard
    this.outbox = new Outbox(raw, this)
  }

  /** From the next frame on. */
  become(handler: FrameHandler): void {
    this.handler = handler
  }

  /** Reads nothing more. */
  stop(): void {
    this.stopped = true
    this.begun = undefined
  }

  /** For what only a handler can see in a frame. */
  violate(): void {
    this.stop()
    this.handler.violated()
  }

  /** Both directions, at once. */
  abort(): void {
    if (this.isGone) return
    this.raw.abort()
    this.leave(false)
  }

  bytes(chunk: Uint8Array): void {
    this.heard()
    if (this.stopped) return
    // A subclass such as Node's Buffer has a `slice` that doesn't copy, and sessions shall get plain arrays.
    this.cut(chunk.constructor === Uint8Array ? chunk : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    this.handler.settle()
  }

  drain(): void {
    this.outbox.drain()
  }

  room(): void {
    this.handler.room()
  }

  end(end: { readonly linkEnded: boolean }): void {
    if (this.isGone) return
    // Without a last word of ours nobody would finish our half.
    if (!this.outbox.finished) this.raw.abort()
    this.leave(end.linkEnded)
  }

  private leave(linkEnded: boolean): void {
    this.isGone = true
    this.stop()
    this.outbox.drop()
    this.handler.gone(linkEnded)
  }

  private cut(chunk: Uint8Array): void {
    const size = chunk.length
    let at = 0
    while (at < size && !this.stopped) {
      const { begun } = this
      if (begun !== undefined) at = this.goOn(begun, chunk, at)
      else if (size - at < headerBytes) this.begun = { header: 0, type: 0, length: 0, body: undefined, filled: 0 }
      else at = this.begin(chunk[at] as number, lengthAt(chunk, at), chunk, at + headerBytes)
    }
  }

  /** A body begins there. Gives how far the chunk was read. */
  private begin(type: number, length: number, chunk: Uint8Array, at: number): number {
    const end = at + length
    if (!this.handler.begin(type, length)) this.violate()
    else if (end <= chunk.length) this.handler.frame(type, keep(chunk, at, end))
    else {
      this.begun = { header: headerBytes, type, length, body: new Uint8Array(length), filled: 0 }
      return at
    }
    return end
  }

  private goOn(begun: Begun, chunk: Uint8Array, at: number): number {
    const { body } = begun
    if (body === undefined) {
      const byte = chunk[at] as number
      if (begun.header === 0) begun.type = byte
      else begun.length = (begun.length << 8) | byte
      if (++begun.header < headerBytes) return at + 1
      this.begun = undefined
      return this.begin(begun.type, begun.length, chunk, at + 1)
    }
    const part = Math.min(chunk.length - at, body.length - begun.filled)
    body.set(chunk.subarray(at, at + part), begun.filled)
    begun.filled += part
    if (begun.filled === body.length) {
      this.begun = undefined
      this.handler.frame(begun.type, body)
    }
    return at + part
  }
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)

/** Up to there a copy costs less than a view, and less than it costs to ask for the memory behind the chunk. */
const smallBytes = 64

/** A copy, unless it is most of the memory behind the chunk anyway. */
const keep = (chunk: Uint8Array, from: number, to: number): Uint8Array =>
  to - from <= smallBytes || (to - from) * 2 < chunk.buffer.byteLength
    ? chunk.slice(from, to)
    : chunk.subarray(from, to)
