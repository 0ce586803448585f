/** A node's pure core in a small world of peers: carries its commands out by keeping them, until the test decides their end. */
import { Duration, Option, Schema } from "effect"
import {
  Address,
  type CandidateFacts,
  Chain,
  ConnectionFailed,
  LeaseFailed,
  type LinkView,
  type NodeEvent,
  type P2pNodeConfig,
  PeerId,
  Rejected,
  type RejectReason,
  type Standing
} from "../../../signatures/index.ts"
import type { PeerNews } from "../../../src/node/concern.ts"
import { isMissing } from "../../../src/node/look.ts"
import { isBusy, type Pair } from "../../../src/node/pair.ts"
import { pairOf } from "../../../src/node/pairs.ts"
import { resolveSettings } from "../../../src/node/settings.ts"
import { type Command, type Event, initialState, type State } from "../../../src/node/state.ts"
import { step } from "../../../src/node/step.ts"
import { groupOf, Views } from "../../../src/node/views.ts"

const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
export const peerId = (i: number): PeerId =>
  Schema.decodeSync(PeerId)(`peer${letters[Math.floor(i / letters.length)]}${letters[i % letters.length]}`)
export const address = (text: string): Address => Schema.decodeSync(Address)(text)
export const testChain: Chain = Chain.make({ network: "test", name: "alpha", genesis: "00" })

