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
import { type Agenda, type Timer } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { type Key, Purpose } from "./Key.ts"
import { type Pace } from "./Pace.ts"
import { SimulatedStream, type StreamHome } from "./SimulatedStream.ts"
import { type Trace } from "./Trace.ts"

/** Streams that wait for somebody to accept them. */
const unacceptedLimit = 16
/** Streams of one link. */
const streamLimit = 10_000
const openTimeout = 10_000_000
const flushTimeout = 5_000_000

/** What all links of a network share. */
export interface LinkSetting {
  readonly agenda: Agenda
  readonly splitting: number
  readonly buffer: number
  readonly trace: Trace | undefined
}

/** The process at one end of a link: as long as it is the one that made it. */
export interface LinkOwner {
  readonly self: PeerId
  readonly dead: boolean
  readonly reading: Pace | undefined
  readonly forget: (link: SimulatedLink) => void
}

export interface LinkParts {
  readonly setting: LinkSetting
  readonly owner: LinkOwner
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  /** Towards the other end. */
  readonly channel: Channel
  /** Of this end alone. */
  readonly key: Key
}

/** One end of a link. */
export class SimulatedLink implements Link, StreamHome {
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  readonly channel: Channel
  readonly #setting: LinkSetting
  readonly #owner: LinkOwner
  readonly #key: Key
  /** Made when somebody waits. */
  #ended: Deferred.Deferred<LinkEnd> | undefined
  #other: SimulatedLink | undefined
  /** Its streams, a list by `younger`. */
  #oldest: SimulatedStream | undefined
  #youngest: SimulatedStream | undefined
  #streams = 0
  /** Of its streams, also such as have ended: those whose last bytes are on their way. */
  #unflushed = 0
  /** Openings under way here, by what ends them. */
  #openings: Set<() => void> | undefined
  #opened = 0
  #told = 0
  #onStream: ((stream: SimulatedStream) => void) | undefined
  #unaccepted: Array<SimulatedStream> | undefined
  /** `over`: it has ended, or will once its streams have. */
  #state: "up" | "closing" | "over" = "up"
  #by: LinkEnd["by"] | undefined
  #flushDeadline: Timer | undefined
  #concluded = false
  /** Not if its process was killed before. */
  #isTold = false

  constructor(parts: LinkParts) {
    this.peer = parts.peer
    this.remote = parts.remote
    this.direction = parts.direction
    this.channel = parts.channel
    this.#setting = parts.setting
    this.#owner = parts.owner
    this.#key = parts.key
  }

  static join(a: SimulatedLink, b: SimulatedLink): void {
    a.#other = b
    b.#other = a
  }

  get agenda(): Agenda {
    return this.#setting.agenda
  }

  get splitting(): number {
    return this.#setting.splitting
  }

  get buffer(): number {
    return this.#setting.buffer
  }

  get reading(): Pace | undefined {
    return this.#owner.reading
  }

  get dead(): boolean {
    return this.#owner.dead
  }

