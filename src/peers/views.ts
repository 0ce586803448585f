/** What readers are shown of the book. Most stays as it was from one question to the next, and is shown as the same object. */
import { Option } from "effect"
import {
  type Address,
  type CandidateFacts,
  type Chain,
  chainId,
  type PeerFacts,
  type PeerId,
  type Standing
} from "../../signatures/index.ts"
import { clear, standingOf } from "./standing.ts"
import { type BookChange, type BookState, type Entry, untriedAddress } from "./state.ts"

/** Proven before unproven, fewest failures, most recent success; else as the peer or the user ordered them. */
const bestFirst = ({ given, health, learnt }: Entry): ReadonlyArray<Address> => {
  const healthOf = (address: Address) => health.addresses.get(address) ?? untriedAddress
  return [...new Set([...given, ...learnt])].toSorted((x, y) => {
    const [a, b] = [healthOf(x), healthOf(y)]
    const proven = Number(b.lastSuccess !== undefined) - Number(a.lastSuccess !== undefined)
    if (proven !== 0) return proven
    return a.failures - b.failures || (b.lastSuccess ?? 0) - (a.lastSuccess ?? 0)
  })
}

/** An entry, and what is shown of it. */
interface Shown {
  readonly entry: Entry
  readonly facts: PeerFacts
  /** As a candidate of a chain with which nothing is wrong. */
  readonly candidate: CandidateFacts
}

const hasSameAddresses = (a: Entry, b: Entry): boolean =>
  a.given === b.given && a.learnt === b.learnt && a.health.addresses === b.health.addresses

/** A session that ends changes neither the addresses of its peer nor its chains, and it is most that ever happens. */
const shownOf = (entry: Entry, before: Shown | undefined): Shown => {
  const { chains, health, peer, source, sticky } = entry
  const { failures, firstSuccess, lastSuccess, remembered } = health
  const facts: PeerFacts = {
    peer,
    addresses: before !== undefined && hasSameAddresses(before.entry, entry)
      ? before.facts.addresses
      : bestFirst(entry),
    chains: before !== undefined && before.entry.chains === chains
      ? before.facts.chains
      : chains === undefined
      ? Option.none()
      : Option.some([...chains.values()]),
    sticky,
    lastSuccess: Option.fromUndefinedOr(lastSuccess),
    ...(firstSuccess === undefined ? {} : { firstSuccess }),
    ...(remembered === undefined ? {} : { remembered }),
    ...(source === undefined ? {} : { source }),
    failures
  }
  return { entry, facts, candidate: { ...facts, standing: clear } }
}

const isSameStanding = (a: Standing, b: Standing): boolean =>
  a === b || (a._tag !== "Clear" && b._tag === a._tag && a.until === b.until)

/** Whether time has changed it. A suspicion of ourselves may end it before. */
const isOver = (standing: Standing, now: number): boolean => standing._tag !== "Clear" && standing.until <= now

interface Candidate {
  readonly entry: Entry
  readonly facts: CandidateFacts
}

/** The candidates of one chain. */
interface List {
  readonly byPeer: Map<PeerId, CandidateFacts>
  /** Those that wait, or have failed on this chain: what is shown of the others is the same for all chains, and time changes nothing. */
  readonly odd: Map<PeerId, Candidate>
  /** How many of the changes are in it. */
  upTo: number
  /** `byPeer` as it was given out, until that changes. */
  given: ReadonlyArray<CandidateFacts> | undefined
}

export class Views {
  /** So many are remembered for lists that are asked for seldom. */
  readonly #maxChanges: number
  readonly #shown = new Map<PeerId, Shown>()
  /** By `chainId`. One that was not asked for during the last changes is forgotten. */
  readonly #lists = new Map<string, List>()
  /** Of which peers something has changed, one after the other. */
  #changes: Array<PeerId> = []

  constructor(maxChanges = 1_024) {
    this.#maxChanges = maxChanges
  }

  factsOf(entry: Entry): PeerFacts {
    return this.#shownOf(entry).facts
  }

  #shownOf(entry: Entry): Shown {
    const before = this.#shown.get(entry.peer)
    if (before?.entry === entry) return before
    const shown = shownOf(entry, before)
    this.#shown.set(entry.peer, shown)
    return shown
  }

  /** To be told of each change. Of peers that it doesn't name nothing else is seen than before, but for what time does. */
  changed({ peers, seen }: BookChange): void {
    for (const [peer, entry] of peers) if (entry === undefined) this.#shown.delete(peer)
    if (this.#lists.size === 0) return
    for (const peer of seen) this.#changes.push(peer)
    if (this.#changes.length > this.#maxChanges) this.#forgetOldChanges()
  }

  #forgetOldChanges(): void {
    const old = this.#changes.length - Math.floor(this.#maxChanges / 2)
    this.#changes = this.#changes.slice(old)
    for (const [id, list] of this.#lists) {
      list.upTo -= old
      if (list.upTo < 0) this.#lists.delete(id)
    }
  }

  candidates(state: BookState, chain: Chain, now: number): ReadonlyArray<CandidateFacts> {
    const id = chainId(chain)
    let list = this.#lists.get(id)
    if (list === undefined) {
      list = { byPeer: new Map(), odd: new Map(), upTo: this.#changes.length, given: undefined }
      this.#lists.set(id, list)
      for (const peer of state.peers.keys()) this.#update(list, peer, state, id, now)
    } else {
      const isCalm = state.suspicion._tag === "Calm"
      for (const [peer, { facts }] of list.odd) {
        if (!isCalm || isOver(facts.standing, now)) this.#update(list, peer, state, id, now)
      }
      for (; list.upTo < this.#changes.length; list.upTo++) {
        const peer = this.#changes[list.upTo]
        if (peer !== undefined) this.#update(list, peer, state, id, now)
      }
    }
    return list.given ??= [...list.byPeer.values()]
  }

  #update(list: List, peer: PeerId, state: BookState, id: string, now: number): void {
    const entry = state.peers.get(peer)
    if (entry === undefined || (entry.chains !== undefined && !entry.chains.has(id))) {
      list.odd.delete(peer)
      if (list.byPeer.delete(peer)) list.given = undefined
      return
    }
    const facts = this.#candidateOf(list.odd, entry, id, standingOf(state, peer, entry.health, id, now))
    if (facts === list.byPeer.get(peer)) return
    list.byPeer.set(peer, facts)
    list.given = undefined
  }

  #candidateOf(odd: List["odd"], entry: Entry, id: string, standing: Standing): CandidateFacts {
    const { candidate, facts } = this.#shownOf(entry)
    const failures = entry.health.pairs.get(id)?.failures ?? 0
    if (standing === clear && failures === 0) {
      odd.delete(entry.peer)
      return candidate
    }
    const before = odd.get(entry.peer)
    if (before?.entry === entry && isSameStanding(before.facts.standing, standing)) return before.facts
    const made = { ...facts, failures: facts.failures + failures, standing }
    odd.set(entry.peer, { entry, facts: made })
    return made
  }
}
