import { type Protocol, type RawStream, type Sink } from "../../signatures/index.ts"
import { type Agenda } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { type Key, Purpose } from "./Key.ts"
import { Outbox, type Source } from "./Outbox.ts"
import { type Flow, type Pace } from "./Pace.ts"

/** Who goes on writing so many bytes after a false loses the stream: there is no memory without bound. */
const overrun = 1024 * 1024

/** What a stream needs of the link that it is on. */
export interface StreamHome {
  readonly agenda: Agenda
  /** Towards the other end. */
  readonly channel: Channel
  /** Of a chunk that arrives, the chance to come in two pieces. */
  readonly splitting: number
  /** Above so many bytes on their way, `write` answers false; `drain` comes at half of them. */
  readonly buffer: number
  /** How the process at this end reads, if it reads slowly. */
  readonly reading: Pace | undefined
  /** The process behind this end was killed: nothing is called any more. */
  readonly dead: boolean
  readonly forget: (stream: SimulatedStream) => void
  /** A stream more, or one less, whose last bytes are on their way: a link that closes waits for them. */
  readonly flushing: (streams: 1 | -1) => void
  readonly delivered: (size: number, sentAt: number) => void
}

type End = Parameters<Sink["end"]>[0]

/** What may be true of a stream. */
const Is = {
  /** `write` has answered false. */
  blocked: 1,
  /** It is on its way to this end that there is room again. */
  draining: 2,
  /** That came before the sink was there. */
  owingDrain: 4,
  /** The last bytes are on their way, and the link waits for them. */
  flushing: 8,
  /** The sink is there, and knows it. */
  live: 16,
  /** The process reads as it is its turn. */
  reading: 32,
  finished: 64,
  otherFinished: 128,
  /** Ended or aborted: nothing but the end is given any more. */
  closed: 256,
  endGiven: 512
} as const

/**
 * One end of a stream, with the bytes that it wrote and that are on their way. Each write is a packet; packets of a stream
 * arrive in order, those of two streams independently. Every call of a sink comes from the agenda.
 */
export class SimulatedStream implements RawStream, Source, Flow {
  readonly protocol: Protocol
  readonly key: Key
  /** The link's: its streams in the order in which they began. */
  older: SimulatedStream | undefined
  younger: SimulatedStream | undefined
  readonly #home: StreamHome
  #other: SimulatedStream | undefined
  #sink: Sink | undefined

  /** Of `Is`. Together, as each by itself would take eight bytes. */
  #state = 0

  // Outgoing
  #outbox: Outbox | undefined
  /** Written, and not given to the other end's sink yet. */
  #unread = 0
  #overrun = 0
  #told = 0

  // Incoming: held until the sink is there, or while the process reads slowly
  #held: Array<Uint8Array> | undefined
  #chunks = 0
  /** The other end is gone: this is told once all that still comes has come. */
  #lost: End | undefined
  #end: End | undefined

  constructor(home: StreamHome, protocol: Protocol, key: Key) {
    this.protocol = protocol
    this.key = key
    this.#home = home
  }

  static join(a: SimulatedStream, b: SimulatedStream): void {
    a.#other = b
    b.#other = a
  }

