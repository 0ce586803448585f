import type { RawStream } from "../../signatures/index.ts"
import { batchBytes, creditFrame, headerBytes, writeHeader } from "./frames.ts"
import { freshBytes, trimmed } from "./smallBytes.ts"

const smallestBatch = 64

/** From so many bytes on, a message is not copied into a batch: it goes by itself, behind its header. */
const largeBytes = batchBytes / 2

/**
 * What waits to be written: at most one batch. Frames are copied into a fresh buffer that goes to the transport as one
 * write, in the stream's own time (`soon`) or when the transport has room again. A full batch means "no room" until then,
 * so that of every session on a link at most one batch goes per turn. With nothing to write there is no buffer.
 */
export class Outbox {
  private readonly stream: RawStream
  private readonly sender: { room(): void }
  private batch: Uint8Array | undefined
  private used = 0
  /** Follows the batch, which then is nothing but its header. */
  private large: Uint8Array | undefined
  /** What the next batch begins with: as much as the last one needed. */
  private hint = smallestBatch
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
    return this.batch === undefined
  }

  /** False: no room now, and nothing was taken. Never after `finishWith`. */
  push(type: number, body: Uint8Array): boolean {
    const length = body.length
    const end = this.used + headerBytes + length
    let batch = this.batch
    if (batch === undefined && length >= largeBytes) return this.pushLarge(type, body)
    if (batch === undefined || end > batch.length) {
      batch = this.grow(end)
      if (batch === undefined) return false
    }
    batch.set(body, writeHeader(batch, this.used, type, length))
    this.used = end
    if (!this.scheduled && !this.blocked) this.schedule()
    return true
  }

  private pushLarge(type: number, body: Uint8Array): boolean {
    this.batch = new Uint8Array(headerBytes)
    this.used = writeHeader(this.batch, 0, type, body.length)
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
    this.batch = undefined
    this.large = undefined
    this.farewell = undefined
    this.used = 0
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
    const batch = this.batch
    const credit = this.owed > 0 ? creditFrame(this.owed) : undefined
    const creditFits = batch !== undefined && credit !== undefined && this.used + credit.length <= batch.length
    if (batch !== undefined) {
      if (creditFits) {
        batch.set(credit, this.used)
        this.used += credit.length
      }
      const { large, used } = this
      this.batch = undefined
      this.large = undefined
      this.used = 0
      if (large === undefined) {
        this.hint = Math.min(batchBytes, Math.max(smallestBatch, 1 << (32 - Math.clz32(used - 1))))
      }
      this.write(used === batch.length ? batch : trimmed(batch, used), large)
    }
    this.owed = 0
    // Credit and the last frame are control frames: they may follow a write that answered false.
    if (credit !== undefined && !creditFits) this.write(credit)
    if (this.farewell !== undefined) this.finishNow(this.farewell)
    else if (batch !== undefined) this.sender.room()
  }

  private write(bytes: Uint8Array, more?: Uint8Array): void {
    if (!this.stream.write(bytes, more)) this.blocked = true
  }

  /** A batch with room up to `end`, if there can be one. */
  private grow(end: number): Uint8Array | undefined {
    const batch = this.batch
    if (batch === undefined) return this.batch = freshBytes(Math.max(end, this.hint))
    if (end > batchBytes || this.large !== undefined) return undefined
    const larger = freshBytes(Math.min(batchBytes, Math.max(end, batch.length * 4)))
    larger.set(batch.subarray(0, this.used))
    return this.batch = larger
  }
}
