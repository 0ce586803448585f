import { Deferred, Effect, Option } from "effect"
import type { Chain, ControlEvent, GoodbyeReason, Link, RawStream } from "../../signatures/index.ts"
import { Announcer } from "./Announcer.ts"
import { ChainSet } from "./ChainSet.ts"
import { type ControlMessage, decodeControl, encodeControl } from "./controlMessages.ts"
import { type Environment, resetMillis } from "./Environment.ts"
import { frame, FrameType, maxControlBytes } from "./frames.ts"
import { type FrameHandler, type FrameStream, readFrames } from "./FrameStream.ts"
import { wireVersion } from "./openingFrames.ts"
import { PeerQuestions, type QuestionsHost } from "./PeerQuestions.ts"
import type { Beating } from "./Pulse.ts"
import type { ServedChain } from "./Served.ts"
import { takeTokens, type TokenBucket, type TokenRate, untilToken } from "./TokenBucket.ts"

/**
 * What a peer may say on a link, and what we say of our chains ourselves: so much less that all of it may come at once, after
 * the network stood still for as long as a link lives without a word.
 */
const allowed: TokenRate = { burst: 512, perSecond: 64 }
const ours: TokenRate = { burst: 128, perSecond: 16 }

/** Tokens: one, and one more for every 4 KiB. */
const costOf = (body: Uint8Array): number => 1 + (body.length >>> 12)
/** How much longer than the dialler the other end waits with a ping: for that of the dialler to come first. */
const patience = 1.2

/** A record comes once a day, and its signature is dear to check. */
const renewalCost = 64

/** What the sessions of the link must know. */
export interface ControlHost {
  /** A second link to the peer took over. */
  superseded(): void
}

/** Our end of a link's control stream: who we are, what we serve and whom we know, whether the peer lives, and the goodbyes. */
export class LinkControl implements FrameHandler, QuestionsHost, Beating {
  private readonly link: Link
  private readonly env: Environment
  private readonly host: ControlHost
  private readonly salt: Uint8Array
  private readonly announcer: Announcer
  private readonly questions: PeerQuestions
  /** Set once the stream is there. */
  private stream: FrameStream | undefined
  private heardTokens: TokenBucket | undefined
  private saidTokens: TokenBucket | undefined
  /** Set by the peer's INFO, with which it must begin. */
  private peerSet: ChainSet | undefined
  private record: Uint8Array | undefined
  /** A timer runs for what is to be said of our chains, or else it waits for room. */
  private willAnnounce = false
  private awaitsRoom = false
  /** The peer has not been told yet that our record is a new one. */
  private owesRecord = false
  private pinged = 0
  private readonly probes = new Set<{ readonly id: number; readonly done: Deferred.Deferred<void> }>()
  private said: GoodbyeReason | undefined
  private isPeerLeaving = false
  private readonly over = Deferred.makeUnsafe<void>()
  /** Bytes have arrived on any stream of the link. */
  hasSpoken = false
  private heardAt: number
  /** When we last pinged of ourselves. */
  private pingedAt = Number.NEGATIVE_INFINITY
  private isSilent = false
  /** After which a link on which nothing is heard is pinged from this end. */
  private readonly quietMillis: number

  constructor(link: Link, env: Environment, host: ControlHost) {
    this.link = link
    this.env = env
    this.host = host
    this.heardAt = env.now()
    this.quietMillis = link.direction === "outbound" ? env.pingMillis : patience * env.pingMillis
    this.salt = env.randomBytes(16)
    this.announcer = new Announcer(this.salt, env.served.all())
    this.questions = new PeerQuestions(this)
  }

  /** To be called whenever bytes have arrived on any stream of the link. */
  readonly heard = (): void => {
    this.hasSpoken = true
    this.heardAt = this.env.now()
    if (this.env.ear.heard(this.heardAt)) this.env.pool.cutOff(this.link)
  }

  /** The stream is there: the dialler has opened it. */
  attach(raw: RawStream): void {
    // The peer may open one only.
    if (this.stream !== undefined) {
      raw.abort()
      return this.env.pool.dead(this.link, "violation")
    }
    readFrames(raw, this.heard, (stream) => {
      this.stream = stream
      return this
    })
    const chains = this.announcer.next().added
    this.sayOfChains({ type: "info", version: wireVersion, salt: this.salt, record: this.env.ownRecord.bytes, chains })
    this.announce()
    if (this.probes.size > 0) this.ping()
    if (this.said !== undefined) this.sayGoodbye(this.said)
  }

