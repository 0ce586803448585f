/** What the book says. Pure. */
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
import { type BookState, type Entry, type Health, never, untriedAddress, untriedPair } from "./state.ts"
import { restsUntil } from "./suspicion.ts"

/** Proven before unproven, fewest failures, most recent success; else as the peer or the user ordered them. */
const bestFirst = (entry: Entry): ReadonlyArray<Address> => {
  const health = (address: Address) => entry.health.addresses.get(address) ?? untriedAddress
  return [...new Set([...entry.given, ...entry.learnt])].toSorted((x, y) => {
    const [a, b] = [health(x), health(y)]
    const proven = Number(b.lastSuccess !== undefined) - Number(a.lastSuccess !== undefined)
    if (proven !== 0) return proven
    return a.failures - b.failures || (b.lastSuccess ?? 0) - (a.lastSuccess ?? 0)
  })
}

/** A session that ends changes neither the addresses of its peer nor its chains, and it is most that ever happens. */
const addressLists = new WeakMap<
  Health["addresses"],
  Pick<Entry, "given" | "learnt"> & { readonly addresses: ReadonlyArray<Address> }
>()

const addressesOf = (entry: Entry): ReadonlyArray<Address> => {
  const { given, health, learnt } = entry
  const before = addressLists.get(health.addresses)
  if (before?.given === given && before.learnt === learnt) return before.addresses
  const addresses = bestFirst(entry)
  addressLists.set(health.addresses, { given, learnt, addresses })
  return addresses
}

const chainLists = new WeakMap<NonNullable<Entry["chains"]>, PeerFacts["chains"]>()

const chainsOf = ({ chains }: Entry): PeerFacts["chains"] => {
  if (chains === undefined) return Option.none()
  const before = chainLists.get(chains)
  if (before !== undefined) return before
  const made = Option.some([...chains.values()])
  chainLists.set(chains, made)
  return made
}

const facts = new WeakMap<Entry, PeerFacts>()

export const factsOf = (entry: Entry): PeerFacts => {
  const cached = facts.get(entry)
  if (cached !== undefined) return cached
  const made: PeerFacts = {
    peer: entry.peer,
    addresses: addressesOf(entry),
    chains: chainsOf(entry),
    sticky: entry.sticky,
    lastSuccess: entry.health.lastSuccess === undefined ? Option.none() : Option.some(entry.health.lastSuccess),
    ...(entry.health.firstSuccess === undefined ? {} : { firstSuccess: entry.health.firstSuccess }),
    ...(entry.health.remembered === undefined ? {} : { remembered: entry.health.remembered }),
    ...(entry.source === undefined ? {} : { source: entry.source }),
    failures: entry.health.failures
  }
  facts.set(entry, made)
  return made
}

/** Monotonic milliseconds, while in the future. */
export const bannedUntil = (state: BookState, peer: PeerId, now: number): number | undefined => {
  const until = state.bans.get(peer)?.until
  return until !== undefined && until > now ? until : undefined
}

const clear: Standing = { _tag: "Clear" }

const standingOf = (
  state: BookState,
  peer: PeerId,
  health: Health | undefined,
  chain: string,
  now: number
): Standing => {
  const banned = state.bans.size === 0 ? undefined : bannedUntil(state, peer, now)
  if (banned !== undefined) return { _tag: "Banned", until: banned }
  const pair = health?.pairs.get(chain) ?? untriedPair
  if (pair.incompatibleUntil > now) return { _tag: "Incompatible", until: pair.incompatibleUntil }
  const until = Math.max(health?.coolUntil ?? never, pair.coolUntil, restsUntil(state.suspicion, peer, now) ?? never)
  return until > now ? { _tag: "Cooling", until } : clear
}

export const standing = (state: BookState, peer: PeerId, chain: Chain, now: number): Standing =>
  standingOf(state, peer, state.peers.get(peer)?.health, chainId(chain), now)

const clearFacts = new WeakMap<Entry, CandidateFacts>()

const candidateOf = (state: BookState, entry: Entry, chain: string, now: number): CandidateFacts => {
  const standing = standingOf(state, entry.peer, entry.health, chain, now)
  const failures = entry.health.pairs.get(chain)?.failures ?? 0
  if (standing !== clear || failures > 0) {
    return { ...factsOf(entry), failures: entry.health.failures + failures, standing }
  }
  // As most are at most times, and nodes ask for all of them often.
  const cached = clearFacts.get(entry)
  if (cached !== undefined) return cached
  const made = { ...factsOf(entry), standing }
  clearFacts.set(entry, made)
  return made
}

export const candidates = (state: BookState, chain: Chain, now: number): ReadonlyArray<CandidateFacts> => {
  const id = chainId(chain)
  const found: Array<CandidateFacts> = []
  for (const entry of state.peers.values()) {
    if (entry.chains === undefined || entry.chains.has(id)) found.push(candidateOf(state, entry, id, now))
  }
  return found
}
