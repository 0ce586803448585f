/** Whom we tell a peer of. */
import type { PeerId } from "../../../signatures/index.ts"
import { fullAnswer } from "./options.ts"

/** A peer that others may be told of. */
export interface Teachable {
  readonly peer: PeerId
  /** It serves a chain that the asker serves too, and so do we. */
  readonly isShared: boolean
}

/** The address groups of a peer; empty where it has none. */
export type GroupsOf = (peer: PeerId) => ReadonlyArray<string>

const shuffled = <A>(items: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  items.map((item) => [random(), item] as const).toSorted(([a], [b]) => a - b).map(([, item]) => item)

/**
 * Adds to what was told until the answer is full: those on a shared chain first, and of these one of each address group first,
 * so that somebody with many peers in few groups doesn't fill it. `random` in [0, 1).
 */
export const extend = (
  told: ReadonlyArray<PeerId>,
  from: ReadonlyArray<Teachable>,
  groupsOf: GroupsOf,
  random: () => number
): ReadonlyArray<PeerId> => {
  const chosen = new Set(told)
  const taken = new Set(told.flatMap(groupsOf))
  const add = (those: ReadonlyArray<Teachable>, mayRepeat: boolean) => {
    for (const { peer } of those) {
      if (chosen.size >= fullAnswer) return
      const groups = chosen.has(peer) || mayRepeat ? [] : groupsOf(peer)
      if (groups.some((group) => taken.has(group))) continue
      chosen.add(peer)
      for (const group of groups) taken.add(group)
    }
  }
  const all = shuffled(from, random)
  for (const isShared of [true, false]) {
    const those = all.filter((one) => one.isShared === isShared)
    add(those, false)
    add(those, true)
  }
  return [...chosen]
}

interface Told {
  readonly until: number
  readonly lookedAt: number
  readonly peers: ReadonlyArray<PeerId>
}

/** Beyond so many askers the first are forgotten. */
const maxAskers = 1024

/** An answer that is not full is looked over again, at most so often. */
const lookEvery = 1_000

/**
 * What each peer was told. Who asks again hears the same for a while, or it could read us out; only an answer that was not full
 * is filled up.
 */
export class Answers {
  private readonly sameFor: number
  private readonly told = new Map<PeerId, Told>()

  /** Milliseconds. */
  constructor(sameFor: number) {
    this.sameFor = sameFor
  }

  get size(): number {
    return this.told.size
  }

  to(
    asker: PeerId,
    now: number,
    teachable: () => ReadonlyArray<Teachable>,
    groupsOf: GroupsOf,
    random: () => number
  ): ReadonlyArray<PeerId> {
    const known = this.told.get(asker)
    const before = known !== undefined && known.until > now ? known : undefined
    const isSettled = before !== undefined &&
      (before.peers.length >= fullAnswer || before.lookedAt + lookEvery > now)
    if (isSettled) return before.peers
    const peers = extend(before?.peers ?? [], teachable(), groupsOf, random)
    this.told.delete(asker)
    this.told.set(asker, { until: before?.until ?? now + this.sameFor, lookedAt: now, peers })
    for (const first of this.told.keys()) {
      if (this.told.size <= maxAskers) break
      this.told.delete(first)
    }
    return peers
  }
}
