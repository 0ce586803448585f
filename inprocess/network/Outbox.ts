import { type Agenda, type Timer } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { type Key, Purpose } from "./Key.ts"
import { type Flow } from "./Pace.ts"

/** Who writes. */
export interface Source {
  readonly agenda: Agenda
  readonly channel: Channel
  readonly key: Key
  /** A packet arrives. None: the last one has. */
  readonly arrive: (bytes: Uint8Array | undefined, sentAt: number) => void
  /** Nothing is on its way any more. */
  readonly emptied: () => void
  /** Whether the reader waits for nothing but what is on its way: what is held up then never comes. */
  readonly isAbandoned: boolean
}

interface Packet {
  readonly sentAt: number
  readonly at: number
  bytes: Uint8Array | undefined
  next: Packet | undefined
}

/** What waits for its turn, where bandwidth is limited. */
interface Turns {
  readonly queue: Array<Uint8Array>
  /** So much of the first has left. */
  offset: number
  /** The last packet follows. */
  finishing: boolean
}

/**
 * What one end of a stream wrote and the other has not got yet: first what waits for its turn, then what is on its way. It is the
 * timer of its next arrival as well.
 */
export class Outbox implements Flow, Timer {
  at = 0
  order = 0
  place = -1
  readonly #source: Source
  #first: Packet | undefined
  #last: Packet | undefined
  #sent = 0
  /** The timer is set, or an obstacle holds back what it was set for. */
  #armed = false
  #turns: Turns | undefined

  constructor(source: Source) {
    this.#source = source
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#turns === undefined
  }

  /** In bytes. */
  get onTheWay(): number {
    let size = 0
    for (let packet = this.#first; packet !== undefined; packet = packet.next) size += packet.bytes?.length ?? 0
    return size
  }

  post(bytes: Uint8Array): void {
    const pace = this.#source.channel.pace
    if (pace === undefined) return this.leave(bytes)
    if (this.#turns !== undefined) return void this.#turns.queue.push(bytes)
    this.#turns = { queue: [bytes], offset: 0, finishing: false }
    pace.add(this)
  }

  finish(): void {
    if (this.#turns !== undefined) this.#turns.finishing = true
    else this.leave(undefined)
  }

  /** Drops all but so many bytes of what is on its way. */
  keep(room: number): void {
    this.#turns = undefined
    let left = room
    let last: Packet | undefined
    for (let packet = this.#first; packet?.bytes !== undefined && left > 0; packet = packet.next) {
      packet.bytes = packet.bytes.subarray(0, left)
      left -= packet.bytes.length
      last = packet
    }
    if (last === undefined) this.#first = undefined
    else last.next = undefined
    this.#last = last
  }

  next(limit: number): number {
    const turns = this.#turns
    const first = turns?.queue[0]
    if (turns !== undefined && first !== undefined) return Math.min(limit, first.length - turns.offset)
    this.#turns = undefined
    return 0
  }

  move(size: number): void {
    const turns = this.#turns
    const first = turns?.queue[0]
    if (turns === undefined || first === undefined) return
    const from = turns.offset
    turns.offset = Math.min(first.length, from + size)
    this.leave(first.subarray(from, turns.offset))
    if (turns.offset < first.length) return
    turns.offset = 0
    turns.queue.shift()
    if (turns.finishing && turns.queue.length === 0) this.leave(undefined)
  }

  /** The first packet is due. */
  run(): void {
    const { channel } = this.#source
    if (channel.isShut) {
      if (!this.#source.isAbandoned) return channel.keep(() => this.run())
      this.keep(0)
    }
    this.#armed = false
    this.giveDue()
  }

  private leave(bytes: Uint8Array | undefined): void {
    const { agenda, channel, key } = this.#source
    const packet = {
      sentAt: agenda.now(),
      at: channel.arrival(key, Purpose.jitter, this.#sent++),
      bytes,
      next: undefined
    }
    if (this.#last === undefined) this.#first = packet
    else this.#last.next = packet
    this.#last = packet
    this.arm()
  }

  private arm(): void {
    if (this.#armed || this.#first === undefined) return
    this.#armed = true
    this.#source.agenda.set(this, this.#first.at)
  }

  /** All that is due; what was quicker than an earlier packet has waited for it. */
  private giveDue(): void {
    const now = this.#source.agenda.now()
    for (let first = this.#first; first !== undefined && first.at <= now; first = this.#first) {
      this.#first = first.next
      if (this.#first === undefined) this.#last = undefined
      this.#source.arrive(first.bytes, first.sentAt)
    }
    this.arm()
    if (this.isEmpty) this.#source.emptied()
  }
}
