/** What a charge changes in the book. Pure. */
import { Option } from "effect"
import { type Address, addressFacts, type Charge, type PeerId } from "../../signatures/index.ts"
import { dialledAfter } from "./anchors.ts"
import { evict, evictBans } from "./bounds.ts"
import { healthAfter } from "./health.ts"
import { unbanLine, withLine } from "./history.ts"
import type { Setting } from "./options.ts"
import { type BookChange, type BookState, Draft, heardOf, type Links, newEntry } from "./state.ts"
import { calm, cutOff, isSuspecting, noted, probed, unheardMillis } from "./suspicion.ts"
import { banMillisOf, isFailure, longestBanMillis, type Verdict, verdictOf } from "./table.ts"

const groupOf = (address: Address): string | undefined => Option.getOrUndefined(addressFacts(address).group)

/** The links that are up, after one more or one less. */
const linksAfter = (links: Links, event: Charge, now: number): Links => {
  if (event._tag === "CutOff") return { ...links, cutOffAt: now }
  const dialled = dialledAfter(links.dialled, event, now)
  if (event._tag !== "LinkUp" && event._tag !== "LinkDown") {
    return dialled === links.dialled ? links : { ...links, dialled }
  }
  const by = event._tag === "LinkUp" ? 1 : -1
  const downAt = event._tag === "LinkUp" ? links.downAt : now
  return groupOf(event.address) === undefined
    ? { ...links, local: links.local + by, downAt, dialled }
    : { ...links, global: links.global + by, downAt, dialled }
}

/** Puts a verdict to a peer that the book knows, and keeps the deed as long as a suspicion of ourselves may need it. */
export const charge = (
  draft: Draft,
  peer: PeerId,
  verdict: Verdict,
  address: Address | undefined,
  now: number,
  draw: number
): void => {
  const entry = draft.get(peer)
  if (entry === undefined) return
  const isKnown = (address: Address) => entry.given.includes(address) || entry.learnt.includes(address)
  draft.put({ ...entry, health: healthAfter(entry.health, verdict, isKnown, now, draw) })
  if (draft.suspicion._tag === "Suspecting") return
  const { deeds } = draft.suspicion
  const matters = verdict.ourEnd !== undefined || isFailure(verdict) || deeds.some((deed) => deed.peer === peer)
  if (!matters) return
  const group = address === undefined ? entry.groups[0] : groupOf(address)
  noted(draft, deeds, { at: now, peer, group, verdict, draw, before: entry.health })
}

const ban = (draft: Draft, peer: PeerId, now: number, setting: Setting): void => {
  const before = draft.ban(peer)
  // Several sessions may find out about one violation.
  if (before !== undefined && before.until > now) return
  const times = (before?.times ?? 0) + 1
  draft.putBan(peer, { times, until: now + banMillisOf(times), at: now, by: "violation" })
  evictBans(draft, setting.bounds, now)
}

/** Characters of a reason. */
const maxReason = 200

/** On one line, without what steers a terminal. Undefined if nothing is left. */
export const reasonOf = (text: string | undefined): string | undefined => {
  const clean = (text ?? "").replace(/[\p{C}\p{Z}]+/gu, " ").trim()
  return clean === "" ? undefined : Array.from(clean).slice(0, maxReason).join("")
}

/** The user's word, whatever stood before. */
export const banByHand = (
  state: BookState,
  setting: Setting,
  peer: PeerId,
  millis: number,
  written: string | undefined,
  now: number
): BookChange => {
  const draft = new Draft(state)
  if (peer === setting.self) return draft.change()
  const times = draft.ban(peer)?.times ?? 0
  const until = now + Math.min(Math.max(millis, 0), longestBanMillis("hand"))
  const reason = reasonOf(written)
  draft.putBan(peer, { times, until, at: now, by: "hand", ...(reason === undefined ? {} : { reason }) })
  evictBans(draft, setting.bounds, now)
  return draft.change()
}

export const unban = (state: BookState, peer: PeerId, now: number): BookChange => {
  const draft = new Draft(state)
  if (draft.ban(peer) === undefined) return draft.change()
  draft.putBan(peer, undefined)
  const entry = draft.get(peer)
  if (entry !== undefined) {
    draft.put({ ...entry, health: { ...entry.health, history: withLine(entry.health.history, unbanLine(now)) } })
  }
  return draft.change()
}

/** `draw` in [0, 1). */
export const record = (
  state: BookState,
  setting: Setting,
  event: Charge,
  now: number,
  draw: number
): BookChange => {
  const draft = new Draft(state)
  const { peer } = event
  if (peer === setting.self) return draft.change()
  draft.links = linksAfter(state.links, event, now)
  if (event._tag === "CutOff") {
    cutOff(draft, now)
    return draft.change()
  }
  const verdict = verdictOf(event, {
    banned: (state.bans.get(peer)?.until ?? now) > now,
    wasCutOff: now - state.links.cutOffAt < unheardMillis
  })
  if (verdict.peer === "banned") {
    ban(draft, peer, now, setting)
    return draft.change()
  }
  const isNews = event._tag === "LinkUp" || (verdict.pair !== undefined && !isFailure(verdict))
  if (isNews && draft.get(peer) === undefined) {
    draft.put(newEntry(peer, now))
    evict(draft, peer, setting.bounds, now)
  }
  const entry = draft.get(peer)
  if (event._tag === "LinkUp" && entry !== undefined) draft.put(heardOf(entry, now))

  if (draft.suspicion._tag === "Suspecting") {
    if (isSuspecting(draft.suspicion, now) && verdict.ourEnd !== "works") {
      if (isFailure(verdict)) {
        // Nobody is charged; the peer only rests a moment.
        if (event._tag !== "DialFailed") draft.suspicion = probed(draft.suspicion, peer, now, draw)
        draft.notice(peer)
        return draft.change()
      }
    } else {
      for (const probe of draft.suspicion.probes.keys()) draft.notice(probe)
      draft.suspicion = calm
    }
  }
  if (verdict.address !== undefined || verdict.peer !== undefined || verdict.pair !== undefined) {
    charge(draft, peer, verdict, "address" in event ? event.address : undefined, now, draw)
  }
  return draft.change()
}
