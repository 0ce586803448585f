/** The pool's decisions: `step(state, event, now, random) → [state, commands]`. Pure. */
import type { PeerId } from "../../signatures/index.ts"
import {
  advanceRaces,
  dialFailed,
  endRace,
  groupOf,
  inboundDuringRace,
  newRace,
  refuseAll,
  timeOutDials,
  wantsDial
} from "./dialling.ts"
import { Leases } from "./leases.ts"
import { makeRoomForDial, makeRoomForInbound } from "./limits.ts"
import type { PoolSetting } from "./options.ts"
import { expectedLink, part, settle } from "./settling.ts"
import { Draft, type LinkState, type PoolCommand, type PoolEvent, type PoolState } from "./state.ts"

/** Sessions end, and give their leases back, a moment before the link that was lost under them is known to be. */
const stillLeasedMillis = 100
/** A peer that heard nothing of us gives the link up after so long: that may reach us after our own end is well again. */
const verdictMillis = 12_000
/** How long a peer that said goodbye may take to close. */
const leavingMillis = 5_000

type Event<Tag extends PoolEvent["_tag"]> = Extract<PoolEvent, { readonly _tag: Tag }>

const newLink = (event: Event<"Inbound"> | Event<"Dialled">, now: number): LinkState => ({
  key: event.link,
  peer: event.peer,
  remote: event.remote,
  group: groupOf(event.remote),
  direction: event._tag === "Inbound" ? "inbound" : "outbound",
  since: now,
  phase: "up",
  leases: Leases.none,
  wasLeased: false,
  idleSince: now,
  settled: false,
  told: false,
  violated: false,
  probe: "none",
  deadline: Number.POSITIVE_INFINITY
})

const grant = (draft: Draft, link: LinkState, leases: Leases): void => {
  for (const lease of leases.keys()) draft.say({ _tag: "Grant", lease, link: link.key })
  draft.putLink({ ...link, wasLeased: true, leases: link.leases.withAll(leases) })
}

/** Leases that waited go to the link that is expected to stay. */
const grantAll = (draft: Draft, setting: PoolSetting, id: PeerId): void => {
  const peer = draft.peer(id)
  const link = expectedLink(setting, draft.linksOf(id))
  if (link === undefined || peer.waiting.size === 0) return
  grant(draft, link, peer.waiting)
  draft.putPeer(id, { ...peer, waiting: Leases.none })
}

const linkUp = (draft: Draft, setting: PoolSetting, link: LinkState, now: number): void => {
  const { direction, peer, remote: address } = link
  draft.addLink({ ...link, told: true })
  draft.say({ _tag: "Attend", link: link.key })
  draft.say({ _tag: "Record", charge: { _tag: "LinkUp", peer, address, direction } })
  grantAll(draft, setting, peer)
  settle(draft, setting, peer, now)
}

/** A link that we don't want is attended too: only so can its peer be told why it is closed. */
const turnAway = (draft: Draft, link: LinkState, reason: "idle" | "superseded" | "shutdown" | "banned"): void => {
  draft.addLink(link)
  draft.say({ _tag: "Attend", link: link.key })
  part(draft, link, reason)
}

const inbound = (draft: Draft, setting: PoolSetting, event: Event<"Inbound">, now: number): void => {
  const link = newLink(event, now)
  if (draft.closing) return turnAway(draft, link, "shutdown")
  if (event.banned) return turnAway(draft, link, "banned")
  if (event.peer === setting.self || !makeRoomForInbound(draft, setting, event.peer, link.group)) {
    return turnAway(draft, link, "idle")
  }
  linkUp(draft, setting, link, now)
  inboundDuringRace(draft, setting, event.peer)
}

const dialled = (draft: Draft, setting: PoolSetting, event: Event<"Dialled">, now: number): void => {
  const link = newLink(event, now)
  const peer = draft.peer(event.peer)
  if (peer.race === undefined || !peer.race.dials.has(event.dial)) {
    // It was given up, and came all the same.
    const superseded = draft.upLinksOf(event.peer).length > 0
    return turnAway(draft, link, draft.closing ? "shutdown" : superseded ? "superseded" : "idle")
  }
  const dials = new Map(peer.race.dials)
  dials.delete(event.dial)
  draft.putPeer(event.peer, { ...peer, race: { ...peer.race, dials } })
  endRace(draft, event.peer)
  linkUp(draft, setting, link, now)
}

