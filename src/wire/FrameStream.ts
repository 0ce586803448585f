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

/** Cuts what arrives on a stream into frames. Synchronous, and takes any chunks. */
export class FrameStream implements Sink {
  readonly outbox: Outbox
  private readonly raw: RawStream
  private readonly heard: () => void
  private handler: FrameHandler = nobody
  /** Of a header of which a part has arrived: so many bytes, and the length so far. */
  private headerFill = 0
  private length = 0
  private type = 0
  /** A frame of which a part has arrived. */
  private body: Uint8Array | undefined
  private bodyFill = 0
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
    this.body = undefined
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
    while (at < size) {
      let body = this.body
      if (body === undefined) {
        let length: number
        if (this.headerFill === 0 && size - at >= headerBytes) {
          this.type = chunk[at] as number
          length = lengthAt(chunk, at)
          at += headerBytes
        } else {
          const byte = chunk[at++] as number
          if (this.headerFill === 0) this.type = byte
          else this.length = (this.length << 8) | byte
          if (++this.headerFill < headerBytes) continue
          length = this.length
          this.headerFill = 0
          this.length = 0
        }
        if (!this.handler.begin(this.type, length)) return this.violate()
        if (size - at >= length) {
          at += length
          this.handler.frame(this.type, keep(chunk, at - length, at))
          if (this.stopped) return
          continue
        }
        this.body = body = new Uint8Array(length)
        this.bodyFill = 0
      }
      const part = Math.min(size - at, body.length - this.bodyFill)
      body.set(chunk.subarray(at, at + part), this.bodyFill)
      this.bodyFill += part
      at += part
      if (this.bodyFill === body.length) {
        this.body = undefined
        this.handler.frame(this.type, body)
        if (this.stopped) return
      }
    }
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
