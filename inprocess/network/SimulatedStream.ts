import { type Protocol, type RawStream, type Sink } from "../../signatures/index.ts"
import { type Agenda, type RandomStream } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"

/** Above so many bytes on their way, `write` answers false; `drain` comes at half of them. */
const highWater = 256 * 1024
/** Who goes on writing so many bytes after a false loses the stream: there is no memory without bound. */
const overrun = 1024 * 1024

/** What a stream needs of the link that it is on. */
export interface StreamHome {
  readonly agenda: Agenda
  /** Towards the other end. */
  readonly channel: Channel
  /** Of a chunk that arrives, the chance to come in two pieces. */
  readonly splitting: number
  /** The process behind this end was killed: nothing is called any more. */
  readonly dead: boolean
  readonly forget: (stream: SimulatedStream) => void
  /** All that a finished stream wrote has arrived. */
  readonly flushed: () => void
  readonly delivered: (size: number) => void
}

type End = Parameters<Sink["end"]>[0]

interface Packet {
  readonly at: number
  /** None: the other end has finished. */
  readonly bytes: Uint8Array | undefined
}

/**
 * One end of a stream, with the bytes that it wrote and that are on their way. Each write is a packet; packets of a stream
 * arrive in order, those of two streams independently. Every call of a sink comes from the agenda.
 */
export class SimulatedStream implements RawStream {
  readonly protocol: Protocol
  readonly #home: StreamHome
  readonly #random: RandomStream
  #other: SimulatedStream | undefined
  #sink: Sink | undefined

  // Outgoing
  readonly #packets: Array<Packet> = []
  readonly #onArrival = () => {
    if (!this.#home.channel.holds(this.#onArrival)) this.#arrive()
  }
  #armed = false
  /** Written, and not given to the other end's sink yet. */
  #unread = 0
  #blocked = false
  #draining = false
  #overrun = 0

  // Incoming
  #held: Array<Uint8Array> = []
  #heldDrain = false
  #end: End | undefined
  #endGiven = false

  #finished = false
  #otherFinished = false
  /** Ended or aborted: nothing but the end is given any more. */
  #closed = false

  constructor(home: StreamHome, protocol: Protocol, random: RandomStream) {
    this.#home = home
    this.#random = random
    this.protocol = protocol
  }

  static join(a: SimulatedStream, b: SimulatedStream): void {
    a.#other = b
    b.#other = a
  }