  /** Those that we recognise of what the peer serves, once it has said so. */
  info(): ControlEvent | undefined {
    return this.record === undefined || this.peerSet === undefined
      ? undefined
      : { _tag: "Info", peer: this.link.peer, record: this.record, chains: this.peerSet.recognised() }
  }

  /** Whom the peer knows, see `Control.askPeers`. */
  readonly askPeers = Effect.suspend(() => this.peerSet === undefined ? Effect.succeedNone : this.questions.ask)

  /** We have begun to serve a chain. */
  serve(served: ServedChain): void {
    if (this.peerSet?.serve(served) === true) this.emitChains([served.chain], [])
    this.announcer.change(served, true)
    this.announce()
  }

  unserve(served: ServedChain): void {
    this.peerSet?.unserve(served)
    this.announcer.change(served, false)
    this.announce()
  }

  /** Our record is a new one. */
  renew(): void {
    if (this.stream === undefined || this.said !== undefined) return
    this.owesRecord = !this.say({ type: "renewal", record: this.env.ownRecord.bytes })
  }

  dueAt(): number {
    return this.isSilent ? Infinity : Math.min(this.pingAt(), this.heardAt + this.env.silenceMillis)
  }

  /**
   * Pings when nothing has come for a while, and tells the pool when nothing has for too long. Of two ends the dialler pings
   * first, and spares the other its own, as a ping is heard too.
   */
  beat(time: number, soon: number): void {
    const { ear, pool, silenceMillis } = this.env
    if (this.isSilent) return
    if (time - this.heardAt >= silenceMillis) {
      this.isSilent = true
      return pool.dead(this.link, ear.wasDeaf(this.heardAt, time) ? "deaf" : "silent")
    }
    if (time < this.pingAt() - soon) return
    this.pingedAt = time
    this.ping()
  }

  private pingAt(): number {
    return Math.max(this.heardAt, this.pingedAt) + this.quietMillis
  }

  excuse(until: number): void {
    this.heardAt = Math.max(this.heardAt, until)
  }

  /** Completes once a ping was answered that was sent after the call. */
  readonly probe: Effect.Effect<void> = Effect.suspend(() => {
    const probe = { id: this.pinged + 1, done: Deferred.makeUnsafe<void>() }
    this.probes.add(probe)
    this.ping()
    return Effect.ensuring(Deferred.await(probe.done), Effect.sync(() => this.probes.delete(probe)))
  })

