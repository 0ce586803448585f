import type { Protocol, RawStream, Sink } from "../../../signatures/index.ts"
import { readFrames } from "../../../src/wire/FrameStream.ts"
import {
  type Outcome,
  ReceiveWaiter,
  SendWaiter,
  SessionCore,
  type SessionHost,
  type SessionTerms
} from "../../../src/wire/SessionCore.ts"

/** One end of a byte pipe that does nothing by itself: a test says what moves, when, and in which chunks. */
export class PipeEnd implements RawStream {
  readonly protocol: Protocol = "/chain-p2p/1"
  sink: Sink | undefined
  other: PipeEnd | undefined
  /** Written here and not delivered there yet. */
  readonly underway: Array<Uint8Array> = []
  /** Bytes that may be underway before a write answers false. */
  room = 64 * 1024
  private flushes: Array<() => void> = []
  private finished = false
  private isOver = false
  private owesDrain = false
  /** Largest single write, and writes in all: tests of batching look at them. */
  readonly writes: Array<number> = []

  readonly write = (bytes: Uint8Array, more: Uint8Array = new Uint8Array(0)): boolean => {
    if (this.finished || this.isOver) return false
    this.writes.push(bytes.length + more.length)
    this.underway.push(...[bytes, more].filter(({ length }) => length > 0))
    if (this.bytesUnderway < this.room) return true
    this.owesDrain = true
    return false
  }
  readonly attach = (sink: Sink): void => {
    this.sink = sink
  }
  readonly soon = (flush: () => void): void => {
    this.flushes.push(flush)
  }
  readonly finish = (): void => {
    this.finished = true
  }
  readonly abort = (): void => {
    this.isOver = true
    this.underway.length = 0
    this.other?.reset(false)
  }

  get bytesUnderway(): number {
    return this.underway.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  /** Runs what waits for its turn. */
  turn(): boolean {
    const flushes = this.flushes
    this.flushes = []
    for (const flush of flushes) flush()
    return flushes.length > 0
  }

  /** Moves up to `n` bytes to the other end, as one chunk. */
  deliver(n: number): boolean {
    const first = this.underway[0]
    if (first === undefined || n === 0) return false
    if (first.length <= n) this.underway.shift()
    else this.underway[0] = first.subarray(n)
    if (this.other?.isOver === false) this.other.sink?.bytes(first.subarray(0, n))
    return true
  }

  drain(): boolean {
    if (!this.owesDrain || this.isOver || this.finished || this.bytesUnderway >= this.room) return false
    this.owesDrain = false
    this.sink?.drain()
    return true
  }

  /** Both ends have finished and everything has arrived. */
  end(): boolean {
    const other = this.other
    if (this.isOver || other === undefined || !this.finished || !other.finished || other.underway.length > 0) {
      return false
    }
    this.isOver = true
    this.sink?.end({ linkEnded: false })
    return true
  }

  /** The pipe bursts: what is underway to this end is lost. */
  reset(linkEnded: boolean): void {
    if (this.isOver) return
    this.isOver = true
    if (this.other !== undefined) this.other.underway.length = 0
    this.sink?.end({ linkEnded })
  }
}

const pipe = (): readonly [PipeEnd, PipeEnd] => {
  const a = new PipeEnd()
  const b = new PipeEnd()
  a.other = b
  b.other = a
  return [a, b]
}

/** A core with a record of all that it told its host, and of what its user saw. */
export class Peer implements SessionHost {
  readonly end: PipeEnd
  readonly core: SessionCore
  readonly outcomes: Array<Outcome> = []
  readonly deadlines: Array<"flush" | "reset"> = []
  violations = 0
  releases = 0
  /** Bodies, in the order in which they were accepted. */
  readonly accepted: Array<Uint8Array> = []
  readonly received: Array<Uint8Array> = []
  readonly sending = new Set<SendWaiter>()
  readonly receiving = new Set<ReceiveWaiter>()
  /** What waiters were told instead of being served. */
  readonly told: Array<Outcome> = []

  constructor(end: PipeEnd, terms: SessionTerms) {
    this.end = end
    this.core = readFrames(end, () => {}, (stream) => new SessionCore(stream, terms, this))
  }

  concluded(outcome: Outcome): void {
    this.outcomes.push(outcome)
  }
  closing(deadline: "flush" | "reset"): void {
    this.deadlines.push(deadline)
  }
  violated(): void {
    this.violations++
  }
  gone(): void {
    this.releases++
  }

  /** As `send` does. */
  send(message: Uint8Array): void {
    if (this.core.trySend(message)) {
      this.accepted.push(message)
      return
    }
    if (this.core.outcome !== undefined || message.length > this.core.terms.maxMessageBytes) return
    const waiter = new SendWaiter(message, (outcome) => {
      this.sending.delete(waiter)
      if (outcome === undefined) this.accepted.push(message)
      else this.told.push(outcome)
    })
    this.sending.add(waiter)
    this.core.waitToSend(waiter)
  }

  /** As `receive` does. */
  receive(): void {
    const message = this.core.poll()
    if (message !== undefined) {
      this.received.push(message)
      return
    }
    if (this.core.outcome !== undefined) return
    const waiter = new ReceiveWaiter((outcome) => {
      this.receiving.delete(waiter)
      if (outcome === undefined) this.received.push(this.core.take(waiter))
      else this.told.push(outcome)
    })
    this.receiving.add(waiter)
    this.core.waitToReceive(waiter)
  }

  interruptSend(): void {
    for (const waiter of this.sending) {
      this.sending.delete(waiter)
      return this.core.cancelSend(waiter)
    }
  }

  interruptReceive(): void {
    for (const waiter of this.receiving) {
      this.receiving.delete(waiter)
      return this.core.cancelReceive(waiter)
    }
  }
}

export const peers = (terms: { readonly max: number; readonly windows: readonly [number, number] }) => {
  const [x, y] = pipe()
  const [windowA, windowB] = terms.windows
  const a = new Peer(x, { maxMessageBytes: terms.max, window: windowA, peerWindow: windowB })
  const b = new Peer(y, { maxMessageBytes: terms.max, window: windowB, peerWindow: windowA })
  return [a, b] as const
}

/** Moves everything until nothing moves any more. Both receive if `receiving`. */
export const quiesce = (ends: ReadonlyArray<Peer>, receiving: boolean): void => {
  let moved = true
  while (moved) {
    moved = false
    for (const peer of ends) {
      if (peer.end.turn()) moved = true
      while (peer.end.deliver(1 << 24)) moved = true
      if (peer.end.drain()) moved = true
      if (peer.end.end()) moved = true
      if (!receiving) continue
      let message: Uint8Array | undefined
      while ((message = peer.core.poll()) !== undefined) {
        peer.received.push(message)
        moved = true
      }
    }
  }
}
