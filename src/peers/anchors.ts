/**
 * Anchors: whom we dialled ourselves and had a link with when the book was last written. They are asked first after a restart,
 * so that nobody gains by having us restart. Peers that dialled us are none: anybody can do that. Pure.
 */
import type { Charge, PeerId } from "../../signatures/index.ts"

/** Links of our own dialling to one peer. */
export interface Dialled {
  readonly up: number
  /** When the first of those that are up came up, or when the last went down. Monotonic milliseconds. */
  readonly since: number
}

const maxAnchors = 32
/** All links end before the book does when a process ends in order. */
const endedMillis = 15_000
/** With more than so many, those whose links ended longer ago are forgotten. */
const maxEnded = 64

/** After something that was recorded. A link that was lost, or ended by a violation, makes no anchor. */
export const dialledAfter = (
  dialled: ReadonlyMap<PeerId, Dialled>,
  event: Charge,
  now: number
): ReadonlyMap<PeerId, Dialled> => {
  const { peer } = event
  const before = dialled.get(peer)
  if (event._tag === "LinkUp" && event.direction === "outbound") {
    const after = before === undefined || before.up === 0
      ? { up: 1, since: now }
      : { ...before, up: before.up + 1 }
    return new Map(dialled).set(peer, after)
  }
  if (before === undefined) return dialled
  if (event._tag === "LinkDown" && event.direction === "outbound") {
    const after = before.up > 1 ? { ...before, up: before.up - 1 } : { up: 0, since: now }
    const next = new Map(dialled).set(peer, after)
    if (next.size > maxEnded) { for (const [other, each] of next) if (!isAnchor(each, now)) next.delete(other) }
    return next
  }
  if (event._tag === "Violation" || (event._tag === "LinkLost" && before.up === 0)) {
    const next = new Map(dialled)
    next.delete(peer)
    return next
  }
  return dialled
}

const isAnchor = ({ since, up }: Dialled, now: number): boolean => up > 0 || now - since < endedMillis

/** Those that have been linked longest. */
export const anchorsOf = (dialled: ReadonlyMap<PeerId, Dialled>, now: number): ReadonlySet<PeerId> => {
  const anchors = [...dialled].filter(([, each]) => isAnchor(each, now))
  const longest = anchors.length <= maxAnchors
    ? anchors
    : anchors.toSorted(([, a], [, b]) => a.since - b.since).slice(0, maxAnchors)
  return new Set(longest.map(([peer]) => peer))
}