/** mulberry32: as good as needed, and the same everywhere. */
export const randomOf = (seed: number): () => number => {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const facts = (i: number, more: Partial<CandidateFacts> = {}): CandidateFacts => ({
  peer: peerId(i),
  // Three peers share each group.
  addresses: [address(`/ip4/${20 + Math.floor(i / 3)}.1.1.${1 + i}/tcp/7400`)],
  chains: Option.none(),
  sticky: new Set(),
  lastSuccess: Option.none(),
  failures: 0,
  standing: { _tag: "Clear" },
  ...more
})

export const rejected = (reason: RejectReason, retryAfterMillis = 3_000) =>
  new Rejected({ reason, retryAfterMillis, alternatives: [] })
const clear: Standing = { _tag: "Clear" }

export class NodeWorld {
  readonly #views = new Views()
  readonly settings
  readonly random: () => number
  now = 1_000
  state: State = initialState
  suspectsItself = false
  readonly book = new Map<PeerId, CandidateFacts>()
  readonly links = new Map<PeerId, LinkView>()
  /** Openings and sessions whose end is still to come, as the shell holds them. */
  readonly openings = new Map<number, PeerId>()
  readonly sessions = new Map<number, { readonly peer: PeerId; readonly asked: boolean }>()
  readonly announced: Array<NodeEvent> = []
  readonly complaints: Array<unknown> = []
  readonly cancelled: Array<number> = []

  constructor(config: Partial<P2pNodeConfig>, seed = 1) {
    this.settings = resolveSettings({ chain: testChain, ...config })
    this.random = randomOf(seed)
  }

  /** Of everybody who isn't Unknown. */
  get pairs(): ReadonlyMap<PeerId, Pair> {
    const all = new Map<PeerId, Pair>()
    for (const peer of this.state.pairs.met) {
      const pair = this.pairOf(peer)
      if (pair !== undefined) all.set(peer, pair)
    }
    return all
  }

  pairOf(peer: PeerId): Pair | undefined {
    return pairOf(this.state.pairs, peer)
  }

  learn(...peers: ReadonlyArray<CandidateFacts>): this {
    for (const peer of peers) this.book.set(peer.peer, peer)
    return this
  }

  stand(peer: PeerId, standing: Standing): void {
    const known = this.book.get(peer)
    if (known !== undefined) this.book.set(peer, { ...known, standing })
  }

  standing(peer: PeerId): Standing {
    const standing = this.book.get(peer)?.standing ?? clear
    return standing._tag === "Clear" || standing.until > this.now ? standing : clear
  }

  take(event: Event): ReadonlyArray<Command> {
    const [state, commands] = step(this.settings, this.state, event, this.now, this.random)
    this.state = state
    for (const command of commands) {
      if (command._tag === "Open") this.openings.set(command.attempt, command.peer)
      if (command._tag === "Announce") this.announced.push(command.event)
      if (command._tag === "Cancel") this.cancelled.push(command.attempt)
      if (command._tag === "Complain") this.complaints.push(command.cause)
      if (command._tag === "End") {
        const session = this.sessions.get(command.attempt)
        if (session !== undefined) this.sessions.set(command.attempt, { ...session, asked: true })
      }
      if (command._tag === "Accept" && event._tag === "Hello") {
        this.sessions.set(command.attempt, { peer: event.peer, asked: false })
      }
    }
    return commands
  }

  /** What the node sees now. */
  looked(isNews: boolean): Event {
    return {
      _tag: "Looked",
      isNews,
      candidates: [...this.book.values()].map((known) => ({ ...known, standing: this.standing(known.peer) })),
      links: () => this.links,
      view: (of, link, isKnown) => this.#views.of(of, link, 0, isKnown),
      suspectsItself: this.suspectsItself,
      standing: (peer) => this.standing(peer)
    }
  }

  look(isNews = true): ReadonlyArray<PeerId> {
    const commands = this.take(this.looked(isNews))
    return commands.flatMap((command) => command._tag === "Open" ? [command.peer] : [])
  }

  /** As the book tells it when a peer has changed that serves what it served before. */
  news(facts: CandidateFacts): PeerNews {
    return { facts, servesAsBefore: this.state.pairs.met.has(facts.peer), suspectsItself: this.suspectsItself }
  }

  ring(): void {
    this.take({ _tag: "Rang", standing: (peer) => this.standing(peer) })
  }

  /** Time passes, and the node is woken whenever it asked to be. */
  pass(millis: number): void {
    const end = this.now + millis
    while (this.state.wakeAt <= end) {
      this.now = Math.max(this.now, this.state.wakeAt)
      this.ring()
      if (isMissing(this.settings, this.state)) this.look(false)
    }
    this.now = end
  }

  hello(
    peer: PeerId,
    more: { readonly isSmaller?: boolean; readonly newcomer?: boolean; readonly group?: string } = {}
  ) {
    const commands = this.take({
      _tag: "Hello",
      peer,
      standing: this.standing(peer),
      isSmaller: more.isSmaller ?? true,
      newcomer: more.newcomer ?? false,
      group: more.group
    })
    const reject = commands.find((command) => command._tag === "Reject")
    return reject?.reason ?? "accepted"
  }

  attemptOf(peer: PeerId): number {
    const pair = this.pairOf(peer)
    if (!isBusy(pair)) throw new Error(`${peer} holds no slot`)
    return pair.attempt
  }

  opened(attempt: number): void {
    const peer = this.openings.get(attempt)
    if (peer === undefined) return
    this.openings.delete(attempt)
    const at = this.book.get(peer)?.addresses[0]
    const pair = this.pairOf(peer)
    const isWanted = this.state.mode === "running" && isBusy(pair) && pair.attempt === attempt
    if (!isWanted) return this.notOpened(attempt, { _tag: "Cancelled" }, peer)
    this.take({ _tag: "Opened", peer, attempt, group: at === undefined ? undefined : groupOf(at) })
    this.sessions.set(attempt, { peer, asked: false })
  }

  notOpened(
    attempt: number,
    outcome: Extract<Event, { readonly _tag: "NotOpened" }>["outcome"],
    peer = this.openings.get(attempt)
  ): void {
    this.openings.delete(attempt)
    if (peer === undefined) return
    this.take({ _tag: "NotOpened", peer, attempt, outcome, standing: this.standing(peer) })
  }

  ended(attempt: number): void {
    const session = this.sessions.get(attempt)
    if (session !== undefined) this.take({ _tag: "Ended", peer: session.peer, attempt })
  }

  released(attempt: number, failure?: ConnectionFailed): void {
    const session = this.sessions.get(attempt)
    if (session === undefined) return
    this.sessions.delete(attempt)
    const lasted = Duration.seconds(40)
    this.take({
      _tag: "Released",
      peer: session.peer,
      attempt,
      outcome: failure === undefined
        ? { _tag: "Ended", by: "remote", code: "closed", lasted }
        : { _tag: "Failed", error: failure, lasted },
      standing: this.standing(session.peer)
    })
  }

  /** Opens all that the node wants to open now, and accepts it. */
  fillUp(): this {
    this.look()
    for (const attempt of this.openings.keys()) this.opened(attempt)
    this.look()
    return this
  }
}

export const unreachable = { _tag: "NotOpened", error: new LeaseFailed({ reason: "unreachable", dials: [] }) } as const
export const limit = { _tag: "NotOpened", error: new LeaseFailed({ reason: "limit", dials: [] }) } as const
export const lost = new ConnectionFailed({ reason: "stream-lost" })
