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

/** What speaks for a candidate: the first that holds. */
type Kind = "known" | "anchor" | "shared" | "proven" | "unproven"

const kindOf = (candidate: SelectionCandidate, view: SelectionView): Kind => {
  if (candidate.isKnown) return "known"
  if (candidate.remembered === "anchor") return "anchor"
  if (mayShare(candidate, view)) return "shared"
  return candidate.lastSuccess._tag === "Some" ? "proven" : "unproven"
}

type Sorted = { readonly [Name in Kind]: Array<SelectionCandidate> }

const sorted = (candidates: ReadonlyArray<SelectionCandidate>, view: SelectionView): Sorted => {
  const all: Sorted = { known: [], anchor: [], shared: [], proven: [], unproven: [] }
  for (const candidate of candidates) all[kindOf(candidate, view)].push(candidate)
  return all
}

/** Among whom one is picked. */
const whichOf = ({ anchor, known, proven, shared, unproven }: Sorted, random: () => number) => {
  if (known.length > 0) return known
  if (anchor.length > 0) return anchor
  if (shared.length > 0) return shared
  // The coin keeps a flood of fresh addresses from drowning the proven peers, and the proven from never being joined by
  // others. It is tossed even when one side is empty: the same view takes the same number of draws.
  const [first, second] = random() < 0.5 ? [proven, unproven] : [unproven, proven]
  return first.length > 0 ? first : second
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
      const one = oneOf(whichOf(sorted(left, view), random), random)
      if (one === undefined) break
      picked.push(one.peer)
      takeGroups(one, byGroup)
      if (picked.length < n) left = left.filter((candidate) => candidate !== one)
    }
    return picked
  }
}
