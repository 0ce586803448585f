/** What records and announcements change in the book. Pure. */
import { Option } from "effect"
import {
  type Address,
  addressFacts,
  type Chain,
  chainId,
  type PeerId,
  type PeerRecord,
  type PeerSource,
  withoutPeer
} from "../../signatures/index.ts"
import { evict } from "./bounds.ts"
import type { Bounds, Setting } from "./options.ts"
import { charge } from "./record.ts"
import { type BookChange, type BookState, Draft, type Entry, heardOf, newEntry, untriedPair } from "./state.ts"
import { addressesOf } from "./suspicion.ts"

const isUsersWord = (source: PeerSource): boolean => source === "config" || source === "bootstrap"

/** Whether a stranger's word for this address may be taken, and dialled later. */
export const isAcceptable = (address: Address, bounds: Bounds): boolean => {
  const { isName, port, scope, transport } = addressFacts(address)
  if (isName || scope === "reserved" || (port === 0 && transport !== "memory")) return false
  if (address.includes("/p2p-circuit")) return false
  return scope === "global" || (scope === "loopback" ? bounds.allowLoopback : bounds.allowPrivate)
}

/** What an announcement on the local network may teach, that nobody has signed: places on that network. */
const isNearby = (address: Address, bounds: Bounds): boolean =>
  addressFacts(address).scope !== "global" && isAcceptable(address, { ...bounds, allowPrivate: true })

/** Without their peer, each once; none that says it belongs to another peer. */
const addressesOfRecord = (record: PeerRecord): ReadonlyArray<Address> => [
  ...new Set(
    record.addresses
      .filter((address) => Option.getOrElse(addressFacts(address).peer, () => record.peer) === record.peer)
      .map(withoutPeer)
  )
]

export const groupsOf = (addresses: Iterable<Address>): ReadonlyArray<string> => [
  ...new Set([...addresses].flatMap((address) => Option.toArray(addressFacts(address).group)))
]

const withAddresses = (
  entry: Entry,
  given: ReadonlyArray<Address>,
  learnt: ReadonlyArray<Address>,
  bounds: Bounds
): Entry => {
  const most = bounds.maxAddressesPerPeer
  const next = { ...entry, given: given.slice(0, most), learnt: learnt.slice(0, Math.max(0, most - given.length)) }
  const known = addressesOf(next)
  const addresses = new Map([...entry.health.addresses].filter(([address]) => known.has(address)))
  return { ...next, groups: groupsOf(known), health: { ...entry.health, addresses } }
}

export const learn = (
  state: BookState,
  { bounds, self }: Setting,
  record: PeerRecord,
  source: PeerSource,
  now: number
): BookChange => {
  const draft = new Draft(state)
  const { peer } = record
  const usersWord = isUsersWord(source)
  const addresses = addressesOfRecord(record)
  if (peer === self) {
    if (usersWord) draft.own = new Set([...state.own, ...addresses])
    return draft.change()
  }
  const entry = draft.get(peer) ?? newEntry(peer, now)
  const foreign = addresses.filter((address) => !state.own.has(address))
  if (usersWord) {
    // With a peer of the user's we begin as if nothing had gone wrong with it in an earlier process.
    const fresh = entry.health.remembered === undefined
      ? entry
      : { ...entry, health: { ...entry.health, failures: 0, remembered: undefined } }
    const given = [...new Set([...entry.given, ...foreign])]
    draft.put(withAddresses({ ...fresh, source: entry.source ?? source }, given, entry.learnt, bounds))
  } else if (source === "mdns") {
    const known = addressesOf(entry)
    const some = foreign.slice(0, 4 * bounds.maxAddressesPerPeer)
    const found = some.filter((address) => isNearby(address, bounds) && !known.has(address))
    if (found.length === 0) return draft.change()
    const learnt = [...entry.learnt, ...found]
    draft.put(withAddresses({ ...heardOf(entry, now), source: entry.source ?? source }, entry.given, learnt, bounds))
  } else {
    // What a peer says itself on its link is its newest word, though its clock may have been ahead when it sealed an earlier one.
    const isOlder = source !== "info" && record.sequence < entry.sequence
    if (isOlder || record.sequence === entry.sequence) {
      // Nothing new about where it is, but somebody still speaks of it.
      if (entry.health.remembered !== undefined) draft.put(heardOf(entry, now))
      return draft.change()
    }
    // Bounded before anything is looked at closely.
    const some = foreign.slice(0, 4 * bounds.maxAddressesPerPeer)
    // What was announced nearby stays once the peer has signed it.
    const isKnownNearby = (address: Address) => entry.learnt.includes(address) && isNearby(address, bounds)
    const learnt = some.filter((address) =>
      (isAcceptable(address, bounds) || isKnownNearby(address)) && !entry.given.includes(address)
    )
    // What proves nothing must not push a peer out that can be reached.
    if (learnt.length === 0 && draft.get(peer) === undefined) return draft.change()
    const heard = { ...heardOf(entry, now), sequence: record.sequence, source }
    draft.put(withAddresses(heard, entry.given, learnt, bounds))
  }
  evict(draft, peer, bounds, now)
  return draft.change()
}

