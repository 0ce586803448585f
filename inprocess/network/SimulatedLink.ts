import { Deferred, Effect } from "effect"
import {
  type Address,
  type Link,
  type LinkEnd,
  LinkLost,
  type PeerId,
  type Protocol,
  StreamRefused
} from "../../signatures/index.ts"
import { type Agenda, type KeyedRandom, type Timer } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { SimulatedStream, type StreamHome } from "./SimulatedStream.ts"
import { type Trace } from "./Trace.ts"

/** Streams that wait for somebody to accept them. */
const unacceptedLimit = 16
/** Streams of one link. */
const streamLimit = 10_000
const openTimeout = 10_000_000
const flushTimeout = 5_000_000

/** The process at one end of a link: as long as it is the one that made it. */
export interface LinkOwner {
  readonly self: PeerId
  readonly dead: boolean
  readonly forget: (link: SimulatedLink) => void
}

export interface LinkParts {
  readonly agenda: Agenda
  readonly owner: LinkOwner
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  /** Towards the other end. */
  readonly channel: Channel
  readonly splitting: number
  /** Of this link alone; both ends have the same. */
  readonly random: KeyedRandom
  readonly trace: Trace
}

/** One end of a link. */
export class SimulatedLink implements Link, StreamHome {
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  readonly agenda: Agenda
  readonly channel: Channel
  readonly splitting: number
  readonly #owner: LinkOwner
  readonly #random: KeyedRandom
  readonly #trace: Trace
  readonly #ended = Deferred.makeUnsafe<LinkEnd>()
  readonly #streams = new Set<SimulatedStream>()
  /** Openings under way here, by what ends them. */
  readonly #openings = new Set<() => void>()
  #other: SimulatedLink | undefined
  #opened = 0
  #onStream: ((stream: SimulatedStream) => void) | undefined
  #unaccepted: Array<SimulatedStream> = []
  /** `over`: it has ended, or will in this instant. */
  #state: "up" | "closing" | "over" = "up"
  #waitsForFlush = false
  #flushDeadline: Timer | undefined
  #concluded = false

  constructor(parts: LinkParts) {
    this.peer = parts.peer
    this.remote = parts.remote
    this.direction = parts.direction
    this.agenda = parts.agenda
    this.channel = parts.channel
    this.splitting = parts.splitting
    this.#owner = parts.owner
    this.#random = parts.random
    this.#trace = parts.trace
  }

  static join(a: SimulatedLink, b: SimulatedLink): void {
    a.#other = b
    b.#other = a
  }

  get dead(): boolean {
    return this.#owner.dead
  }

