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

const views = new WeakMap<LinkState, LinkView>()

const viewOf = (link: LinkState, links: ReadonlyArray<LinkState>): LinkView => {
  const cached = links.length === 1 ? views.get(link) : undefined
  if (cached !== undefined) return cached
  const { direction, peer, remote, since } = link
  const made = { peer, remote, direction, since, chains: chainsOn(links) }
  if (links.length === 1) views.set(link, made)
  return made
}

/** One per peer: the link that is expected to stay, with the chains on all its links. */
export const linksView = (setting: PoolSetting, state: PoolState): ReadonlyMap<PeerId, LinkView> => {
  const found = new Map<PeerId, LinkView>()
  for (const [peer, { links: keys }] of state.peers) {
    const [only] = keys
    if (keys.length === 1 && only !== undefined) {
      // As it is with nearly all, and this is asked for after each lease.
      const link = state.links.get(only)
      if (link?.phase === "up") found.set(peer, viewOf(link, [link]))
      continue
    }
    const links = keys.flatMap((key) => state.links.get(key) ?? [])
    const link = expectedLink(setting, links)
    if (link !== undefined) found.set(peer, viewOf(link, links))
  }
  return found
}
