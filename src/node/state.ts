import type {
  CandidateFacts,
  CloseCode,
  LinkView,
  NodeEvent,
  PeerId,
  RejectReason,
  SessionOutcome,
  Standing
} from "../../signatures/index.ts"

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

/** The state of one node. Slots are never counted up and down: they are what `pairs` says, so none can leak. */
export interface State {
  readonly mode: "running" | "stopping"
  /** A pair that is not here is Unknown. */
  readonly pairs: ReadonlyMap<PeerId, Pair>
  readonly attempts: number
  /** Whether somebody could be opened, now or after the short pause between two openings. */
  readonly anyEligible: boolean
  readonly atTarget: boolean
  /** The book suspects ourselves, as of the last look. */
  readonly suspecting: boolean
  /** While suspecting: when the next peer that isn't sticky may be probed. */
  readonly probeAt: number
  /** A candidate lacks an address and a link: only a new link helps it. */
  readonly lacksLink: boolean
  /** Somebody that might be picked is only remembered from an earlier process, as of the last look. */
  readonly remembers: boolean
  /** When time alone makes something possible. `Infinity` if nothing does. */
  readonly wakeAt: number
}

export const initialState: State = {
  mode: "running",
  pairs: new Map(),
  attempts: 0,
  anyEligible: false,
  atTarget: false,
  suspecting: false,
  probeAt: 0,
  lacksLink: false,
  remembers: false,
  wakeAt: 0
}

export type NotOpened = Extract<SessionOutcome, { readonly _tag: "NotOpened" | "Cancelled" }>

/** What happens to a node. */
export type Event =
  /** Something may have become possible: a fresh look at the book and the links. */
  | {
    readonly _tag: "Looked"
    readonly candidates: ReadonlyArray<CandidateFacts>
    /** Asked for only when somebody is to be opened. */
    readonly links: () => ReadonlyMap<PeerId, LinkView>
    /** By how many nodes of the process a peer is asked for a session. */
    readonly asked: (peer: PeerId) => number
    readonly suspectsItself: boolean
  }
  /** It is time: `wakeAt` has come. `standing` says what the book says now. */
  | { readonly _tag: "Rang"; readonly standing: (peer: PeerId) => Standing }
  /** Our opening was accepted; `group` is that of the address at which the peer really is. */
  | { readonly _tag: "Opened"; readonly peer: PeerId; readonly attempt: number; readonly group: string | undefined }
  /** Our opening came to nothing, and its lease is given back. `standing` is as of after the charge. */
  | {
    readonly _tag: "NotOpened"
    readonly peer: PeerId
    readonly attempt: number
    readonly outcome: NotOpened
    readonly standing: Standing
  }
  | {
    readonly _tag: "Hello"
    readonly peer: PeerId
    readonly standing: Standing
    /** Whether the peer's id is smaller than ours: then its opening wins over a crossing one of ours. */
    readonly isSmaller: boolean
    readonly newcomer: boolean
    /** That from which it has come. */
    readonly group: string | undefined
  }
  /** A session or its connection has ended. */
  | { readonly _tag: "Ended"; readonly peer: PeerId; readonly attempt: number }
  /** The session's fiber has ended, its stream is gone and its lease given back. */
  | {
    readonly _tag: "Released"
    readonly peer: PeerId
    readonly attempt: number
    readonly outcome: SessionOutcome
    readonly standing: Standing
  }
  /** Drain or shutdown: for good. */
  | { readonly _tag: "Stop"; readonly code: CloseCode }

/** What is to be done. */
export type Command =
  | { readonly _tag: "Open"; readonly peer: PeerId; readonly attempt: number }
  | { readonly _tag: "Cancel"; readonly attempt: number }
  | { readonly _tag: "Accept"; readonly attempt: number }
  /** `retryAfter` in milliseconds. */
  | { readonly _tag: "Reject"; readonly reason: RejectReason; readonly retryAfter: number }
  | { readonly _tag: "End"; readonly attempt: number; readonly code: CloseCode }
  | { readonly _tag: "Announce"; readonly event: NodeEvent }
  /** The policy threw. */
  | { readonly _tag: "Complain"; readonly cause: unknown }

export const isBusy = (pair: Pair | undefined): pair is Busy => pair !== undefined && "attempt" in pair

export interface Slots {
  readonly outbound: number
  readonly inbound: number
  /** Without the spare ones. */
  readonly openingCount: number
  readonly spareCount: number
  readonly closingOutbound: number
  readonly closingInbound: number
  readonly newcomers: number
  /** Everything that holds a slot. */
  readonly total: number
}

/** Who holds which slot. `outbound` and `inbound` are active ones. */
export const countSlots = (pairs: ReadonlyMap<PeerId, Pair>): Slots => {
  const slots = {
    outbound: 0,
    inbound: 0,
    openingCount: 0,
    spareCount: 0,
    closingOutbound: 0,
    closingInbound: 0,
    newcomers: 0,
    total: 0
  }
  for (const pair of pairs.values()) {
    if (!isBusy(pair)) continue
    slots.total++
    if (pair.newcomer) slots.newcomers++
    if (pair.state === "Opening") slots[pair.spare ? "spareCount" : "openingCount"]++
    else if (pair.state === "Active") slots[pair.direction]++
    else if (pair.direction === "inbound") slots.closingInbound++
    else slots.closingOutbound++
  }
  return slots
}

const countGroups = (pairs: ReadonlyMap<PeerId, Pair>, counts: (pair: Busy) => boolean): Map<string, number> => {
  const byGroup = new Map<string, number>()
  for (const pair of pairs.values()) {
    if (!isBusy(pair) || !counts(pair)) continue
    for (const group of pair.groups) byGroup.set(group, (byGroup.get(group) ?? 0) + 1)
  }
  return byGroup
}

export const outboundByGroup = (pairs: ReadonlyMap<PeerId, Pair>): Map<string, number> =>
  countGroups(pairs, ({ direction, state }) => direction === "outbound" && state !== "Closing")

/** Of all that hold a slot, or of those that are active. */
export const inboundByGroup = (pairs: ReadonlyMap<PeerId, Pair>, which?: "Active"): Map<string, number> =>
  countGroups(pairs, ({ direction, state }) => direction === "inbound" && (which === undefined || state === which))
