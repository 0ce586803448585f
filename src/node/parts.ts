import type { PeerId } from "../../signatures/index.ts"
import { type Busy, isBusy, type Pair } from "./state.ts"

/**
 * Of all pairs those that hold a slot, and those that wait for a time to come: few, of perhaps hundreds, and what most steps
 * ask for. It follows from the pairs, and is kept beside them.
 */
export interface Parts {
  readonly busy: ReadonlyMap<PeerId, Busy>
  readonly waiting: ReadonlySet<PeerId>
}

const isWaiting = (pair: Pair | undefined): boolean => pair !== undefined && !isBusy(pair) && pair.state !== "Candidate"

const known = new WeakMap<ReadonlyMap<PeerId, Pair>, Parts>()

/** Of pairs that are no longer changed. */
export const partsOf = (pairs: ReadonlyMap<PeerId, Pair>): Parts => {
  const before = known.get(pairs)
  if (before !== undefined) return before
  const busy = new Map<PeerId, Busy>()
  const waiting = new Set<PeerId>()
  for (const [peer, pair] of pairs) {
    if (isBusy(pair)) busy.set(peer, pair)
    else if (isWaiting(pair)) waiting.add(peer)
  }
  const parts = { busy, waiting }
  known.set(pairs, parts)
  return parts
}

/** A copy of pairs that is being changed. */
export class ChangedPairs {
  readonly pairs: Map<PeerId, Pair>
  readonly busy: Map<PeerId, Busy>
  readonly waiting: Set<PeerId>

  constructor(before: ReadonlyMap<PeerId, Pair>) {
    const { busy, waiting } = partsOf(before)
    this.pairs = new Map(before)
    this.busy = new Map(busy)
    this.waiting = new Set(waiting)
  }

  put(peer: PeerId, pair: Pair | undefined): void {
    if (pair === undefined) this.pairs.delete(peer)
    else this.pairs.set(peer, pair)
    if (isBusy(pair)) this.busy.set(peer, pair)
    else this.busy.delete(peer)
    if (isWaiting(pair)) this.waiting.add(peer)
    else this.waiting.delete(peer)
  }

  /** Nothing more is changed. */
  done(): ReadonlyMap<PeerId, Pair> {
    known.set(this.pairs, { busy: this.busy, waiting: this.waiting })
    return this.pairs
  }
}
