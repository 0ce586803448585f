/** What the lines of a file mean here and now: other clocks, and perhaps other options. Pure. */
import { type Address, chainId, type PeerId } from "../../signatures/index.ts"
import { groupsOf, isAcceptable } from "./learn.ts"
import type { BanLine, ClocksLine, PeerLine } from "./lines.ts"
import type { Setting } from "./options.ts"
import { reasonOf } from "./record.ts"
import { type AddressHealth, type Ban, type Entry, newEntry } from "./state.ts"
import { banMemoryMillis, longestBanMillis } from "./table.ts"

export interface RestoredBook {
  readonly peers: ReadonlyMap<PeerId, Entry>
  readonly bans: ReadonlyMap<PeerId, Ban>
}

/** A ban that held when it was written goes on for so long at least, whatever the wall clock says. */
const leastBanMillis = 10 * 60_000
const longestMillis = 10 * longestBanMillis("hand")

/** Where the file's times lie on our own clock. */
class Clocks {
  readonly #then: number
  readonly now: number
  readonly elapsed: number

  constructor({ now: then, written }: ClocksLine, now: number, wallNow: number) {
    this.#then = then
    this.now = now
    // A wall clock that went back is taken as one that stood still.
    this.elapsed = Math.min(Math.max(wallNow - written, 0), longestMillis)
  }

  /** How long before it was written, or, below 0, after. */
  age(at: number): number {
    return Math.min(this.#then - at, longestMillis)
  }

  past(at: number): number {
    return this.now - this.elapsed - Math.max(this.age(at), 0)
  }
}

/**
 * A wall clock that jumps ahead would end every ban, and one that jumps back make it longer: so what is left is neither below
 * ten minutes, unless less was left then, nor more than was left then.
 */
const restoredBan = ({ at, by, reason: written, times, until }: BanLine, clocks: Clocks): Ban => {
  const reason = reasonOf(written)
  const left = Math.min(-clocks.age(until), longestBanMillis(by))
  return {
    at: clocks.past(at),
    by,
    times,
    ...(reason === undefined ? {} : { reason }),
    until: left > 0
      ? clocks.now + Math.max(left - clocks.elapsed, Math.min(left, leastBanMillis))
      : clocks.past(until)
  }
}

const restoredEntry = (line: PeerLine, head: ClocksLine, { bounds }: Setting, clocks: Clocks): Entry => {
  const fresh = newEntry(line.peer, clocks.now)
  const past = (at: number | undefined) => at === undefined ? undefined : clocks.past(at)
  const usable = line.addresses.filter(({ at }) => isAcceptable(at, bounds)).slice(0, bounds.maxAddressesPerPeer)
  const addresses = usable.map(({ at }) => at)
  const chains = line.chains?.slice(0, bounds.maxChainsPerPeer).flatMap((index) => head.chains[index] ?? [])
  return {
    ...fresh,
    sequence: line.sequence === undefined ? fresh.sequence : BigInt(line.sequence),
    learnt: addresses,
    groups: groupsOf(addresses),
    chains: chains && new Map(chains.map((chain) => [chainId(chain), chain])),
    heard: clocks.past(line.heard),
    health: {
      ...fresh.health,
      failures: line.failures,
      // A file of an earlier version has the last one only.
      firstSuccess: past(line.firstSuccess ?? line.lastSuccess),
      lastSuccess: past(line.lastSuccess),
      addresses: new Map(
        usable.flatMap(({ at, failures, lastSuccess }): ReadonlyArray<[Address, AddressHealth]> =>
          failures === 0 && lastSuccess === undefined ? [] : [[at, { failures, lastSuccess: past(lastSuccess) }]]
        )
      ),
      remembered: line.anchor === true ? "anchor" : "peer"
    }
  }
}

/** What of these lines has a place here. The options, and so the bounds, may be others than when it was written. */
export const restored = (
  head: ClocksLine,
  lines: Iterable<PeerLine | BanLine>,
  setting: Setting,
  now: number,
  wallNow: number
): RestoredBook => {
  const { bounds, self } = setting
  const clocks = new Clocks(head, now, wallNow)
  const peers = new Map<PeerId, Entry>()
  const bans = new Map<PeerId, Ban>()
  const groups = new Map<string, number>()
  for (const line of lines) {
    if ("banned" in line) {
      const ban = restoredBan(line, clocks)
      const counts = line.banned !== self && ban.until + banMemoryMillis > now && bans.size < bounds.maxBans
      if (counts) bans.set(line.banned, ban)
      continue
    }
    const entry = restoredEntry(line, head, setting, clocks)
    const isCrowded = entry.groups.some((group) => (groups.get(group) ?? 0) >= bounds.maxPeersPerGroup)
    if (line.peer === self || isCrowded || peers.has(line.peer) || peers.size >= bounds.maxPeers) continue
    for (const group of entry.groups) groups.set(group, (groups.get(group) ?? 0) + 1)
    peers.set(line.peer, entry)
  }
  return { peers, bans }
}
