/** Header sync of one chain, without effects: all sessions of the process, and the best chain that they share. See README.md. */
import { type Announced, hear } from "./announcement.ts"
import { Branch } from "./Branch.ts"
import { countAnswer, nextGet, receive, startDownload } from "./download.ts"
import { HeaderSyncStalled } from "./errors.ts"
import { type BadHeader, extend } from "./extend.ts"
import { headerSize } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import {
  type Announce,
  decodeMessage,
  encodeMessage,
  type Headers,
  headersThatFit,
  maxAnnounced,
  maxBatch,
  maxOutstanding,
  protocolVersion
} from "./messages.ts"
import type { HeaderParams } from "./params.ts"
import type { Peer, PeerHandle, Tip } from "./Peer.ts"
import { futureLimit } from "./rules.ts"
import { answer } from "./serve.ts"

/** Times in milliseconds. */
export interface CoreOptions {
  readonly params: HeaderParams
  /** A download whose oldest request is older goes to another session, if one can take it. */
  readonly stallAfter: number
  /** A session whose oldest request is older fails. */
  readonly giveUpAfter: number
  /** Headers per request, up to 2,000. */
  readonly batch: number
  /** Headers of a fork that are kept in memory while it has less work than the best chain. */
  readonly maxCandidate: number
  /** The best chain has changed: the height of the last header that stayed. In the middle of a step: must not call back. */
  readonly onChange: (shared: number) => void
  /** After a step that changed the best chain. */
  readonly wake: () => void
}

/** The instant at which something happens. */
export interface Moment {
  /** Monotonic milliseconds. */
  readonly now: number
  /** Seconds since 1970. */
  readonly wall: number
  readonly random: () => number
}

/** What to send next; `sent` once it was. */
export interface Outgoing {
  readonly bytes: Uint8Array
  readonly sent: () => void
}

const nothing = (): void => undefined

const hello = encodeMessage({ _tag: "Hello", version: protocolVersion })

/** The best chain as it is announced: the same to all who know as much of it. */
interface Announcing {
  readonly tip: Tip
  /** By the height of the first header told: 16 at most. */
  readonly messages: Map<number, Uint8Array>
}

export class Core {
  readonly index: HeaderIndex
  readonly #options: CoreOptions
  readonly #peers = new Set<Peer>()
  /** Those of whom something is to be had, or awaited, and perhaps others: most sessions are with peers that have what we have. */
  readonly #stirring = new Set<Peer>()
  #latest: Announcing | undefined
  /**
   * Who is to be woken. That happens at the end of a step, because a woken fiber may run at once, and call back: it must find
   * everything in order.
   */
  #toWake = new Set<() => void>()

  /** With an index that has its genesis. */
  constructor(index: HeaderIndex, options: CoreOptions) {
    this.index = index
    this.#options = options
  }

  get sessions(): number {
    return this.#peers.size
  }

  /** Whether some session is fetching headers. */
  get downloading(): boolean {
    return this.#downloader !== undefined
  }

  /** Of the best chain that any running session announced; never below our own height. */
  get bestAnnounced(): number {
    let best = this.index.height
    for (const { remote } of this.#stirring) {
      if (remote !== undefined && remote.work > this.index.work) best = Math.max(best, remote.height)
    }
    return best
  }

  /** Seconds that the clock seems to be behind: 0 unless a header from the future is being waited for. */
  get clockBehind(): number {
    let behind = 0
    for (const peer of this.#peers) behind = Math.max(behind, peer.ahead)
    return behind
  }

  join(handle: PeerHandle): Peer {
    const peer: Peer = {
      handle,
      saidHello: false,
      version: undefined,
      remote: undefined,
      announced: undefined,
      download: undefined,
      outstanding: [],
      progressAt: 0,
      deferredUntil: -Infinity,
      ahead: 0,
      exhausted: false,
      toSend: [],
      toServe: [],
      piece: maxBatch,
      ended: false
    }
    this.#peers.add(peer)
    return peer
  }

  leave(peer: Peer, moment: Moment): void {
    this.#peers.delete(peer)
    this.#stirring.delete(peer)
    this.#settle(moment)
    this.#wakeAll()
  }

  /** A message has come. Gives how it breaks the protocol, if it does; the session must then fail. */
  receive(peer: Peer, bytes: Uint8Array, moment: Moment): string | undefined {
    const message = decodeMessage(bytes)
    if (message._tag === "Malformed") return message.what
    if ((message._tag === "Hello") === (peer.version !== undefined)) return "a hello is missing, or comes twice"
    const violation = this.#handle(peer, message, moment)
    if (violation === undefined) this.#settle(moment)
    this.#wakeAll()
    return violation
  }

  #handle(peer: Peer, message: Exclude<ReturnType<typeof decodeMessage>, { _tag: "Malformed" }>, moment: Moment) {
    switch (message._tag) {
      case "Hello":
        peer.version = Math.min(message.version, protocolVersion)
        this.#toWake.add(peer.handle.wake)
        return undefined
      case "Announce":
        return this.#onAnnounce(peer, message, moment)
      case "Get":
        if (peer.toServe.length >= maxOutstanding) return `more than ${maxOutstanding} requests at once`
        peer.toServe.push({ get: message, served: 0 })
        this.#toWake.add(peer.handle.wake)
        return undefined
      case "Headers":
        return this.#onHeaders(peer, message, moment)
      case "Gone": {
        const request = peer.outstanding.shift()
        if (request === undefined) return "an answer that nobody asked for"
        peer.progressAt = moment.now
        // It may have announced its new chain already, ahead of this.
        if (peer.download === request.download) this.#abandon(peer, peer.remote === request.download.pin)
        return undefined
      }
    }
  }