const ask = (draft: Draft, setting: PoolSetting, event: Event<"Ask">, now: number): void => {
  const { addresses, banned, chain, lease, peer: id, remembered } = event
  const refuse = (reason: "closing" | "banned" | "no-address" | "limit") =>
    draft.say({ _tag: "Refuse", lease, reason, dials: [] })
  if (draft.closing) return refuse("closing")
  if (banned) return refuse("banned")
  const peer = draft.peer(id)
  if (peer.race === undefined) {
    const link = expectedLink(setting, draft.linksOf(id))
    // Mostly so: it need not wait even for the end of this step.
    if (link !== undefined) return grant(draft, link, Leases.none.with(lease, chain))
    if (addresses.length === 0 || id === setting.self) return refuse("no-address")
    if (!makeRoomForDial(draft, setting)) return refuse("limit")
  }
  // Somebody may have heard of it since others asked.
  const race = peer.race && { ...peer.race, remembered: peer.race.remembered && remembered }
  draft.putPeer(id, {
    ...peer,
    waiting: peer.waiting.with(lease, chain),
    race: race ?? newRace(addresses, remembered, now)
  })
  grantAll(draft, setting, id)
}

const take = (draft: Draft, event: Event<"Take">): void => {
  const link = draft.links.get(event.link)
  if (link === undefined) return
  draft.putLink({ ...link, wasLeased: true, leases: link.leases.with(event.lease, event.chain) })
}

const release = (draft: Draft, event: Event<"Release">, now: number): void => {
  const peer = draft.peer(event.peer)
  if (peer.waiting.has(event.lease)) {
    const waiting = peer.waiting.without(event.lease)
    draft.putPeer(event.peer, { ...peer, waiting })
    if (waiting.size === 0 && draft.upLinksOf(event.peer).length === 0) endRace(draft, event.peer)
    return
  }
  const link = draft.linksOf(event.peer).find(({ leases }) => leases.has(event.lease))
  if (link === undefined) return
  const leases = link.leases.without(event.lease)
  draft.putLink({ ...link, leases, idleSince: leases.size === 0 ? now : link.idleSince })
}

const tellDown = (draft: Draft, { direction, peer, remote: address, told }: LinkState): void => {
  if (told) draft.say({ _tag: "Record", charge: { _tag: "LinkDown", peer, address, direction } })
}

/** It lived through an outage of our own end, of which its peer may have known for as long as it takes to tell. */
const isOurOutage = ({ cutOffAt }: Draft, { since }: LinkState, now: number): boolean =>
  since < cutOffAt && now - cutOffAt < verdictMillis

/** Of a link that is leased and said no goodbye, while no second one took over, and not for an outage of our own. */
const chargeLoss = (draft: Draft, link: LinkState, now: number): void => {
  const isLeased = link.leases.size > 0 || (link.wasLeased && now - link.idleSince <= stillLeasedMillis)
  const isReplaced = draft.upLinksOf(link.peer).some((other) => other.key !== link.key)
  if (link.settled || !isLeased || isReplaced || isOurOutage(draft, link, now)) return
  const { direction, peer, remote: address } = link
  draft.say({ _tag: "Record", charge: { _tag: "LinkLost", peer, address, direction } })
}

const ended = (draft: Draft, setting: PoolSetting, event: Event<"Ended">, now: number): void => {
  const link = draft.links.get(event.link)
  if (link === undefined) return
  tellDown(draft, link)
  // Whoever dialled it and never said a word may have given up before it came about.
  const isGivenUp = link.direction === "inbound" && !event.spoken
  if (event.by !== "local" && !isGivenUp) chargeLoss(draft, link, now)
  draft.removeLink(link)
  settle(draft, setting, link.peer, now)
}

/** Nothing goes on with a peer that is banned. */
const expel = (draft: Draft, id: PeerId): void => {
  endRace(draft, id)
  refuseAll(draft, id, "banned", [])
  for (const link of draft.linksOf(id)) {
    const violated = { ...link, violated: true }
    if (link.phase === "parting") draft.putLink(violated)
    else part(draft, violated, "banned")
  }
}

/** Our own end was, until now at least. */
const cutOff = (draft: Draft, { peer }: LinkState, now: number): void => {
  draft.cutOffAt = now
  draft.say({ _tag: "Record", charge: { _tag: "CutOff", peer } })
}

const dead = (draft: Draft, setting: PoolSetting, event: Event<"Dead">, now: number): void => {
  const link = draft.links.get(event.link)
  if (link === undefined) return
  if (event.reason !== "violation") {
    tellDown(draft, link)
    if (event.reason === "silent") chargeLoss(draft, link, now)
    else cutOff(draft, link, now)
    draft.putLink({ ...link, phase: "parting", settled: true, told: false })
    draft.say({ _tag: "Abort", link: link.key })
    return settle(draft, setting, link.peer, now)
  }
  if (link.violated) return
  draft.say({ _tag: "Record", charge: { _tag: "Violation", peer: link.peer } })
  expel(draft, link.peer)
}

