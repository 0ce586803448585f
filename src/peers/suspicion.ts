/**
 * Suspicion of ourselves: when nearly everything fails at once, it is our own end that is broken. The charges of that time
 * are taken back exactly, by replaying what remains, and none are made until something works again. A link that is up proves
 * that our end works; if it turns out to have been dead, what was charged meanwhile is taken back too.
 */
import type { Address, PeerId } from "../../signatures/index.ts"
import { healthAfter } from "./health.ts"
import { type Draft, type Entry, type Health, type Links } from "./state.ts"
import { isFailure, second, type Verdict } from "./table.ts"

/** Something that was recorded a short while ago. */
export interface Deed {
  readonly at: number
  readonly peer: PeerId
  /** The address group that it tells about. Without one it counts by the peer. */
  readonly group: string | undefined
  readonly verdict: Verdict
  readonly draw: number
  readonly before: Health
}

export type Suspicion =
  | { readonly _tag: "Calm"; readonly deeds: ReadonlyArray<Deed> }
  /** `probes`: peers that were tried meanwhile, and until when they rest. */
  | { readonly _tag: "Suspecting"; readonly until: number; readonly probes: ReadonlyMap<PeerId, number> }

const windowMillis = 10 * second
/** How long a link may have been dead before it is known to be: silence takes 12 s to tell. */
export const unheardMillis = 12 * second
const minGroups = 5
const minShare = 0.8
const maxDeeds = 512
/**
 * A suspicion that nothing confirms lapses after so long: a node whose sticky peers are really gone, or that has none, would
 * never try anybody again. If it was right, the next five failures renew it, and are taken back too.
 */
export const suspicionMillis = 3 * second
/** The rest between two tries of one peer meanwhile. */
const probeMillis = second

export const calm: Suspicion = { _tag: "Calm", deeds: [] }

export const isSuspecting = (suspicion: Suspicion, now: number): boolean =>
  suspicion._tag === "Suspecting" && now < suspicion.until

/** Until when a peer that was tried during the suspicion rests. */
export const restsUntil = (suspicion: Suspicion, peer: PeerId, now: number): number | undefined =>
  suspicion._tag === "Suspecting" && now < suspicion.until ? suspicion.probes.get(peer) : undefined

/** With one more failed try during the suspicion. */
export const probed = (
  suspicion: Extract<Suspicion, { readonly _tag: "Suspecting" }>,
  peer: PeerId,
  now: number,
  draw: number
): Suspicion => ({
  ...suspicion,
  probes: new Map(suspicion.probes).set(peer, now + probeMillis * (0.8 + 0.4 * draw))
})

/** They are in the order of time. */
const since = (deeds: ReadonlyArray<Deed>, start: number): ReadonlyArray<Deed> => {
  const first = deeds.findIndex((deed) => deed.at > start)
  return first === 0 ? deeds : first < 0 ? [] : deeds.slice(first)
}

/** Since when what failed may have failed for one reason. A link that ended lately may have hidden that for as long as it was dead. */
const windowStart = ({ downAt }: Links, now: number): number =>
  downAt > now - windowMillis ? Math.min(now - windowMillis, downAt - unheardMillis) : now - windowMillis

/**
 * Of the groups that were tried lately, judged by the last that happened to each, nearly all are broken, and no link that is up
 * proves the opposite. One within our own network proves nothing about the world outside.
 */
const nearlyAllBroken = (deeds: ReadonlyArray<Deed>, links: Links): boolean => {
  if (links.global > 0) return false
  const groups = new Map<string, boolean>()
  for (const { group, peer, verdict } of deeds) {
    const isDisproved = group === undefined && links.local > 0
    if (verdict.ourEnd !== undefined && !isDisproved) groups.set(group ?? peer, verdict.ourEnd === "broken")
  }
  const broken = [...groups.values()].filter((isBroken) => isBroken).length
  return groups.size >= minGroups && broken >= minShare * groups.size
}

export const addressesOf = (entry: Entry): ReadonlySet<Address> => new Set([...entry.given, ...entry.learnt])

const rollBack = (draft: Draft, deeds: ReadonlyArray<Deed>): ReadonlySet<PeerId> => {
  const restored = new Map<PeerId, Health>()
  for (const { at, before, draw, peer, verdict } of deeds) {
    const entry = draft.get(peer)
    if (entry === undefined) continue
    const health = restored.get(peer)
    if (isFailure(verdict)) {
      if (health === undefined) restored.set(peer, before)
    } else if (health !== undefined) {
      const known = addressesOf(entry)
      restored.set(peer, healthAfter(health, verdict, (address) => known.has(address), at, draw))
    }
  }
  for (const [peer, health] of restored) {
    const entry = draft.get(peer)
    if (entry === undefined) continue
    // Addresses that were learnt or dropped meanwhile stay so.
    const known = addressesOf(entry)
    const addresses = [...health.addresses].every(([address]) => known.has(address))
      ? health.addresses
      : new Map([...health.addresses].filter(([address]) => known.has(address)))
    draft.put({ ...entry, health: { ...health, addresses } })
  }
  return new Set(restored.keys())
}

/** Nothing was heard from anybody: what was charged since it may have begun is taken back, without any further suspicion. */
export const cutOff = (draft: Draft, now: number): void => {
  if (draft.suspicion._tag === "Suspecting") return
  const all = since(draft.suspicion.deeds, now - unheardMillis)
  rollBack(draft, all)
  for (const { peer } of all) draft.notice(peer)
  const kept = draft.suspicion.deeds.filter((deed) => !all.includes(deed) || !isFailure(deed.verdict))
  draft.suspicion = { _tag: "Calm", deeds: kept }
}

/** Adds a deed that was applied just now; takes the charges of the window back if nearly everything is broken. */
export const noted = (draft: Draft, deeds: ReadonlyArray<Deed>, deed: Deed): void => {
  const lately = since(deeds, deed.at - windowMillis - unheardMillis)
  const kept = lately.length < maxDeeds ? [...lately, deed] : [...lately.slice(1 - maxDeeds), deed]
  const all = deed.verdict.ourEnd === "broken" ? since(kept, windowStart(draft.links, deed.at)) : []
  if (!nearlyAllBroken(all, draft.links)) {
    draft.suspicion = { _tag: "Calm", deeds: kept }
    return
  }
  const peers = rollBack(draft, all)
  for (const { peer } of all) draft.notice(peer)
  draft.suspicion = {
    _tag: "Suspecting",
    until: deed.at + suspicionMillis,
    probes: new Map([...peers].map((peer) => [peer, deed.at]))
  }
}
