/** What the book knows, as plain data. Entries are never mutated: an entry that is the same object has not changed. */
import type { Address, Chain, HistoryLine, PeerId, PeerSource } from "../../signatures/index.ts"
import type { Dialled } from "./anchors.ts"
import type { Suspicion } from "./suspicion.ts"

export interface AddressHealth {
  /** Since its last success. */
  readonly failures: number
  /** Monotonic milliseconds. */
  readonly lastSuccess: number | undefined
}

/** Of (peer, chain). Times in monotonic milliseconds; `never` where there is none. */
export interface PairHealth {
  readonly failures: number
  readonly coolUntil: number
  readonly incompatibleUntil: number
}

/** What charges change, and nothing else: what a suspicion of ourselves rolls back. */
export interface Health {
  readonly failures: number
  readonly coolUntil: number
  readonly firstSuccess: number | undefined
  readonly lastSuccess: number | undefined
  readonly addresses: ReadonlyMap<Address, AddressHealth>
  /** By `chainId`. */
  readonly pairs: ReadonlyMap<string, PairHealth>
  /** Oldest first, bounded. Part of the health, so that what is taken back is not told either. */
  readonly history: ReadonlyArray<HistoryLine>
  /** From an earlier process, and nothing was heard of it since. An anchor was linked to us at the end of that. */
  readonly remembered: "anchor" | "peer" | undefined
}

export interface Entry {
  readonly peer: PeerId
  /** Of the newest signed record; -1 before the first. */
  readonly sequence: bigint
  /** The user's word: no record takes these away. */
  readonly given: ReadonlyArray<Address>
  /** From the newest signed record. */
  readonly learnt: ReadonlyArray<Address>
  /** Address groups of both, each once. */
  readonly groups: ReadonlyArray<string>
  /** By `chainId`; undefined while the peer has not said. */
  readonly chains: ReadonlyMap<string, Chain> | undefined
  readonly sticky: ReadonlySet<string>
  /** Whose word the newest of its addresses are. */
  readonly source: PeerSource | undefined
  /** When we last heard of it, in monotonic milliseconds. */
  readonly heard: number
  readonly health: Health
}

/** `until` in monotonic milliseconds. Kept for a while after that, so that the next one is longer. */
export interface Ban {
  readonly until: number
  /** How many violations it stands for; 0 if there was none. */
  readonly times: number
  /** When it began. */
  readonly at: number
  readonly by: "violation" | "hand"
  /** The user's word for it. */
  readonly reason?: string
}

/** The links that are up: what proves that our own end works. */
export interface Links {
  /** To addresses that have a group: globally routable ones. */
  readonly global: number
  /** To all others. */
  readonly local: number
  /** When the last one went down, in monotonic milliseconds. */
  readonly downAt: number
  /** When our own end was last known to have been cut off, in monotonic milliseconds. */
  readonly cutOffAt: number
  /** Those that we have dialled. */
  readonly dialled: ReadonlyMap<PeerId, Dialled>
}

export interface BookState {
  readonly peers: ReadonlyMap<PeerId, Entry>
  /** Apart from the peers, so that evicting one doesn't forgive it. */
  readonly bans: ReadonlyMap<PeerId, Ban>
  /** Addresses of our own, which nobody can teach us as theirs. */
  readonly own: ReadonlySet<Address>
  readonly links: Links
  readonly suspicion: Suspicion
}

export const never = Number.NEGATIVE_INFINITY

export const untriedAddress: AddressHealth = { failures: 0, lastSuccess: undefined }
export const untriedPair: PairHealth = { failures: 0, coolUntil: never, incompatibleUntil: never }
const untried: Health = {
  failures: 0,
  coolUntil: never,
  firstSuccess: undefined,
  lastSuccess: undefined,
  addresses: new Map(),
  pairs: new Map(),
  history: [],
  remembered: undefined
}

export const newEntry = (peer: PeerId, now: number): Entry => ({
  peer,
  sequence: -1n,
  given: [],
  learnt: [],
  groups: [],
  chains: undefined,
  sticky: new Set(),
  source: undefined,
  heard: now,
  health: untried
})

/** It is there, or somebody says so: no mere memory any more. */
export const heardOf = (entry: Entry, now: number): Entry => ({
  ...entry,
  heard: now,
  health: entry.health.remembered === undefined ? entry.health : { ...entry.health, remembered: undefined }
})

export const noLinks: Links = { global: 0, local: 0, downAt: never, cutOffAt: never, dialled: new Map() }

export const emptyBook = (suspicion: Suspicion): BookState => ({
  peers: new Map(),
  bans: new Map(),
  own: new Set(),
  links: noLinks,
  suspicion
})

/** What a decision changes. `undefined` forgets. */
export interface BookChange {
  readonly peers: ReadonlyMap<PeerId, Entry | undefined>
  readonly bans: ReadonlyMap<PeerId, Ban | undefined>
  readonly own: ReadonlySet<Address>
  readonly links: Links
  readonly suspicion: Suspicion
  /** Peers about which a reader of the book may see something new. */
  readonly seen: ReadonlySet<PeerId>
}

/** A state with changes on top of it, while a decision is taken. */
export class Draft {
  readonly #state: BookState
  readonly #peers = new Map<PeerId, Entry | undefined>()
  readonly #bans = new Map<PeerId, Ban | undefined>()
  readonly #seen = new Set<PeerId>()
  #forgotten = 0
  #added = 0
  own: ReadonlySet<Address>
  links: Links
  suspicion: Suspicion

  constructor(state: BookState) {
    this.#state = state
    this.own = state.own
    this.links = state.links
    this.suspicion = state.suspicion
  }

  get(peer: PeerId): Entry | undefined {
    return this.#peers.has(peer) ? this.#peers.get(peer) : this.#state.peers.get(peer)
  }

  put(entry: Entry): void {
    const before = this.get(entry.peer)
    if (before === entry) return
    if (before === undefined) this.#added++
    this.#peers.set(entry.peer, entry)
    this.#seen.add(entry.peer)
  }

  forget(peer: PeerId): void {
    if (this.get(peer) === undefined) return
    this.#forgotten++
    this.#peers.set(peer, undefined)
    this.#seen.add(peer)
  }

  get size(): number {
    return this.#state.peers.size + this.#added - this.#forgotten
  }

  *entries(): Generator<Entry> {
    for (const [peer, entry] of this.#state.peers) if (!this.#peers.has(peer)) yield entry
    for (const entry of this.#peers.values()) if (entry !== undefined) yield entry
  }

  ban(peer: PeerId): Ban | undefined {
    return this.#bans.has(peer) ? this.#bans.get(peer) : this.#state.bans.get(peer)
  }

  putBan(peer: PeerId, ban: Ban | undefined): void {
    this.#bans.set(peer, ban)
    this.#seen.add(peer)
  }

  *bans(): Generator<readonly [PeerId, Ban]> {
    for (const [peer, ban] of this.#state.bans) if (!this.#bans.has(peer)) yield [peer, ban]
    for (const [peer, ban] of this.#bans) if (ban !== undefined) yield [peer, ban]
  }

  notice(peer: PeerId): void {
    this.#seen.add(peer)
  }

  change(): BookChange {
    const { links, own, suspicion } = this
    return { peers: this.#peers, bans: this.#bans, own, links, suspicion, seen: this.#seen }
  }
}
