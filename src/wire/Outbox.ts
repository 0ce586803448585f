import type { RawStream } from "../../signatures/index.ts"
import { batchBytes, creditFrame, headerBytes, writeHeader } from "./frames.ts"
import { type Slab, slabFor, smallBytes } from "./smallBytes.ts"

/** From so many bytes on, a message is not copied into a batch: it goes by itself, behind its header. */
const largeBytes = batchBytes / 2

const hintOf = (size: number): number => size <= smallBytes ? 0 : Math.min(batchBytes, 1 << (32 - Math.clz32(size - 1)))

/**
 * What waits to be written: at most one batch. Frames are copied into a fresh buffer that goes to the transport as one
 * write, in the stream's own time (`soon`) or when the transport has room again. A full batch means "no room" until then,
 * so that of every session on a link at most one batch goes per turn. With nothing to write there is no buffer.
 */
export class Outbox {
  private readonly stream: RawStream
  private readonly sender: { room(): void }
  /** Where the batch is: from `from` to `used`, with room up to `end`. */
  private slab: Slab | undefined
  private from = 0
  private used = 0
  private end = 0
  /** Follows the batch, which then is nothing but its header. */
  private large: Uint8Array | undefined
  /** What the next batch begins with: as much as the last one needed, unless that was little. */
  private hint = 0
  private owed = 0
  private farewell: Uint8Array | undefined
  private blocked = false
  private scheduled = false
  /** Nothing more will be written. */
  finished = false

  /** The sender is told after a batch has left. */
  constructor(stream: RawStream, sender: { room(): void }) {
    this.stream = stream
    this.sender = sender
  }

  /** Nothing waits to be written. */
  get isEmpty(): boolean {
    return this.slab === undefined
  }

  /** False: no room now, and nothing was taken. Never after `finishWith`. */
  push(type: number, body: Uint8Array): boolean {
    const { length } = body
    if (this.slab === undefined && length >= largeBytes) return this.pushLarge(type, body)
    const slab = this.roomFor(headerBytes + length)
    if (slab === undefined) return false
    slab.bytes.set(body, writeHeader(slab.bytes, this.used, type, length))
    this.used += headerBytes + length
    if (!this.scheduled && !this.blocked) this.schedule()
    return true
  }

  private pushLarge(type: number, body: Uint8Array): boolean {
    const slab = this.begin(headerBytes)
    this.used = writeHeader(slab.bytes, this.used, type, body.length)
    this.large = body
    if (!this.scheduled && !this.blocked) this.schedule()
    return true
  }

  /** Adds to the credit that goes, as one frame, with the next batch. */
  owe(amount: number): void {
    if (this.finished) return
    this.owed += amount
    if (!this.scheduled && !this.blocked) this.schedule()
  }

  /** Orderly: after all that was pushed goes this last frame, then the stream finishes. */
  finishWith(last: Uint8Array): void {
    if (this.finished) return
    this.farewell = last
    if (!this.scheduled && !this.blocked) this.schedule()
  }

  /** Takes the place of all that was not written yet, though the transport be blocked. Then the stream finishes. */
  finishNow(last?: Uint8Array): void {
    if (this.finished) return
    this.drop()
    if (last !== undefined) this.stream.write(last)
    this.stream.finish()
  }

  /** Forgets what was not written, and writes nothing more. */
  drop(): void {
    this.finished = true
    this.slab = undefined
    this.large = undefined
    this.farewell = undefined
  }

  drain(): void {
    this.blocked = false
    // What is scheduled for this turn goes then: one batch per turn.
    if (!this.scheduled) this.flush()
  }

  private schedule(): void {
    this.scheduled = true
    this.stream.soon(() => {
      this.scheduled = false
      if (!this.blocked) this.flush()
    })
  }

  private flush(): void {
    if (this.finished) return
    const credit = this.owed > 0 ? creditFrame(this.owed) : undefined
    const isBatch = this.slab !== undefined
    const joins = isBatch && credit !== undefined && this.join(credit)
    if (this.slab !== undefined) this.writeBatch(this.slab)
    this.owed = 0
    // Credit and the last frame are control frames: they may follow a write that answered false.
    if (credit !== undefined && !joins) this.write(credit)
    if (this.farewell !== undefined) this.finishNow(this.farewell)
    else if (isBatch) this.sender.room()
  }

  /** Puts a frame behind the batch. */
  private join(frame: Uint8Array): boolean {
    const slab = this.roomFor(frame.length)
    if (slab === undefined) return false
    slab.bytes.set(frame, this.used)
    this.used += frame.length
    return true
  }

  private writeBatch(slab: Slab): void {
    const { end, from, large, used } = this
    this.slab = undefined
    this.large = undefined
    if (large === undefined) this.hint = hintOf(used - from)
    if (slab.taken === end) slab.taken = used
    this.write(slab.bytes.subarray(from, used), large)
  }

  private write(bytes: Uint8Array, more?: Uint8Array): void {
    if (!this.stream.write(bytes, more)) this.blocked = true
  }

  /** Memory with room for so many bytes at `used`, if there can be room: the batch's, or that of a new one. */
  private roomFor(size: number): Slab | undefined {
    const { slab } = this
    if (slab === undefined) return this.begin(Math.max(size, this.hint))
    return this.used + size <= this.end ? slab : this.grow(slab, size)
  }

  private begin(size: number): Slab {
    const slab = slabFor(size)
    this.slab = slab
    this.from = this.used = slab.taken
    this.end = slab.taken = slab.taken + size
    return slab
  }

  private grow(slab: Slab, more: number): Slab | undefined {
    const { from, used } = this
    const size = used - from + more
    if (size > batchBytes || this.large !== undefined) return undefined
    const isLast = slab.taken === this.end
    if (isLast && size <= smallBytes && from + size <= slab.bytes.length) {
      this.end = slab.taken = from + size
      return slab
    }
    if (isLast) slab.taken = from
    // Nobody has come between: it goes on growing where it is then.
    const larger = this.begin(isLast && size <= smallBytes ? size : this.larger(size))
    larger.bytes.set(slab.bytes.subarray(from, used), this.from)
    this.used += used - from
    return larger
  }

  private larger(size: number): number {
    return Math.min(size <= smallBytes ? smallBytes : batchBytes, Math.max(size, 4 * (this.end - this.from)))
  }
}
