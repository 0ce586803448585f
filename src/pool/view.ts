/** What is up, as others see it. Pure. */
import { chainId, type LinkView, type PeerId } from "../../signatures/index.ts"
import type { PoolSetting } from "./options.ts"
import { expectedLink } from "./settling.ts"
import type { LinkState, PoolState } from "./state.ts"

/** All chains with a lease on one of these, in the order in which they took it. */
const chainsOn = (links: ReadonlyArray<LinkState>): LinkView["chains"] => {
  const [only] = links
  if (links.length === 1 && only !== undefined) return only.leases.chains
  const leases = links.flatMap((link) => link.leases.entries()).toSorted(([a], [b]) => a - b)
  return [...new Map(leases.map(([, chain]) => [chainId(chain), chain])).values()]
}

/** The link that is expected to stay, with the chains on all of the peer's links. */
const viewOfPeer = (setting: PoolSetting, { links: all, peers }: PoolState, peer: PeerId): LinkView | undefined => {
  const links = peers.get(peer)?.links.flatMap((key) => all.get(key) ?? []) ?? []
  const link = expectedLink(setting, links)
  if (link === undefined) return undefined
  const { direction, remote, since } = link
  return { peer, remote, direction, since, chains: chainsOn(links) }
}

export const noView: ReadonlyMap<PeerId, LinkView> = new Map()

/** One per peer, given how it was `before` something happened to the links of those `touched`: few, of perhaps thousands. */
export const linksView = (
  setting: PoolSetting,
  state: PoolState,
  before: ReadonlyMap<PeerId, LinkView> = noView,
  touched: Iterable<PeerId> = state.peers.keys()
): ReadonlyMap<PeerId, LinkView> => {
  const found = new Map(before)
  for (const peer of touched) {
    const view = viewOfPeer(setting, state, peer)
    if (view === undefined) found.delete(peer)
    else found.set(peer, view)
  }
  return found
}
