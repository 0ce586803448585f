import { type Agenda } from "../kernel/index.ts"
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

/** What one end of a stream wrote and the other has not got yet: first what waits for its turn, then what is on its way. */
export class Outbox implements Flow {
  readonly #source: Source
  #first: Packet | undefined
  #last: Packet | undefined
  #sent = 0
  #armed = false
  #queue: Array<Uint8Array> | undefined
  /** So much of the first in the queue has left. */
  #offset = 0
  #queued = false
  #finishing = false
  /** Bound: there is one for every stream, and a closure would take twice the memory. */
  readonly #onArrival: () => void = this.#arrived.bind(this)

  constructor(source: Source) {
    this.#source = source
  }

  get isEmpty(): boolean {
    return this.#first === undefined && !this.#queued
  }

  /** In bytes. */
  get onTheWay(): number {
    let size = 0
    for (let packet = this.#first; packet !== undefined; packet = packet.next) size += packet.bytes?.length ?? 0
    return size
  }

  post(bytes: Uint8Array): void {
    const pace = this.#source.channel.pace
    if (pace === undefined) return this.#leave(bytes)
    if (this.#queue === undefined) this.#queue = [bytes]
    else this.#queue.push(bytes)
    if (this.#queued) return
    this.#queued = true
    pace.add(this)
  }

  finish(): void {
    if (this.#queued) this.#finishing = true
    else this.#leave(undefined)
  }

  /** Drops all but so many bytes of what is on its way. */
  keep(room: number): void {
    this.#queue = undefined
    this.#queued = false
    this.#finishing = false
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
    const first = this.#queue?.[0]
    if (first !== undefined) return Math.min(limit, first.length - this.#offset)
    this.#queued = false
    return 0
  }

  move(size: number): void {
    const first = this.#queue?.[0]
    if (first === undefined) return
    const from = this.#offset
    this.#offset = Math.min(first.length, from + size)
    this.#leave(first.subarray(from, this.#offset))
    if (this.#offset < first.length) return
    this.#offset = 0
    this.#queue?.shift()
    if (!this.#finishing || this.#queue?.length !== 0) return
    this.#finishing = false
    this.#leave(undefined)
  }

  #leave(bytes: Uint8Array | undefined): void {
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
    this.#arm()
  }

  #arm(): void {
    if (this.#armed || this.#first === undefined) return
    this.#armed = true
    this.#source.agenda.at(this.#first.at, this.#onArrival)
  }

  #arrived(): void {
    const { channel, isAbandoned } = this.#source
    if (isAbandoned && channel.isShut) this.keep(0)
    else if (channel.holds(this.#onArrival)) return
    this.#armed = false
    this.#giveDue()
  }

  /** All that is due; what was quicker than an earlier packet has waited for it. */
  #giveDue(): void {
    const now = this.#source.agenda.now()
    for (let first = this.#first; first !== undefined && first.at <= now; first = this.#first) {
      this.#first = first.next
      if (this.#first === undefined) this.#last = undefined
      this.#source.arrive(first.bytes, first.sentAt)
    }
    this.#arm()
    if (this.isEmpty) this.#source.emptied()
  }
}