  /** Any of these. */
  private is(states: number): boolean {
    return (this.#state & states) !== 0
  }

  private become(states: number): void {
    this.#state |= states
  }

  private leave(states: number): void {
    this.#state &= ~states
  }

  get agenda(): Agenda {
    return this.#home.agenda
  }

  get channel(): Channel {
    return this.#home.channel
  }

  write(bytes: Uint8Array, more?: Uint8Array): boolean {
    const hasRoom = this.put(bytes)
    return more === undefined ? hasRoom : this.put(more)
  }

  private put(bytes: Uint8Array): boolean {
    if (this.is(Is.finished | Is.closed) || this.#lost !== undefined || this.#home.dead) return true
    if (bytes.length > 0) {
      if (this.is(Is.blocked)) this.#overrun += bytes.length
      if (this.#overrun > overrun) {
        this.abort()
        return true
      }
      this.#unread += bytes.length
      this.#outbox ??= new Outbox(this)
      this.#outbox.post(bytes)
    }
    if (this.#unread > this.#home.buffer) this.become(Is.blocked)
    return !this.is(Is.blocked)
  }

  attach(sink: Sink): void {
    if (this.#sink !== undefined) throw new Error("a stream has one sink: attach was called twice")
    this.#sink = sink
    this.agenda.at(0, () => {
      this.become(Is.live)
      this.read()
    })
  }

  get soon(): (flush: () => void) => void {
    return this.#home.agenda.soon
  }

  finish(): void {
    if (this.is(Is.finished | Is.closed) || this.#lost !== undefined || this.#home.dead) return
    this.leave(Is.blocked)
    this.become(Is.finished | Is.flushing)
    this.#home.flushing(1)
    this.#outbox ??= new Outbox(this)
    this.#outbox.finish()
    if (this.is(Is.otherFinished)) this.agenda.at(0, () => this.settle())
  }

  abort(): void {
    if (this.is(Is.closed) || this.#home.dead) return
    this.become(Is.closed)
    this.#held = undefined
    this.flushed()
    this.agenda.at(0, () => this.stop(this.#lost ?? { linkEnded: false }))
    this.tell(() => this.#other?.cut({ linkEnded: false }))
  }

  /** Ended or aborted: whoever opens it has given up. */
  get over(): boolean {
    return this.is(Is.closed)
  }

  /** Both ends are there, and neither is about to go. */
  get up(): boolean {
    const other = this.#other
    return other !== undefined && !this.isGoing && !other.isGoing
  }

  private get isGoing(): boolean {
    return this.is(Is.closed) || this.#lost !== undefined
  }

  /** Both ends lose it. Called by the agenda only. */
  reset(): void {
    this.cut({ linkEnded: false })
    this.#other?.cut({ linkEnded: false })
  }

  /**
   * The other end, or the way to it, is gone. Of what is still under way any part arrives, when it would have, and then
   * comes the end: nothing is ever earlier because of it. Called by the agenda only.
   */
  cut(end: End): void {
    if (this.is(Is.closed) || this.#home.dead) return this.stop(end)
    const again = this.#lost !== undefined
    if (!again || end.linkEnded) this.#lost = end
    if (!again) this.loseSome()
    this.settle()
  }

  /** All or nothing of it are as likely as anything between: they are what code gets wrong. */
  private loseSome(): void {
    const other = this.#other
    const unread = this.is(Is.live) ? this.#held?.reduce((sum, bytes) => sum + bytes.length, 0) ?? 0 : 0
    const outbox = other === undefined ? undefined : other.#outbox
    const onTheWay = other === undefined || other.channel.isShut ? 0 : outbox?.onTheWay ?? 0
    const total = unread + onTheWay
    const key = this.key
    const room = key.chance(Purpose.surviving, 0, 1 / 3)
      ? 0
      : key.chance(Purpose.surviving, 1, 1 / 2)
      ? total
      : key.between(Purpose.surviving, 2, 0, total)
    outbox?.keep(Math.max(0, room - unread))
    if (room < unread) this.keepHeld(room)
    other?.checkFlush()
  }

  private keepHeld(room: number): void {
    let left = room
    const kept: Array<Uint8Array> = []
    for (const bytes of this.#held ?? []) {
      if (left > 0) kept.push(bytes.subarray(0, left))
      left -= bytes.length
    }
    this.#held = kept
  }

  /** Ends it here: no more bytes come, but for those for which no sink was there yet. Called by the agenda only. */
  stop(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.become(Is.closed)
    if (this.is(Is.live)) this.#held = undefined
    this.#other?.checkFlush()
    this.giveEnd()
    // After the end: a link has ended once its streams have.
    this.#home.forget(this)
  }

  /** A packet beside the bytes, which it may overtake. */
  tell(news: () => void): void {
    this.channel.send(news, this.key, this.#told++)
  }

  // What its outbox tells it

  get isAbandoned(): boolean {
    return this.#other !== undefined && this.#other.#lost !== undefined
  }

  arrive(bytes: Uint8Array | undefined, sentAt: number): void {
    const other = this.#other
    if (other === undefined) return
    if (bytes !== undefined) return other.receive(bytes, sentAt)
    other.become(Is.otherFinished)
    other.settle()
  }

  emptied(): void {
    this.checkFlush()
    this.#other?.settle()
  }

  // Reading in turn

  next(limit: number): number {
    const first = this.#held?.[0]
    if (first !== undefined && !this.#home.dead) return Math.min(limit, first.length)
    this.leave(Is.reading)
    return 0
  }

  move(size: number): void {
    const first = this.#held?.[0]
    const sink = this.#sink
    if (first === undefined || sink === undefined || this.#home.dead) return
    if (size < first.length) this.#held?.splice(0, 1, first.subarray(size))
    else this.#held?.shift()
    this.give(sink, first.subarray(0, size))
    this.haveRead()
  }

  private receive(bytes: Uint8Array, sentAt: number): void {
    if (this.is(Is.closed) || this.#home.dead) return
    this.#home.delivered(bytes.length, sentAt)
    if (this.#sink !== undefined && this.is(Is.live) && !this.holds && this.#home.reading === undefined) {
      return this.give(this.#sink, bytes)
    }
    if (this.#held === undefined) this.#held = [bytes]
    else this.#held.push(bytes)
    if (this.is(Is.live)) this.read()
  }

  private get holds(): boolean {
    return this.#held !== undefined && this.#held.length > 0
  }

  /** What is held, all of it or in turn with others. */
  private read(): void {
    const sink = this.#sink
    if (sink === undefined || this.#home.dead || this.is(Is.reading)) return
    const pace = this.#home.reading
    if (pace !== undefined && this.holds) {
      this.become(Is.reading)
      return pace.add(this)
    }
    for (let bytes = this.#held?.shift(); bytes !== undefined; bytes = this.#held?.shift()) this.give(sink, bytes)
    this.haveRead()
  }

  private haveRead(): void {
    if (this.is(Is.owingDrain)) this.drain()
    if (this.holds) return
    this.#held = undefined
    this.#other?.checkFlush()
    this.settle()
    this.giveEnd()
  }

  private give(sink: Sink, bytes: Uint8Array): void {
    const n = this.#chunks++
    this.#other?.acknowledge(bytes.length)
    if (bytes.length > 1 && this.key.chance(Purpose.splitting, 2 * n, this.#home.splitting)) {
      const middle = this.key.between(Purpose.splitting, 2 * n + 1, 1, bytes.length)
      sink.bytes(bytes.subarray(0, middle))
      // Unless the sink has just aborted; after an end from outside, what was held is given whole.
      if (!this.is(Is.closed) || this.#end !== undefined) sink.bytes(bytes.subarray(middle))
    } else sink.bytes(bytes)
  }

  /** The other end's sink has so much more of what was written here. */
  acknowledge(size: number): void {
    this.#unread -= size
    const enough = this.#home.buffer / 2
    if (!this.is(Is.blocked) || this.is(Is.draining) || this.#unread > enough) return
    this.become(Is.draining)
    this.#other?.tell(() => {
      this.leave(Is.draining)
      if (this.#unread <= enough) this.drain()
    })
  }

  private drain(): void {
    if (!this.is(Is.blocked) || this.is(Is.closed) || this.#lost !== undefined || this.#home.dead) return
    if (!this.is(Is.live)) return this.become(Is.owingDrain)
    this.leave(Is.owingDrain | Is.blocked)
    this.#overrun = 0
    this.#sink?.drain()
  }

  /** Whether the other end has got all that it ever will of what was written before a finish. */
  checkFlush(): void {
    const other = this.#other
    if (!this.is(Is.flushing) || this.isSending) return
    if (other === undefined || !other.is(Is.live) || other.is(Is.closed) || !other.holds) this.flushed()
  }

  private get isSending(): boolean {
    return this.#outbox !== undefined && !this.#outbox.isEmpty
  }

  private flushed(): void {
    if (!this.is(Is.flushing)) return
    this.leave(Is.flushing)
    this.#home.flushing(-1)
  }

  /** Ends it if nothing more comes and nobody writes. Called by the agenda only. */
  settle(): void {
    if (this.is(Is.closed) || (this.is(Is.live) && this.holds)) return
    if (this.#lost !== undefined) {
      if (this.#other === undefined || !this.#other.isSending) this.stop(this.#lost)
    } else if (this.is(Is.finished) && this.is(Is.otherFinished)) this.stop({ linkEnded: false })
  }

  /** Once, and not before the last byte. */
  private giveEnd(): void {
    if (this.#end === undefined || this.is(Is.endGiven) || this.holds) return
    if (!this.is(Is.live) || this.#home.dead) return
    this.become(Is.endGiven)
    this.#sink?.end(this.#end)
  }
}
