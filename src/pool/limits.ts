/** How much there may be, and which link makes room. Counted in peers: of two links to one peer only one stays. Pure. */
import type { PeerId } from "../../signatures/index.ts"
import type { PoolSetting } from "./options.ts"
import { part } from "./settling.ts"
import type { Draft, LinkState } from "./state.ts"

/** A peer whose links are being settled has two; more than that and the newcomer isn't let in. */
const maxLinksPerPeer = 3

const counted = (draft: Draft): ReadonlyArray<LinkState> =>
  [...draft.links.values()].filter((link) => link.phase !== "parting")

const occupying = (draft: Draft): Set<PeerId> => {
  const peers = new Set(counted(draft).map((link) => link.peer))
  for (const id of draft.racing) peers.add(id)
  return peers
}

const inboundPeers = (draft: Draft): Set<PeerId> =>
  new Set(counted(draft).filter((link) => link.direction === "inbound").map((link) => link.peer))

const peersOfGroup = (draft: Draft, group: string): Set<PeerId> => {
  const peers = new Set(counted(draft).filter((link) => link.group === group).map((link) => link.peer))
  for (const id of draft.racing) {
    for (const dial of draft.peer(id).race?.dials.values() ?? []) if (dial.group === group) peers.add(id)
  }
  return peers
}

/** Whether one more peer of this group fits. An address without a group always does. */
export const groupHasRoom = (draft: Draft, setting: PoolSetting, peer: PeerId, group: string | undefined): boolean => {
  if (group === undefined) return true
  const peers = peersOfGroup(draft, group)
  return peers.has(peer) || peers.size < setting.maxLinksPerGroup
}

const isUnsettled = (link: LinkState): boolean => link.direction === "inbound" && link.phase === "up" && !link.wasLeased

/** Closes the least useful idle link of these: never leased first, then of the most crowded group, then longest idle. */
const evictIdle = (draft: Draft, which: (link: LinkState) => boolean): boolean => {
  const all = counted(draft)
  // Of a peer with a second link, or a dial, it would make no room.
  const isAlone = ({ key, peer }: LinkState) =>
    draft.peer(peer).race === undefined && !all.some((other) => other.peer === peer && other.key !== key)
  const idle = all.filter((link) => link.phase === "up" && link.leases.size === 0 && which(link) && isAlone(link))
  const crowd = new Map<string, number>()
  for (const { group } of all) {
    if (group !== undefined) crowd.set(group, (crowd.get(group) ?? 0) + 1)
  }
  const crowdOf = (link: LinkState) => (link.group === undefined ? 0 : crowd.get(link.group) ?? 0)
  const [victim] = idle.toSorted((a, b) =>
    Number(a.wasLeased) - Number(b.wasLeased) || crowdOf(b) - crowdOf(a) || a.idleSince - b.idleSince
  )
  if (victim !== undefined) part(draft, victim, "idle")
  return victim !== undefined
}

const isInbound = (link: LinkState): boolean => link.direction === "inbound"

/** Room for a dial to a peer without link or dial: closes an idle link if need be. */
export const makeRoomForDial = (draft: Draft, setting: PoolSetting): boolean =>
  occupying(draft).size < setting.maxLinks || evictIdle(draft, isInbound) || evictIdle(draft, () => true)

/** Room for an inbound link: closes an idle inbound one if need be, never one that we dialled. */
export const makeRoomForInbound = (
  draft: Draft,
  setting: PoolSetting,
  peer: PeerId,
  group: string | undefined
): boolean => {
  const links = draft.linksOf(peer).filter((link) => link.phase !== "parting")
  const coming = draft.peer(peer).race === undefined ? 0 : 1
  if (links.length + coming >= maxLinksPerPeer) return false
  const isOfGroup = (link: LinkState) => isInbound(link) && link.group === group
  if (!groupHasRoom(draft, setting, peer, group) && !evictIdle(draft, isOfGroup)) return false
  const unsettled = counted(draft).filter(isUnsettled).length
  if (unsettled >= setting.maxUnsettledInbound && !evictIdle(draft, isUnsettled)) return false
  // A second link to a peer takes the place of the first.
  if (links.length > 0) return true
  const occupied = occupying(draft)
  return inboundPeers(draft).size < setting.maxInboundLinks && (occupied.has(peer) || occupied.size < setting.maxLinks)
    ? true
    : evictIdle(draft, isInbound)
}
