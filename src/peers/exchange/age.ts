import type { PeerRecord } from "../../../signatures/index.ts"

/**
 * A host seals its record anew each day, so what was sealed a week ago, or is said to be sealed a week from now, is of a host that
 * is gone, or that has moved and whose old record somebody keeps. A week, as clocks differ: whose clock is wrong by days is told
 * of all the same, and by more, ours or theirs, only goes without being told of. Nothing else is decided by the time of day.
 */
const maxOffMillis = 7 * 24 * 60 * 60_000

/** `wall` is the time of day in milliseconds, as the sequence of a record is. */
export const isCurrent = ({ sequence }: Pick<PeerRecord, "sequence">, wall: number): boolean =>
  Math.abs(wall - Number(sequence)) < maxOffMillis