  open(protocol: Protocol): Effect.Effect<SimulatedStream, LinkLost | StreamRefused> {
    return Effect.callback((resume) => {
      if (this.#state !== "up") return resume(new LinkLost({ peer: this.peer }))
      let waiting = true
      const key = this.#key.child(Purpose.opening, this.#opened++)
      const opening = this.makeStream(protocol, key.child(Purpose.near, 0))
      const settle = (outcome: Effect.Effect<SimulatedStream, LinkLost | StreamRefused>) => {
        if (!waiting || this.dead) return
        waiting = false
        this.#openings?.delete(lost)
        if (this.#openings?.size === 0) this.#openings = undefined
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
      this.#openings ??= new Set()
      this.#openings.add(lost)
      opening.tell(() => {
        const taken = this.#other?.takeStream(opening, key.child(Purpose.far, 0))
        if (taken === undefined) return
        this.#other?.channel.send(
          () => {
            if (taken) return settle(Effect.succeed(opening))
            // Over a real network it may be found out by an answer, or only when the stream ends.
            if (key.chance(Purpose.answer, 0, 0.5)) settle(Effect.succeed(opening))
            else settle(new StreamRefused({ reason: "limit" }))
            opening.cut({ linkEnded: false })
          },
          key,
          0
        )
      })
      return Effect.sync(() => giveUp(Effect.interrupt))
    })
  }

  accept(onStream: (stream: SimulatedStream) => void): void {
    if (this.#onStream !== undefined) {
      throw new Error("a link has one that accepts its streams: accept was called twice")
    }
    this.#onStream = onStream
    this.agenda.at(0, () => this.giveStreams())
  }

  get ended(): Effect.Effect<LinkEnd> {
    return Effect.suspend(() => {
      const by = this.#by
      if (by !== undefined && this.#isTold) return Effect.succeed({ by })
      return Deferred.await(this.#ended ??= Deferred.makeUnsafe())
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.beginClose()
      return Effect.asVoid(this.ended)
    })
  }

  abort(): void {
    if (this.#state === "over" || this.dead) return
    this.#state = "over"
    this.agenda.at(0, () => this.conclude("local"))
    this.tell(() => this.#other?.end("remote"))
  }

  /** The other end, or the way to it, is gone. Called by the agenda only. */
  end(by: "remote" | "lost"): void {
    this.#state = "over"
    this.conclude(by)
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

  /** Streams with both ends, in the order in which they began. */
  *streams(): Iterable<SimulatedStream> {
    for (let stream = this.#oldest; stream !== undefined; stream = stream.younger) if (stream.up) yield stream
  }

  /** Whether a stream that arrives is taken; undefined if there is nobody to answer, or nobody who still asks. */
  takeStream(opening: SimulatedStream, key: Key): boolean | undefined {
    if (this.#state !== "up" || this.dead || opening.over) return undefined
    if (this.#streams >= streamLimit) return false
    const waiting = this.#unaccepted?.length ?? 0
    if (this.#onStream === undefined && waiting >= unacceptedLimit) return false
    const stream = this.makeStream(opening.protocol, key)
    SimulatedStream.join(stream, opening)
    if (this.#onStream !== undefined && waiting === 0) this.#onStream(stream)
    else if (this.#unaccepted === undefined) this.#unaccepted = [stream]
    else this.#unaccepted.push(stream)
    return true
  }

  forget(stream: SimulatedStream): void {
    const { older, younger } = stream
    if (older === undefined) this.#oldest = younger
    else older.younger = younger
    if (younger === undefined) this.#youngest = older
    else younger.older = older
    this.#streams--
    if (this.#streams === 0) this.finish()
  }

  flushing(streams: 1 | -1): void {
    this.#unflushed += streams
    if (this.#flushDeadline === undefined || this.#unflushed > 0) return
    this.endFlush()
    this.#other?.afterFlush(() => this.abort())
  }

  /** The last bytes are there, and this end says so. */
  afterFlush(told: () => void): void {
    this.tell(told)
  }

  delivered(size: number, sentAt: number): void {
    this.#setting.trace?.({
      _tag: "Bytes",
      at: this.agenda.now(),
      sentAt,
      host: this.#owner.self,
      peer: this.peer,
      size
    })
  }

  private tell(news: () => void): void {
    this.channel.send(news, this.#key, this.#told++)
  }

  private makeStream(protocol: Protocol, key: Key): SimulatedStream {
    const stream = new SimulatedStream(this, protocol, key)
    stream.older = this.#youngest
    if (this.#youngest === undefined) this.#oldest = stream
    else this.#youngest.younger = stream
    this.#youngest = stream
    this.#streams++
    return stream
  }

  private giveStreams(): void {
    if (this.dead) return
    for (let stream = this.#unaccepted?.shift(); stream !== undefined; stream = this.#unaccepted?.shift()) {
      this.#onStream?.(stream)
    }
    this.#unaccepted = undefined
  }

  private beginClose(): void {
    if (this.#state !== "up" || this.dead) return
    this.#state = "closing"
    if (this.#unflushed === 0) return this.abort()
    this.#flushDeadline = this.agenda.at(this.agenda.now() + flushTimeout, () => this.abort())
  }

  private endFlush(): void {
    if (this.#flushDeadline === undefined) return
    this.agenda.cancel(this.#flushDeadline)
    this.#flushDeadline = undefined
  }

  /** Of what is on its way to it some may still come: so it has ended once its streams have. */
  private conclude(by: LinkEnd["by"]): void {
    if (this.#by !== undefined) return
    this.#by = by
    this.endFlush()
    for (const lost of this.#openings ?? []) lost()
    for (let stream = this.#oldest; stream !== undefined; stream = stream.younger) {
      if (by === "local") stream.stop({ linkEnded: true })
      else stream.cut({ linkEnded: true })
    }
    if (this.#streams === 0) this.finish()
  }

  private finish(): void {
    if (this.#by === undefined || this.#concluded) return
    this.#concluded = true
    this.#owner.forget(this)
    if (this.dead) return
    const by = this.#by
    this.#isTold = true
    this.#setting.trace?.({
      _tag: "LinkEnded",
      at: this.agenda.now(),
      host: this.#owner.self,
      peer: this.peer,
      by
    })
    if (this.#ended !== undefined) Deferred.doneUnsafe(this.#ended, Effect.succeed({ by }))
  }
}