  /** Completes when the peer has heard it, or a second later. */
  farewell(reason: GoodbyeReason): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.said === undefined) {
        this.said = reason
        if (this.stream !== undefined) this.sayGoodbye(reason)
      }
      // Who says it again waits no second time.
      return Deferred.await(this.over).pipe(
        Effect.timeoutOption(resetMillis),
        Effect.andThen(Effect.sync(() => this.ended()))
      )
    })
  }

  /** The link has ended. */
  ended(): void {
    this.questions.ended()
    Deferred.doneUnsafe(this.over, Effect.void)
  }

  // ── what arrives

  begin(type: number, length: number): boolean {
    return type === FrameType.data && length <= maxControlBytes
  }

  frame(_: number, body: Uint8Array): void {
    this.heardTokens = takeTokens(this.heardTokens, allowed, this.env.now(), costOf(body))
    const message = this.heardTokens === undefined ? undefined : Option.getOrUndefined(decodeControl(body))
    if (message === undefined || (this.peerSet === undefined) !== (message.type === "info")) {
      return this.stream?.violate()
    }
    switch (message.type) {
      case "info":
        return this.onInfo(message)
      case "chains":
        return this.onChains(message)
      case "renewal":
        return this.onRenewal(message.record)
      case "ping":
        return void this.say({ type: "pong", id: message.id })
      case "pong":
        return this.onPong(message.id)
      case "goodbye":
        return this.onGoodbye(message.reason)
      case "get-peers":
        return this.questions.onQuestion(message.id)
      case "peers":
        return this.questions.onAnswer(message.id, message.records) ? undefined : this.stream?.violate()
      case "unknown":
        return
    }
  }

  settle(): void {}

  /** The stream stays open for the goodbye. */
  violated(): void {
    this.env.pool.dead(this.link, "violation")
  }

  room(): void {
    if (this.awaitsRoom) this.announceNow()
    if (this.owesRecord) this.renew()
    for (const probe of this.probes) {
      if (probe.id > this.pinged) {
        this.ping()
        break
      }
    }
    this.questions.room()
  }

  gone(linkEnded: boolean): void {
    this.ended()
    if (linkEnded || this.isPeerLeaving || this.said !== undefined) return
    // A link that is about to end may say so a moment later. One that lives can't be kept without control.
    this.env.later(resetMillis, () => this.env.pool.dead(this.link, "silent"))
  }

  private onInfo(info: Extract<ControlMessage, { readonly type: "info" }>): void {
    this.peerSet = new ChainSet(info.salt, this.env.served.all())
    this.record = info.record
    const chains = this.peerSet.add(info.chains)
    this.env.subscribers.tell({ _tag: "Info", peer: this.link.peer, record: info.record, chains })
  }

  private onRenewal(record: Uint8Array): void {
    this.heardTokens = takeTokens(this.heardTokens, allowed, this.env.now(), renewalCost)
    if (this.heardTokens === undefined) return this.stream?.violate()
    this.record = record
    const info = this.info()
    if (info !== undefined) this.env.subscribers.tell(info)
  }

  private onChains(delta: Extract<ControlMessage, { readonly type: "chains" }>): void {
    const removed = this.peerSet?.remove(delta.removed) ?? []
    const added = this.peerSet?.add(delta.added) ?? []
    if (added.length + removed.length > 0) this.emitChains(added, removed)
  }

  private onPong(id: number): void {
    if (id > this.pinged) return this.stream?.violate()
    for (const probe of this.probes) if (probe.id <= id) Deferred.doneUnsafe(probe.done, Effect.void)
  }

  private onGoodbye(reason: GoodbyeReason): void {
    this.isPeerLeaving = true
    this.env.pool.leaving(this.link, reason)
    this.env.subscribers.tell({ _tag: "Goodbye", peer: this.link.peer, reason })
    if (reason === "superseded") this.host.superseded()
    // The end of our half tells the peer that we heard it.
    this.stream?.stop()
    this.stream?.outbox.finishNow()
  }

  private emitChains(added: ReadonlyArray<Chain>, removed: ReadonlyArray<Chain>): void {
    this.env.subscribers.tell({ _tag: "Chains", peer: this.link.peer, added, removed })
  }

  // ── what we say

  /** Whether there was room. */
  say(message: ControlMessage): boolean {
    return this.stream?.outbox.push(FrameType.data, encodeControl(message)) === true
  }

  introduce(): ReadonlyArray<Uint8Array> {
    return this.env.introductions.to(this.link.peer)
  }

  now(): number {
    return this.env.now()
  }

  private ping(): void {
    if (this.said === undefined && this.say({ type: "ping", id: this.pinged + 1 })) this.pinged++
  }

  private sayGoodbye(reason: GoodbyeReason): void {
    this.stream?.outbox.finishWith(frame(FrameType.data, encodeControl({ type: "goodbye", reason })))
  }

  /** Chains that come and go together are told together: at once after a quiet time, else as often as we may. */
  private announce(): void {
    const { announcer, awaitsRoom, willAnnounce } = this
    if (willAnnounce || awaitsRoom || this.stream === undefined || this.said !== undefined || !announcer.hasNews) return
    this.willAnnounce = true
    this.env.later(untilToken(this.saidTokens, ours, this.env.now()), () => {
      this.willAnnounce = false
      this.announceNow()
    })
  }

  private announceNow(): void {
    const outbox = this.stream?.outbox
    if (outbox === undefined || outbox.finished || this.said !== undefined) return
    // A delta may need a whole batch: else `room` comes back to it.
    this.awaitsRoom = !outbox.isEmpty
    if (this.awaitsRoom) return
    // A timer may be early.
    const mayGo = untilToken(this.saidTokens, ours, this.env.now()) === 0
    if (mayGo && this.announcer.hasNews) this.sayOfChains({ type: "chains", ...this.announcer.next() })
    this.announce()
  }

  private sayOfChains(message: ControlMessage): void {
    const body = encodeControl(message)
    const now = this.env.now()
    this.saidTokens = takeTokens(this.saidTokens, ours, now, costOf(body))
    this.stream?.outbox.push(FrameType.data, body)
  }
}
