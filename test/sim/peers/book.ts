/** The pure core of the book, driven by hand: a state, a clock that only the test moves, and a seeded draw. */
import { Duration } from "effect"
import {
  type Address,
  type Chain,
  type Charge,
  ConnectionFailed,
  type PeerId,
  type PeerSource,
  type SessionOutcome
} from "../../../signatures/index.ts"
import { historyOf } from "../../../src/peers/history.ts"
import { type ChainsChange, learn, learnChains, stick, unstick } from "../../../src/peers/learn.ts"
import { peerBookDefaults, type PeerBookOptions, type Setting } from "../../../src/peers/options.ts"
import { banByHand, record, unban } from "../../../src/peers/record.ts"
import { bannedUntil, standing } from "../../../src/peers/standing.ts"
import { type BookChange, type BookState, emptyBook } from "../../../src/peers/state.ts"
import { calm, isSuspecting } from "../../../src/peers/suspicion.ts"
import { Views } from "../../../src/peers/views.ts"

export const self = "1Se1fSe1f" as PeerId
export const chain: Chain = { network: "test", name: "alpha", genesis: "00" }
export const other: Chain = { network: "test", name: "beta", genesis: "00" }

const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
export const peerNumber = (n: number): PeerId => `1Peer${letters[Math.floor(n / 24) % 24]}${letters[n % 24]}` as PeerId

/** Each peer in an address group of its own. */
export const addressOf = (n: number, host = 1): Address =>
  `/ip4/20.${Math.floor(n / 256)}.${n % 256}.${host}/tcp/7400` as Address

const applied = (state: BookState, change: BookChange): BookState => {
  const peers = new Map(state.peers)
  for (const [peer, entry] of change.peers) {
    if (entry === undefined) peers.delete(peer)
    else peers.set(peer, entry)
  }
  const bans = new Map(state.bans)
  for (const [peer, ban] of change.bans) {
    if (ban === undefined) bans.delete(peer)
    else bans.set(peer, ban)
  }
  return { peers, bans, own: change.own, links: change.links, suspicion: change.suspicion }
}

export class TestBook {
  state = emptyBook(calm)
  now = 1_000_000
  draw = 0.5
  /** Told of all changes. */
  readonly views: Views
  readonly setting: Setting

  constructor(options: PeerBookOptions = {}, views = new Views()) {
    this.views = views
    this.setting = { self, bounds: { ...peerBookDefaults, ...options } }
  }

  apply(change: BookChange): this {
    this.state = applied(this.state, change)
    this.views.changed(change)
    return this
  }

  learn(
    peer: PeerId,
    addresses: ReadonlyArray<Address>,
    sequence = 1n,
    source: PeerSource = "info"
  ): this {
    return this.apply(learn(this.state, this.setting, { peer, sequence, addresses }, source, this.now))
  }

  chains(peer: PeerId, change: ChainsChange): this {
    return this.apply(learnChains(this.state, this.setting, peer, change, this.now))
  }

  stick(peer: PeerId, owner: string): this {
    return this.apply(stick(this.state, this.setting, peer, owner, this.now))
  }

  unstick(peer: PeerId, owner: string): this {
    return this.apply(unstick(this.state, this.setting, peer, owner, this.now))
  }

  record(charge: Charge): this {
    return this.apply(record(this.state, this.setting, charge, this.now, this.draw))
  }

  ended(peer: PeerId, outcome: SessionOutcome, on = chain): this {
    return this.record({ _tag: "SessionEnded", peer, chain: on, outcome })
  }

  ban(peer: PeerId, millis: number, reason?: string): this {
    return this.apply(banByHand(this.state, this.setting, peer, millis, reason, this.now))
  }

  unban(peer: PeerId): this {
    return this.apply(unban(this.state, peer, this.now))
  }

  history(peer: PeerId) {
    return historyOf(this.state, peer)
  }

  wait(millis: number): this {
    this.now += millis
    return this
  }

  standing(peer: PeerId, on = chain) {
    return standing(this.state, peer, on, this.now)
  }

  /** How long the peer still cools, is incompatible or banned; 0 if it may be picked. */
  left(peer: PeerId, on = chain): number {
    const standing = this.standing(peer, on)
    return standing._tag === "Clear" ? 0 : standing.until - this.now
  }

  facts(peer: PeerId) {
    const entry = this.state.peers.get(peer)
    return entry === undefined ? undefined : new Views().factsOf(entry)
  }

  candidate(peer: PeerId, on = chain) {
    return new Views().candidates(this.state, on, this.now).find((candidate) => candidate.peer === peer)
  }

  banned(peer: PeerId): boolean {
    return bannedUntil(this.state, peer, this.now) !== undefined
  }

  get suspects(): boolean {
    return isSuspecting(this.state.suspicion, this.now)
  }
}

export const failedBy = (reason: ConnectionFailed["reason"], lasted: Duration.Input = "1 second"): SessionOutcome => ({
  _tag: "Failed",
  error: new ConnectionFailed({ reason }),
  lasted: Duration.fromInputUnsafe(lasted)
})

export const endedBy = (
  by: "local" | "remote",
  code: "closed" | "rotated" | "draining" | "shutdown",
  lasted: Duration.Input = "1 second"
): SessionOutcome => ({ _tag: "Ended", by, code, lasted: Duration.fromInputUnsafe(lasted) })