  #onAnnounce(peer: Peer, message: Announce, moment: Moment): string | undefined {
    const heard: Announced = hear(this.#options.params, this.index, message, peer.remote, moment.wall)
    if (heard._tag === "Violation") return heard.what
    peer.remote = heard.tip
    peer.exhausted = false
    peer.ahead = 0
    if (heard.branch !== undefined) this.#adopt(heard.branch)
    if (heard.future !== undefined) this.#defer(peer, heard.future, moment)
    if (heard.tip.work > this.index.work) this.#stirring.add(peer)
    return undefined
  }

  #onHeaders(peer: Peer, { headers }: Headers, moment: Moment): string | undefined {
    const request = peer.outstanding[0]
    if (request === undefined) return "an answer that nobody asked for"
    const wrong = countAnswer(request, headers)
    if (wrong !== undefined) return wrong
    if (request.remaining === 0) {
      peer.outstanding.shift()
      // Whole requests count as progress: a header now and then does not keep the others waiting.
      peer.progressAt = moment.now
    }
    const { download } = request
    if (download !== peer.download) return undefined
    const { maxCandidate, params } = this.#options
    const received = receive(params, this.index, download, headers, {
      now: moment.wall,
      maxCandidate,
      adopted: (shared) => this.#changed(shared)
    })
    switch (received._tag) {
      case "Violation":
        return received.what
      case "More":
        this.#ask(peer)
        return undefined
      case "Done":
        peer.download = undefined
        return undefined
      case "Abandon":
        this.#abandon(peer, received.why === "too-long")
        if (received.why === "future") this.#defer(peer, received.bad, moment)
        return undefined
    }
  }

  /** Headers made here. Gives the first that does not count; those before it are part of the best chain if it has most work. */
  add(headers: Uint8Array, moment: Moment): BadHeader | undefined {
    const base = this.index.find(headers.subarray(4, 36))
    if (base < 0) return { height: this.index.height + 1, fault: { _tag: "link" } }
    const branch = new Branch(this.index, base)
    const bad = extend(this.#options.params, branch, headers, moment.wall)
    this.#adopt(branch)
    this.#settle(moment)
    this.#wakeAll()
    return bad
  }

  /** What a session has to say, the most urgent first: nothing while undefined. Ask again once it was sent. */
  next(peer: Peer): Outgoing | undefined {
    if (!peer.saidHello) {
      return { bytes: hello, sent: () => void (peer.saidHello = true) }
    }
    if (peer.version === undefined) return undefined
    const news = this.#announcement(peer)
    if (news !== undefined) return news
    const message = peer.toSend.shift()
    if (message !== undefined) return { bytes: encodeMessage(message), sent: nothing }
    const serving = peer.toServe[0]
    if (serving === undefined) return undefined
    const { last, message: reply } = answer(this.index, serving.get, serving.served, peer.piece)
    const sent = () => {
      if (reply._tag === "Headers") serving.served += reply.headers.length / headerSize
      if (last) peer.toServe.shift()
    }
    return { bytes: encodeMessage(reply), sent }
  }

  /** A message did not fit into what both ends agreed on, in bytes. False where not even one header would. */
  tooLarge(peer: Peer, limit: number): boolean {
    peer.piece = Math.min(headersThatFit(limit), peer.piece - 1)
    return peer.piece >= 1
  }

  /** Time has passed: call at `deadline`. */
  tick(moment: Moment): void {
    this.#settle(moment)
    this.#wakeAll()
  }

  /** When something becomes due although nothing happens, in monotonic milliseconds. Changes with every event. */
  deadline(now: number): number | undefined {
    const { giveUpAfter, stallAfter } = this.#options
    let next = Infinity
    const downloader = this.#downloader
    for (const peer of this.#stirring) {
      if (peer.outstanding.length > 0 && !peer.ended) next = Math.min(next, peer.progressAt + giveUpAfter)
      if (peer.deferredUntil > now) next = Math.min(next, peer.deferredUntil)
      else if (downloader !== undefined && this.#eligible(peer, now)) {
        next = Math.min(next, downloader.progressAt + stallAfter)
      }
    }
    return next === Infinity ? undefined : next
  }

  get #downloader(): Peer | undefined {
    for (const peer of this.#stirring) if (peer.download !== undefined) return peer
    return undefined
  }

  #isStirring({ download, outstanding, remote }: Peer): boolean {
    return outstanding.length > 0 || download !== undefined || (remote !== undefined && remote.work > this.index.work)
  }

  /** Whether a session could fetch what we lack, and isn't at it. */
  #eligible(peer: Peer, now: number): boolean {
    return peer.remote !== undefined && peer.remote.work > this.index.work && peer.outstanding.length === 0 &&
      peer.download === undefined && !peer.exhausted && !peer.ended && peer.deferredUntil <= now
  }

  /** Fails sessions that don't answer, and has exactly one session fetch what is missing, if one can. */
  #settle({ now, random }: Moment): void {
    if (this.#stirring.size === 0) return
    const { giveUpAfter, stallAfter } = this.#options
    const eligible: Array<Peer> = []
    for (const peer of this.#stirring) {
      // Our work only grows: who has nothing for us now has nothing until it announces again.
      if (!this.#isStirring(peer)) this.#stirring.delete(peer)
      if (peer.outstanding.length > 0 && now - peer.progressAt >= giveUpAfter && !peer.ended) {
        peer.ended = true
        this.#abandon(peer, true)
        this.#toWake.add(() => peer.handle.stalled(new HeaderSyncStalled({ afterMillis: giveUpAfter })))
      }
      if (this.#eligible(peer, now)) eligible.push(peer)
    }
    if (eligible.length === 0) return
    const downloader = this.#downloader
    if (downloader !== undefined) {
      if (now - downloader.progressAt < stallAfter) return
      this.#abandon(downloader, false)
    }
    // Any of them, not the one that claims most: claims are free.
    const chosen = eligible[Math.min(eligible.length - 1, Math.floor(random() * eligible.length))]
    if (chosen?.remote === undefined) return
    chosen.download = startDownload(this.index, chosen.remote)
    chosen.progressAt = now
    chosen.ahead = 0
    this.#ask(chosen)
  }

  #ask(peer: Peer): void {
    if (peer.download === undefined) return
    for (let next = nextGet(peer.download, peer.outstanding.length, this.#options.batch); next !== undefined;) {
      peer.outstanding.push(next.request)
      peer.toSend.push(next.get)
      next = nextGet(peer.download, peer.outstanding.length, this.#options.batch)
    }
    this.#toWake.add(peer.handle.wake)
  }

  #abandon(peer: Peer, exhausted: boolean): void {
    if (peer.download !== undefined) peer.download.abandoned = true
    peer.download = undefined
    peer.exhausted ||= exhausted
  }

  #defer(peer: Peer, { fault }: BadHeader, { now, wall }: Moment): void {
    if (fault._tag !== "future") return
    peer.ahead = fault.found - futureLimit - wall
    peer.deferredUntil = now + Math.min(Math.max(peer.ahead, 1), 600) * 1000
  }

  #adopt(branch: Branch): void {
    if (branch.work > this.index.work) this.#changed(branch.adopt())
  }

  #changed(shared: number): void {
    this.#options.onChange(shared)
    this.#toWake.add(this.#options.wake)
    for (const peer of this.#peers) this.#toWake.add(peer.handle.wake)
  }

  #wakeAll(): void {
    if (this.#toWake.size === 0) return
    const woken = this.#toWake
    this.#toWake = new Set()
    for (const wake of woken) wake()
  }

  /** Due once at the beginning, and whenever ours has more work than what either end announced. */
  #announcement(peer: Peer): Outgoing | undefined {
    const { index } = this
    const { announced, remote } = peer
    if (
      announced !== undefined && (index.work <= announced.work || (remote !== undefined && index.work <= remote.work))
    ) {
      return undefined
    }
    const { messages, tip } = this.#announcing
    const first = Math.min(Math.max(this.#shared(peer) + 1, tip.height - maxAnnounced + 1), tip.height)
    let bytes = messages.get(first)
    if (bytes === undefined) {
      const headers = index.slice(first, tip.height + 1)
      bytes = encodeMessage({ _tag: "Announce", height: tip.height, work: tip.work, headers })
      messages.set(first, bytes)
    }
    return { bytes, sent: () => void (peer.announced = tip) }
  }

  /** Each chain that becomes the best has more work than the one before. */
  get #announcing(): Announcing {
    const { height, work } = this.index
    if (this.#latest?.tip.work === work) return this.#latest
    return this.#latest = { tip: { height, work, hash: this.index.tipHash }, messages: new Map() }
  }

  /** Up to where the peer surely has our chain: by what either end has announced. */
  #shared({ announced, remote }: Peer): number {
    const { index } = this
    const heightOf = (tip: Tip | undefined) => tip !== undefined && index.isAt(tip.hash, tip.height) ? tip.height : 0
    return Math.max(heightOf(announced), heightOf(remote))
  }
}
