/** Who has to leave when the book is full. Pure. */
import type { PeerId } from "../../signatures/index.ts"
import type { Bounds } from "./options.ts"
import type { Draft, Entry } from "./state.ts"
import { banMemoryMillis } from "./table.ts"

const hopelessFailures = 3

/** The user's word is worth most, then what has worked, then what may; last who is banned, gone or can't be reached. */
const rank = (entry: Entry, banned: boolean): number => {
  const { health } = entry
  if (banned) return 0
  if (entry.given.length > 0) return 4
  if (health.failures >= hopelessFailures) return 1
  return health.lastSuccess === undefined ? 2 : 3
}

const isWorse = (draft: Draft, now: number, a: Entry, b: Entry): boolean => {
  const isBanned = (entry: Entry) => (draft.ban(entry.peer)?.until ?? now) > now
  const ranks = rank(a, isBanned(a)) - rank(b, isBanned(b))
  if (ranks !== 0) return ranks < 0
  if (a.health.failures !== b.health.failures) return a.health.failures > b.health.failures
  return a.heard < b.heard
}

const worstOf = (draft: Draft, now: number, entries: Iterable<Entry>): Entry | undefined => {
  let worst: Entry | undefined
  for (const entry of entries) {
    if (entry.sticky.size === 0 && (worst === undefined || isWorse(draft, now, entry, worst))) worst = entry
  }
  return worst
}

/** Forgets peers until each of the groups of `peer` and the whole book are within bounds; `peer` itself may be one. */
export const evict = (draft: Draft, peer: PeerId, bounds: Bounds, now: number): void => {
  for (const group of draft.get(peer)?.groups ?? []) {
    const members = [...draft.entries()].filter((entry) => entry.groups.includes(group))
    if (members.length > bounds.maxPeersPerGroup) {
      const worst = worstOf(draft, now, members)
      if (worst !== undefined) draft.forget(worst.peer)
    }
  }
  if (draft.size > bounds.maxPeers) {
    const worst = worstOf(draft, now, draft.entries())
    if (worst !== undefined) draft.forget(worst.peer)
  }
}

/** Forgets bans that ended long ago, and those that end first when there are too many. */
export const evictBans = (draft: Draft, bounds: Bounds, now: number): void => {
  const bans = [...draft.bans()]
  for (const [peer, { until }] of bans) if (until + banMemoryMillis <= now) draft.putBan(peer, undefined)
  const held = bans.filter(([, { until }]) => until + banMemoryMillis > now)
  if (held.length <= bounds.maxBans) return
  const [first] = held.toSorted(([, a], [, b]) => a.until - b.until)
  if (first !== undefined) draft.putBan(first[0], undefined)
}