  readonly open = (protocol: Protocol): Effect.Effect<SimulatedStream, LinkLost | StreamRefused> =>
    Effect.callback((resume) => {
      if (this.#state !== "up") return resume(new LinkLost({ peer: this.peer }))
      let waiting = true
      const random = this.#random(`${this.direction}/${this.#opened}/answer`)
      const name = `${this.direction}/${this.#opened++}`
      const opening = this.#makeStream(protocol, `${name}/near`)
      const settle = (outcome: Effect.Effect<SimulatedStream, LinkLost | StreamRefused>) => {
        if (!waiting || this.dead) return
        waiting = false
        this.#openings.delete(lost)
        this.agenda.cancel(deadline)
        resume(outcome)
      }
      const giveUp = (outcome: Effect.Effect<SimulatedStream, LinkLost | StreamRefused>) => {
        settle(outcome)
        opening.abort()
      }
      const lost = () => settle(new LinkLost({ peer: this.peer }))
      const deadline = this.agenda.at(
        this.agenda.now() + openTimeout,
        () => giveUp(new StreamRefused({ reason: "timeout" }))
      )
      this.#openings.add(lost)
      opening.tell(() => {
        const taken = this.#other?.takeStream(opening, `${name}/far`)
        if (taken === undefined) return
        this.#other?.channel.send(() => {
          if (taken) return settle(Effect.succeed(opening))
          // Over a real network it may be found out by an answer, or only when the stream ends.
          if (random.chance(0.5)) settle(Effect.succeed(opening))
          else settle(new StreamRefused({ reason: "limit" }))
          opening.cut({ linkEnded: false })
        }, random)
      })
      return Effect.sync(() => giveUp(Effect.interrupt))
    })

  readonly accept = (onStream: (stream: SimulatedStream) => void): void => {
    if (this.#onStream !== undefined) {
      throw new Error("a link has one that accepts its streams: accept was called twice")
    }
    this.#onStream = onStream
    this.agenda.at(0, () => this.#giveStreams())
  }

  get ended(): Effect.Effect<LinkEnd> {
    return Deferred.await(this.#ended)
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#beginClose()
      return Effect.asVoid(this.ended)
    })
  }

  readonly abort = (): void => {
    if (this.#state === "over" || this.dead) return
    this.#state = "over"
    this.agenda.at(0, () => this.#conclude("local"))
    this.channel.send(() => this.#other?.end("remote"))
  }

  /** The other end, or the way to it, is gone. Called by the agenda only. */
  end(by: "remote" | "lost"): void {
    this.#state = "over"
    this.#conclude(by)
  }

  /** The process at this end was killed: only the other end is told. Called by the agenda only. */
  vanish(): void {
    this.#other?.end("lost")
  }

  /** Called by the agenda only. */
  lose(): void {
    this.end("lost")
    this.#other?.end("lost")
  }

  get over(): boolean {
    return this.#state === "over"
  }

  /** Whether a stream that arrives is taken; undefined if there is nobody to answer, or nobody who still asks. */
  takeStream(opening: SimulatedStream, key: string): boolean | undefined {
    if (this.#state !== "up" || this.dead || opening.over) return undefined
    if (this.#streams.size >= streamLimit) return false
    if (this.#onStream === undefined && this.#unaccepted.length >= unacceptedLimit) return false
    const stream = this.#makeStream(opening.protocol, key)
    SimulatedStream.join(stream, opening)
    if (this.#onStream === undefined || this.#unaccepted.length > 0) this.#unaccepted.push(stream)
    else this.#onStream(stream)
    return true
  }

  forget(stream: SimulatedStream): void {
    this.#streams.delete(stream)
    this.flushed()
  }

  flushed(): void {
    if (!this.#waitsForFlush || this.#isFlushing) return
    this.#waitsForFlush = false
    this.#other?.channel.send(this.abort)
  }

  delivered(size: number): void {
    this.#trace({ _tag: "Bytes", at: this.agenda.now(), host: this.#owner.self, peer: this.peer, size })
  }

  #makeStream(protocol: Protocol, key: string): SimulatedStream {
    const stream = new SimulatedStream(this, protocol, this.#random(key))
    this.#streams.add(stream)
    return stream
  }

  #giveStreams(): void {
    if (this.dead) return
    for (let stream = this.#unaccepted.shift(); stream !== undefined; stream = this.#unaccepted.shift()) {
      this.#onStream?.(stream)
    }
  }

  get #isFlushing(): boolean {
    for (const stream of this.#streams) if (stream.flushing) return true
    return false
  }

  #beginClose(): void {
    if (this.#state !== "up" || this.dead) return
    this.#state = "closing"
    if (!this.#isFlushing) return this.abort()
    this.#waitsForFlush = true
    this.#flushDeadline = this.agenda.at(this.agenda.now() + flushTimeout, this.abort)
  }

  /** The ends of its streams, then its own. */
  #conclude(by: LinkEnd["by"]): void {
    if (this.#concluded) return
    this.#concluded = true
    this.#owner.forget(this)
    if (this.#flushDeadline !== undefined) this.agenda.cancel(this.#flushDeadline)
    for (const stream of this.#streams) {
      if (by === "local") stream.stop({ linkEnded: true })
      else stream.cut({ linkEnded: true })
    }
    if (this.dead) return
    this.#trace({ _tag: "LinkEnded", at: this.agenda.now(), host: this.#owner.self, peer: this.peer, by })
    for (const lost of this.#openings) lost()
    Deferred.doneUnsafe(this.#ended, Effect.succeed({ by }))
  }
}
