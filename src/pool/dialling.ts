/** The race of a peer's addresses: staggered, so that each is charged for what it did; dials of all peers share a limit. Pure. */
import { Option } from "effect"
import {
  type Address,
  addressFacts,
  DialFailed,
  isSmaller,
  type LeaseFailed,
  type PeerId
} from "../../signatures/index.ts"
import { Leases } from "./leases.ts"
import { groupHasRoom } from "./limits.ts"
import type { PoolSetting } from "./options.ts"
import type { DialKey, Draft, PeerState, Race } from "./state.ts"

export const groupOf = (address: Address): string | undefined => Option.getOrUndefined(addressFacts(address).group)

export const newRace = (addresses: ReadonlyArray<Address>, remembered: boolean, now: number): Race => ({
  remembered,
  untried: addresses.map((address) => ({ address, group: groupOf(address) })),
  dials: new Map(),
  failures: [],
  nextAt: now,
  excused: false
})

/** Whether a further address should start once its time has come: somebody waits, and there is no link. */
export const wantsDial = (draft: Draft, id: PeerId, peer: PeerState): boolean =>
  peer.race !== undefined && peer.race.untried.length > 0 && peer.waiting.size > 0 && draft.upLinksOf(id).length === 0

export const refuseAll = (
  draft: Draft,
  id: PeerId,
  reason: LeaseFailed["reason"],
  dials: ReadonlyArray<DialFailed>
): void => {
  const peer = draft.peer(id)
  for (const lease of peer.waiting.keys()) draft.say({ _tag: "Refuse", lease, reason, dials })
  draft.putPeer(id, { ...peer, waiting: Leases.none })
}

/** Gives up what is left of the race. Charges nobody. */
export const endRace = (draft: Draft, id: PeerId): void => {
  const peer = draft.peer(id)
  for (const dial of peer.race?.dials.keys() ?? []) draft.say({ _tag: "CancelDial", dial })
  draft.putPeer(id, { ...peer, race: undefined })
}

/**
 * The peer has dialled us while we were dialling it. Of the two links the one dialled by the smaller id will stay, so the
 * larger gives its own up; if both did, or each waited for the other, there might be none.
 */
export const inboundDuringRace = (draft: Draft, setting: PoolSetting, id: PeerId): void => {
  if (isSmaller(id, setting.self) || draft.peer(id).race?.dials.size === 0) endRace(draft, id)
}

export const dialFailed = (
  draft: Draft,
  id: PeerId,
  dial: DialKey,
  error: DialFailed,
  now: number,
  excused = false
): void => {
  const peer = draft.peer(id)
  const { race } = peer
  if (race === undefined || !race.dials.has(dial)) return
  const dials = new Map(race.dials)
  dials.delete(dial)
  draft.putPeer(id, {
    ...peer,
    race: { ...race, dials, failures: [...race.failures, error], nextAt: now, excused: race.excused || excused }
  })
  // That we lack a transport, or were cut off, says nothing about the address.
  if (error.reason !== "transport-missing" && !excused) {
    draft.say({ _tag: "Record", charge: { _tag: "DialFailed", peer: id, address: error.address } })
  }
}

/** Dials that took too long are given up and count as failed. */
export const timeOutDials = (draft: Draft, { dialTimeout }: PoolSetting, now: number): void => {
  // With a link our own end works now: what was dialled before it did may have failed for that alone.
  const worksSince = draft.links.size === 0 ? Number.NEGATIVE_INFINITY : draft.cutOffAt
  for (const id of draft.racing) {
    for (const [dial, { address, deadline }] of draft.peer(id).race?.dials ?? []) {
      if (deadline > now) continue
      draft.say({ _tag: "CancelDial", dial })
      const excused = deadline - dialTimeout <= worksSince
      dialFailed(draft, id, dial, new DialFailed({ peer: id, address, reason: "timeout" }), now, excused)
    }
  }
}

/** The race is over when nothing is in flight and nothing may follow. */
const concludeIfOver = (draft: Draft, id: PeerId): void => {
  const { race, waiting } = draft.peer(id)
  if (race === undefined || race.dials.size > 0) return
  if (waiting.size === 0 || draft.upLinksOf(id).length > 0) return endRace(draft, id)
  if (race.untried.length > 0) return
  if (!race.excused) draft.say({ _tag: "Record", charge: { _tag: "Unreachable", peer: id } })
  endRace(draft, id)
  refuseAll(draft, id, "unreachable", race.failures)
}

/** Starts the next address of a peer, if there is one whose group has room. */
const startNext = (draft: Draft, setting: PoolSetting, id: PeerId, now: number): void => {
  const peer = draft.peer(id)
  if (peer.race === undefined) return
  const { race } = peer
  const target = race.untried.find(({ group }) => groupHasRoom(draft, setting, id, group))
  if (target === undefined) {
    if (race.dials.size > 0) {
      draft.putPeer(id, { ...peer, race: { ...race, nextAt: Number.POSITIVE_INFINITY } })
      return
    }
    endRace(draft, id)
    return refuseAll(draft, id, "limit", race.failures)
  }
  const dial = ++draft.lastDial
  draft.putPeer(id, {
    ...peer,
    race: {
      ...race,
      untried: race.untried.filter((other) => other !== target),
      dials: new Map(race.dials).set(dial, { ...target, deadline: now + setting.dialTimeout }),
      nextAt: now + setting.stagger
    }
  })
  draft.say({ _tag: "Dial", dial, peer: id, address: target.address })
}

/**
 * After every event: ends races that are over, and starts dials while the limit allows it, in random order of peers. Those
 * that are only remembered come last and take at most half: many of them may never answer, and nobody waits for that.
 */
export const advanceRaces = (draft: Draft, setting: PoolSetting, now: number, random: () => number): void => {
  for (const id of draft.racing) concludeIfOver(draft, id)
  if (draft.racing.size === 0) return
  let inFlight = 0
  let rememberedInFlight = 0
  const fresh: Array<PeerId> = []
  const remembered: Array<PeerId> = []
  for (const id of draft.racing) {
    const peer = draft.peer(id)
    if (peer.race === undefined) continue
    inFlight += peer.race.dials.size
    if (peer.race.remembered) rememberedInFlight += peer.race.dials.size
    if (peer.race.nextAt <= now && wantsDial(draft, id, peer)) (peer.race.remembered ? remembered : fresh).push(id)
  }
  /** Gives how many were started. */
  const start = (ready: Array<PeerId>, room: number): number => {
    const before = draft.lastDial
    while (ready.length > 0 && draft.lastDial - before < room) {
      const [id] = ready.splice(Math.floor(random() * ready.length), 1)
      if (id !== undefined) startNext(draft, setting, id, now)
    }
    return draft.lastDial - before
  }
  inFlight += start(fresh, setting.maxDials - inFlight)
  const share = Math.ceil(setting.maxDials / 2)
  start(remembered, Math.min(setting.maxDials - inFlight, share - rememberedInFlight))
}