  readonly write = (bytes: Uint8Array, more?: Uint8Array): boolean => {
    const hasRoom = this.#write(bytes)
    return more === undefined ? hasRoom : this.#write(more)
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#finished || this.#closed || this.#home.dead) return true
    if (bytes.length > 0) {
      if (this.#blocked) this.#overrun += bytes.length
      if (this.#overrun > overrun) {
        this.abort()
        return true
      }
      this.#unread += bytes.length
      this.#post(bytes)
    }
    if (this.#unread > highWater) this.#blocked = true
    return !this.#blocked
  }

  readonly attach = (sink: Sink): void => {
    if (this.#sink !== undefined) throw new Error("a stream has one sink: attach was called twice")
    this.#sink = sink
    this.#home.agenda.at(0, () => this.#giveHeld())
  }

  readonly soon = (flush: () => void): void => this.#home.agenda.soon(flush)

  readonly finish = (): void => {
    if (this.#finished || this.#closed || this.#home.dead) return
    this.#finished = true
    this.#blocked = false
    this.#post(undefined)
    if (this.#otherFinished) this.#home.agenda.at(0, () => this.stop({ linkEnded: false }))
  }

  readonly abort = (): void => {
    if (this.#closed || this.#home.dead) return
    this.#closed = true
    this.#held = []
    this.#home.agenda.at(0, () => this.stop({ linkEnded: false }))
    this.tell(() => this.#other?.cut({ linkEnded: false }))
  }

  /** Ended or aborted: whoever opens it has given up. */
  get over(): boolean {
    return this.#closed
  }

  /** Whether a link that closes must wait for it. */
  get flushing(): boolean {
    return this.#finished && !this.#closed && this.#packets.length > 0
  }

  /** The other end is gone: any part of what is still under way arrives, then the end. */
  cut(end: End): void {
    if (!this.#closed && !this.#home.dead) {
      const packets = this.#other?.takePackets() ?? []
      const total = packets.reduce((sum, packet) => sum + (packet.bytes?.length ?? 0), 0)
      const random = this.#random
      // All or nothing are as likely as anything between: they are what code gets wrong.
      let room = random.chance(1 / 3) ? 0 : random.chance(1 / 2) ? total : random.between(0, total)
      for (const { bytes } of packets) {
        if (bytes === undefined || room === 0) continue
        this.receive(bytes.subarray(0, room))
        room -= Math.min(room, bytes.length)
      }
    }
    this.stop(end)
  }

  /** Ends it here: no more bytes come, but for those that nobody has attached to yet. */
  stop(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#closed = true
    this.#home.forget(this)
    this.#giveEnd()
  }

  /** A packet beside the bytes, which it may overtake. */
  tell(news: () => void): void {
    this.#home.channel.send(news, this.#random)
  }

  /** What was written and hasn't arrived, which then never will. */
  takePackets(): ReadonlyArray<Packet> {
    return this.#packets.splice(0)
  }

  #post(bytes: Uint8Array | undefined): void {
    this.#packets.push({ at: this.#home.channel.arrival(this.#random), bytes })
    this.#arm()
  }

  #arm(): void {
    const first = this.#packets[0]
    if (this.#armed || first === undefined) return
    this.#armed = true
    this.#home.agenda.at(first.at, this.#onArrival)
  }

  /** Gives the other end all that is due; what was quicker than an earlier packet has waited for it. */
  #arrive(): void {
    this.#armed = false
    const now = this.#home.agenda.now()
    const other = this.#other
    for (let first = this.#packets[0]; first !== undefined && first.at <= now; first = this.#packets[0]) {
      this.#packets.shift()
      if (first.bytes === undefined) other?.receiveFinish()
      else other?.receive(first.bytes)
    }
    this.#arm()
    if (this.#finished && this.#packets.length === 0) this.#home.flushed()
  }

  receive(bytes: Uint8Array): void {
    if (this.#closed || this.#home.dead) return
    this.#home.delivered(bytes.length)
    if (this.#sink === undefined || this.#held.length > 0) this.#held.push(bytes)
    else this.#give(this.#sink, bytes)
  }

  #give(sink: Sink, bytes: Uint8Array): void {
    const random = this.#random
    this.#other?.acknowledge(bytes.length)
    if (bytes.length > 1 && random.chance(this.#home.splitting)) {
      const middle = random.between(1, bytes.length)
      sink.bytes(bytes.subarray(0, middle))
      // Unless the sink has just aborted; after an end from outside, what was held is given whole.
      if (!this.#closed || this.#end !== undefined) sink.bytes(bytes.subarray(middle))
    } else sink.bytes(bytes)
  }

  receiveFinish(): void {
    this.#otherFinished = true
    if (this.#finished && !this.#closed) this.stop({ linkEnded: false })
  }

  #giveHeld(): void {
    const sink = this.#sink
    if (sink === undefined || this.#home.dead) return
    for (let bytes = this.#held.shift(); bytes !== undefined; bytes = this.#held.shift()) this.#give(sink, bytes)
    if (this.#heldDrain) this.#drain()
    this.#giveEnd()
  }

  /** The other end's sink has so much more of what was written here. */
  acknowledge(size: number): void {
    this.#unread -= size
    if (!this.#blocked || this.#draining || this.#unread > highWater / 2) return
    this.#draining = true
    this.#other?.tell(() => {
      this.#draining = false
      if (this.#unread <= highWater / 2) this.#drain()
    })
  }

  #drain(): void {
    if (!this.#blocked || this.#closed || this.#home.dead) return
    this.#heldDrain = this.#sink === undefined
    if (this.#sink === undefined) return
    this.#blocked = false
    this.#overrun = 0
    this.#sink.drain()
  }

  /** Once, and not before the last byte. */
  #giveEnd(): void {
    if (this.#end === undefined || this.#endGiven || this.#held.length > 0) return
    if (this.#sink === undefined || this.#home.dead) return
    this.#endGiven = true
    this.#sink.end(this.#end)
  }
}
