import type { CandidateFacts } from "../../signatures/index.ts"
import { type Draft, idle, move } from "./draft.ts"
import { isBusy } from "./state.ts"

const mirrorOne = (draft: Draft, { peer, standing }: CandidateFacts): void => {
  const { now, pairs } = draft
  let pair = pairs.get(peer)
  if (isBusy(pair)) return
  const candidate = { state: "Candidate", until: now } as const
  if (pair === undefined) {
    // Nobody has been asked yet, so there is nothing to pause after.
    pair = candidate
    move(draft, peer, candidate, "learnt")
  }
  if (standing._tag === "Clear" || standing.until <= now) {
    if (pair.state !== "Candidate") move(draft, peer, candidate, "over")
  } else if (standing._tag === pair.state) pairs.set(peer, { state: pair.state, until: standing.until })
  else {
    if (pair.state !== "Candidate" && standing._tag !== "Banned") move(draft, peer, candidate, "over")
    move(draft, peer, idle(draft, standing), "charged")
  }
}

/** Brings the pairs without a session up to what the book says of them. To a private chain strangers don't exist. */
export const mirror = (draft: Draft, candidates: ReadonlyArray<CandidateFacts>): void => {
  const { known, private: isPrivate } = draft.settings
  const found = isPrivate ? candidates.filter(({ peer }) => known.has(peer)) : candidates
  for (const facts of found) mirrorOne(draft, facts)
  // All that were found have a pair now: are there no more, nobody is gone.
  if (draft.pairs.size === found.length) return
  const peers = new Set(found.map(({ peer }) => peer))
  for (const [peer, pair] of draft.pairs) {
    if (!isBusy(pair) && !peers.has(peer)) move(draft, peer, undefined, "evicted")
  }
}
