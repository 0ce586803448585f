import type { PeerId, SelectionCandidate, SelectionPolicy, SelectionView } from "../../signatures/index.ts"
import { isGroupFull, takeGroups } from "./picks.ts"

/** Up to so many chains share one peer's link by preference. Above it peers are picked as if there were no link. */
const sharedChains = 8
/** A link is preferred while younger than so many session lifetimes, so that nobody who never leaves collects sessions. */
const sharedLifetimes = 4

const oneOf = <A>(all: ReadonlyArray<A>, random: () => number): A | undefined =>
  all[Math.min(all.length - 1, Math.floor(random() * all.length))]

/**
 * Whoever is being dialled for another chain will have a link in a moment: nodes that begin together would else dial as many
 * peers as they are. Not so peers that are only remembered, which may be gone.
 */
const mayShare = ({ asked, failures, link, remembered }: SelectionCandidate, view: SelectionView): boolean =>
  failures <= 1 &&
  (link._tag === "Some"
    ? link.value.chains.length < sharedChains && view.now - link.value.since < sharedLifetimes * view.sessionTimeout
    : asked > 0 && asked < sharedChains && remembered === undefined)

const pickOne = (
  left: ReadonlyArray<SelectionCandidate>,
  view: SelectionView,
  random: () => number
): SelectionCandidate | undefined => {
  const known = left.filter((candidate) => candidate.isKnown)
  if (known.length > 0) return oneOf(known, random)
  const anchors = left.filter((candidate) => candidate.remembered === "anchor")
  if (anchors.length > 0) return oneOf(anchors, random)
  const shared = left.filter((candidate) => mayShare(candidate, view))
  if (shared.length > 0) return oneOf(shared, random)
  // The coin keeps a flood of fresh addresses from drowning the proven peers, and the proven from never being joined by
  // others. It is tossed even when one side is empty: the same view takes the same number of draws.
  const wantsProven = random() < 0.5
  const proven = left.filter((candidate) => candidate.lastSuccess._tag === "Some")
  const unproven = left.filter((candidate) => candidate.lastSuccess._tag === "None")
  const [first, second] = wantsProven ? [proven, unproven] : [unproven, proven]
  return oneOf(first.length > 0 ? first : second, random)
}

/**
 * Shares links between chains without making hubs: missing known peers first; after a restart the anchors; then peers with a
 * live link, while few chains share it and it is young; otherwise proven and unproven peers by a fair coin. Each uniformly.
 */
export const sharingPolicy: SelectionPolicy = {
  pick: (view, n, random) => {
    const picked: Array<PeerId> = []
    const byGroup = new Map(view.outboundByGroup)
    let left = view.candidates
    while (picked.length < n) {
      left = left.filter((candidate) => !isGroupFull(candidate, byGroup, view.groupLimit))
      const one = pickOne(left, view, random)
      if (one === undefined) break
      picked.push(one.peer)
      takeGroups(one, byGroup)
      left = left.filter((candidate) => candidate !== one)
    }
    return picked
  }
}
