import type { CandidateFacts, PeerId, Standing } from "../../signatures/index.ts"
import { type Draft, idle, move } from "./draft.ts"
import { isBusy } from "./pair.ts"

/** Brings a pair without a session up to what the book says. */
export const mirrorOne = (draft: Draft, peer: PeerId, standing: Standing): void => {
  const { now } = draft
  let pair = draft.pairOf(peer)
  if (isBusy(pair)) return
  // As it is with most, most of the time.
  if (pair?.state === "Candidate" && standing._tag === "Clear") return
  const candidate = { state: "Candidate", until: now } as const
  if (pair === undefined) {
    // Nobody has been asked yet, so there is nothing to pause after.
    pair = candidate
    move(draft, peer, candidate, "learnt")
  }
  if (standing._tag === "Clear" || standing.until <= now) {
    if (pair.state !== "Candidate") move(draft, peer, candidate, "over")
  } else if (standing._tag === pair.state) {
    if (standing.until !== pair.until) draft.put(peer, { state: pair.state, until: standing.until })
  } else {
    if (pair.state !== "Candidate" && standing._tag !== "Banned") move(draft, peer, candidate, "over")
    move(draft, peer, idle(draft, standing), "charged")
  }
}

/** Brings the pairs without a session up to what the book says of them. To a private chain strangers don't exist. */
export const mirror = (draft: Draft, candidates: ReadonlyArray<CandidateFacts>): void => {
  const { known, private: isPrivate } = draft.settings
  const found = isPrivate ? candidates.filter(({ peer }) => known.has(peer)) : candidates
  for (const { peer, standing } of found) mirrorOne(draft, peer, standing)
  const { busy, met } = draft.pairs
  // All that were found are met now: are there no more, nobody is gone.
  if (met.size === found.length) return
  const peers = new Set(found.map(({ peer }) => peer))
  for (const peer of met) {
    if (!busy.has(peer) && !peers.has(peer)) move(draft, peer, undefined, "evicted")
  }
}
