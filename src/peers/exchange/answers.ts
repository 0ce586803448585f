/** Whom we tell a peer of. */
import type { PeerId } from "../../../signatures/index.ts"
import { fullAnswer } from "./options.ts"

/** What matters of a peer that the asker may be told of. */
export interface Teachable {
  /** It serves a chain that the asker serves too, and so do we. */
  readonly isShared: boolean
  /** Of its addresses; empty where they have none. */
  readonly groups: ReadonlyArray<string>
}

const shuffled = <A>(items: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  items.map((item) => [random(), item] as const).toSorted(([a], [b]) => a - b).map(([, item]) => item)

/**
 * Adds to what was told until the answer is full: those on a shared chain first, and of these one of each address group first,
 * so that somebody with many peers in few groups doesn't fill it. `look` gives undefined for who is not to be told of, and is
 * asked no more often than it takes. `random` in [0, 1).
 */
export const extend = (
  told: ReadonlyArray<PeerId>,
  peers: ReadonlyArray<PeerId>,
  look: (peer: PeerId) => Teachable | undefined,
  random: () => number
): ReadonlyArray<PeerId> => {
  const chosen = new Set(told)
  const taken = new Set(told.flatMap((peer) => look(peer)?.groups ?? []))
  const left: Array<readonly [PeerId, Teachable]> = []
  const add = (peer: PeerId, { groups }: Teachable) => {
    chosen.add(peer)
    for (const group of groups) taken.add(group)
  }
  const isOfNewGroup = ({ groups }: Teachable) => !groups.some((group) => taken.has(group))
  for (const peer of shuffled(peers, random)) {
    if (chosen.size >= fullAnswer) break
    const one = chosen.has(peer) ? undefined : look(peer)
    if (one === undefined) continue
    if (one.isShared && isOfNewGroup(one)) add(peer, one)
    else left.push([peer, one])
  }
  const ranks: ReadonlyArray<(one: Teachable) => boolean> = [({ isShared }) => isShared, isOfNewGroup, () => true]
  for (const isNext of ranks) {
    for (const [peer, one] of left) {
      if (chosen.size < fullAnswer && !chosen.has(peer) && isNext(one)) add(peer, one)
    }
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
    peers: () => ReadonlyArray<PeerId>,
    look: (peer: PeerId) => Teachable | undefined,
    random: () => number
  ): ReadonlyArray<PeerId> {
    const known = this.told.get(asker)
    const before = known !== undefined && known.until > now ? known : undefined
    const isSettled = before !== undefined &&
      (before.peers.length >= fullAnswer || before.lookedAt + lookEvery > now)
    if (isSettled) return before.peers
    const extended = extend(before?.peers ?? [], peers(), look, random)
    this.told.delete(asker)
    this.told.set(asker, { until: before?.until ?? now + this.sameFor, lookedAt: now, peers: extended })
    for (const first of this.told.keys()) {
      if (this.told.size <= maxAskers) break
      this.told.delete(first)
    }
    return extended
  }
}