const byId = (chains: ReadonlyArray<Chain>): ReadonlyMap<string, Chain> =>
  new Map(chains.map((chain) => [chainId(chain), chain]))

export type ChainsChange =
  | { readonly set: ReadonlyArray<Chain> }
  | { readonly added: ReadonlyArray<Chain>; readonly removed: ReadonlyArray<Chain> }

export const learnChains = (
  state: BookState,
  { bounds, self }: Setting,
  peer: PeerId,
  change: ChainsChange,
  now: number
): BookChange => {
  const draft = new Draft(state)
  if (peer === self) return draft.change()
  const known = draft.get(peer)
  const entry = known ?? newEntry(peer, now)
  const before = entry.chains ?? new Map<string, Chain>()
  const removed = byId("removed" in change ? change.removed : [])
  const all = "set" in change
    ? byId(change.set)
    : new Map([...[...before].filter(([id]) => !removed.has(id)), ...byId(change.added)])
  const chains = new Map([...all].slice(0, bounds.maxChainsPerPeer))
  draft.put({ ...heardOf(entry, now), chains })
  if (known === undefined) evict(draft, peer, bounds, now)
  // Asked too early, it was incompatible; now that it serves the chain it is not.
  const news = [...chains.keys()].filter((id) =>
    !before.has(id) && (entry.health.pairs.get(id) ?? untriedPair).incompatibleUntil > now
  )
  if (news.length > 0 && draft.get(peer) !== undefined) {
    const told = { what: "says that it serves the chain" }
    charge(draft, peer, { pair: { chains: news, verdict: { _tag: "compatible" } }, told }, undefined, now, 0)
  }
  return draft.change()
}

export const stick = (
  state: BookState,
  { bounds, self }: Setting,
  peer: PeerId,
  owner: string,
  now: number
): BookChange => {
  const draft = new Draft(state)
  const known = draft.get(peer)
  const entry = known ?? newEntry(peer, now)
  if (peer !== self && !entry.sticky.has(owner)) {
    draft.put({ ...entry, sticky: new Set([...entry.sticky, owner]) })
    if (known === undefined) evict(draft, peer, bounds, now)
  }
  return draft.change()
}

export const unstick = (
  state: BookState,
  { bounds }: Setting,
  peer: PeerId,
  owner: string,
  now: number
): BookChange => {
  const draft = new Draft(state)
  const entry = draft.get(peer)
  if (entry?.sticky.has(owner) === true) {
    draft.put({ ...entry, sticky: new Set([...entry.sticky].filter((other) => other !== owner)) })
    evict(draft, peer, bounds, now)
  }
  return draft.change()
}
