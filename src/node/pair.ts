export type Direction = "inbound" | "outbound"

/** A pair that holds a slot, and a lease. Times in monotonic milliseconds. */
export interface Busy {
  readonly state: "Opening" | "Active" | "Closing"
  /** Names this one session for its whole life: news of an earlier one of the same pair is recognised as late. */
  readonly attempt: number
  readonly direction: Direction
  /** When it came into this state; kept from Active to Closing. */
  readonly since: number
  /** `Infinity` unless Active. */
  readonly rotateAt: number
  /** Address groups that it counts in, with others of its direction; none for an inbound one of a known peer. */
  readonly groups: ReadonlyArray<string>
  /** Had never been seen before when it said hello. */
  readonly newcomer: boolean
  /** One of more openings than there are sessions missing: the first to be accepted count, the rest is given up. */
  readonly spare: boolean
}

/** A pair without a session: what the book says of it, kept here to tell what changed. */
export interface Idle {
  readonly state: "Candidate" | "Cooling" | "Incompatible" | "Banned"
  /** When it may be opened, or of a Candidate: when it may be opened again. */
  readonly until: number
}

export type Pair = Busy | Idle

export const isBusy = (pair: Pair | undefined): pair is Busy => pair !== undefined && "attempt" in pair