const leaving = (draft: Draft, setting: PoolSetting, event: Event<"Leaving">, now: number): void => {
  const link = draft.links.get(event.link)
  if (link === undefined || link.phase !== "up") return
  draft.putLink({ ...link, phase: "leaving", settled: true, deadline: now + leavingMillis })
  settle(draft, setting, link.peer, now)
}

const probed = (draft: Draft, setting: PoolSetting, event: Event<"Probed">, now: number): void => {
  const link = draft.links.get(event.link)
  if (link === undefined || link.phase !== "up" || link.probe === "none") return
  draft.putLink({ ...link, probe: "answered" })
  settle(draft, setting, link.peer, now)
}

const lingersUntil = (link: LinkState, setting: PoolSetting): number =>
  link.direction === "outbound" && link.phase === "up" && link.leases.size === 0
    ? link.idleSince + setting.linger
    : Number.POSITIVE_INFINITY

const tick = (draft: Draft, setting: PoolSetting, now: number): void => {
  timeOutDials(draft, setting, now)
  for (const { key } of draft.links.values()) {
    const link = draft.links.get(key)
    if (link === undefined || link.phase === "parting") continue
    if (link.phase === "leaving") {
      if (link.deadline > now) continue
      draft.putLink({ ...link, phase: "parting" })
      draft.say({ _tag: "Close", link: key })
    } else if (lingersUntil(link, setting) <= now) {
      part(draft, link, "idle")
    } else if (link.probe === "asked" && link.deadline <= now) {
      draft.putLink({ ...link, probe: "mute" })
      settle(draft, setting, link.peer, now)
    }
  }
}

const partAll = (draft: Draft, closing: boolean): void => {
  if (closing) draft.closing = true
  for (const id of draft.peers.keys()) {
    if (draft.closing) {
      endRace(draft, id)
      refuseAll(draft, id, "closing", [])
    }
  }
  for (const link of draft.links.values()) if (link.phase !== "parting") part(draft, link, "shutdown")
}

const decide = (draft: Draft, setting: PoolSetting, event: PoolEvent, now: number): void => {
  switch (event._tag) {
    case "Ask":
      return ask(draft, setting, event, now)
    case "Take":
      return take(draft, event)
    case "Release":
      return release(draft, event, now)
    case "Inbound":
      return inbound(draft, setting, event, now)
    case "Dialled":
      return dialled(draft, setting, event, now)
    case "NotDialled":
      return dialFailed(draft, event.peer, event.dial, event.error, now)
    case "Ended":
      return ended(draft, setting, event, now)
    case "Probed":
      return probed(draft, setting, event, now)
    case "Dead":
      return dead(draft, setting, event, now)
    case "Banned":
      return expel(draft, event.peer)
    case "CutOff": {
      const link = draft.links.get(event.link)
      return link === undefined ? undefined : cutOff(draft, link, now)
    }
    case "Leaving":
      return leaving(draft, setting, event, now)
    case "Tick":
      return tick(draft, setting, now)
    case "PartAll":
      return partAll(draft, event.closing)
  }
}

/** `random` gives draws in [0, 1). */
export const step = (
  setting: PoolSetting,
  state: PoolState,
  event: PoolEvent,
  now: number,
  random: () => number
): readonly [PoolState, ReadonlyArray<PoolCommand>] => {
  const draft = new Draft(state)
  if (state.links.size === 0) draft.cutOffAt = now
  decide(draft, setting, event, now)
  advanceRaces(draft, setting, now, random)
  return [draft.state(), draft.commands]
}

/** When something is due on a link by time alone. */
const linkDue = (link: LinkState, setting: PoolSetting): number => {
  const awaitsPeer = link.phase === "leaving" || (link.phase === "up" && link.probe === "asked")
  return Math.min(lingersUntil(link, setting), awaitsPeer ? link.deadline : Number.POSITIVE_INFINITY)
}

/**
 * The next instant at which something is due by time alone, `Infinity` if nothing is: in all races, and on the links of those
 * `touched`. What is due on the others was known before.
 */
export const nextTick = (
  setting: PoolSetting,
  state: PoolState,
  now: number,
  touched: Iterable<PeerId> = state.peers.keys()
): number => {
  let next = Number.POSITIVE_INFINITY
  for (const id of touched) {
    for (const key of state.peers.get(id)?.links ?? []) {
      const link = state.links.get(key)
      if (link !== undefined) next = Math.min(next, linkDue(link, setting))
    }
  }
  if (state.racing.size === 0) return next
  const draft = new Draft(state)
  for (const id of state.racing) {
    const peer = draft.peer(id)
    for (const { deadline } of peer.race?.dials.values() ?? []) next = Math.min(next, deadline)
    // A dial that is due already waits for the limit, not for time.
    if (peer.race !== undefined && peer.race.nextAt > now && wantsDial(draft, id, peer)) {
      next = Math.min(next, peer.race.nextAt)
    }
  }
  return next
}
