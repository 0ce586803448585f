import type {
  CandidateFacts,
  CloseCode,
  LinkView,
  NodeEvent,
  PeerId,
  RejectReason,
  SelectionCandidate,
  SessionOutcome,
  Standing
} from "../../signatures/index.ts"
import { noPairs, type Pairs } from "./pairs.ts"

/** The state of one node. */
export interface State {
  readonly mode: "running" | "stopping"
  readonly pairs: Pairs
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
  pairs: noPairs,
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

/** Something may have become possible: a fresh look at the book and the links. */
export interface Looked {
  readonly _tag: "Looked"
  /** Something in the book may concern us that was not looked at yet. */
  readonly isNews: boolean
  readonly candidates: ReadonlyArray<CandidateFacts>
  /** Asked for only when somebody is to be opened. */
  readonly links: () => ReadonlyMap<PeerId, LinkView>
  /** What a policy is told of a candidate. */
  readonly view: (facts: CandidateFacts, link: LinkView | undefined, isKnown: boolean) => SelectionCandidate
  readonly suspectsItself: boolean
  /** What the book says of a peer now. */
  readonly standing: (peer: PeerId) => Standing
}

/** What happens to a node. */
export type Event =
  | Looked
  /** It is time: `wakeAt` has come. */
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
