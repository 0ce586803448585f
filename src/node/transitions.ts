import type { PairState, TransitionCause } from "../../signatures/index.ts"

export interface Legal {
  readonly from: ReadonlyArray<PairState>
  readonly by: TransitionCause
  readonly to: ReadonlyArray<PairState>
}

/** Every legal transition of a (peer, chain), and nothing else ever happens. The picture is in this folder's README.md. */
export const transitions: ReadonlyArray<Legal> = [
  { from: ["Unknown"], by: "learnt", to: ["Candidate"] },
  { from: ["Candidate", "Cooling", "Incompatible", "Banned"], by: "evicted", to: ["Unknown"] },
  { from: ["Candidate"], by: "picked", to: ["Opening"] },
  // Who says hello on a chain serves it, whatever was said before.
  { from: ["Unknown", "Candidate", "Cooling", "Incompatible"], by: "hello", to: ["Active"] },
  { from: ["Opening"], by: "accepted", to: ["Active"] },
  { from: ["Opening"], by: "crossed", to: ["Active"] },
  // As with a rejection: the book may know of something graver that happened meanwhile.
  { from: ["Opening"], by: "failed", to: ["Cooling", "Incompatible", "Banned"] },
  { from: ["Opening"], by: "rejected", to: ["Cooling", "Incompatible", "Banned"] },
  { from: ["Opening"], by: "withdrawn", to: ["Candidate"] },
  { from: ["Active"], by: "ended", to: ["Closing"] },
  { from: ["Closing"], by: "released", to: ["Candidate", "Cooling", "Incompatible", "Banned"] },
  { from: ["Candidate"], by: "charged", to: ["Cooling", "Incompatible", "Banned"] },
  { from: ["Cooling", "Incompatible"], by: "charged", to: ["Banned"] },
  { from: ["Cooling", "Incompatible", "Banned"], by: "over", to: ["Candidate"] }
]

export const isLegal = (from: PairState, by: TransitionCause, to: PairState): boolean =>
  transitions.some((row) => row.by === by && row.from.includes(from) && row.to.includes(to))
