import type { Option } from "effect"
import type { LinkView } from "./ConnectionPool.ts"
import type { CandidateFacts } from "./PeerBook.ts"
import type { PeerId } from "./PeerId.ts"

export interface SelectionCandidate extends CandidateFacts {
  /** One of the `knownPeers` of this chain. */
  readonly isKnown: boolean
  /** Its live link, with the chains on it. */
  readonly link: Option.Option<LinkView>
  /** How many chains of this process are asking it for a session just now: there may be a link in a moment. */
  readonly asked: number
  /**
   * Of the address at the other end of its link; without a link, of all its addresses: a peer in several groups counts in
   * each. Empty for addresses that aren't globally routable.
   */
  readonly groups: ReadonlyArray<string>
}

export interface SelectionView {
  /** Monotonic milliseconds. */
  readonly now: number
  readonly sessionCount: number
  /** How many outbound sessions one address group may hold: max(1, ⌊(sessionCount − 1) / 3⌋). */
  readonly groupLimit: number
  /** Milliseconds; may be `Infinity`. */
  readonly sessionTimeout: number
  /** Those that may be picked: clear standing, idle on this chain, dialable or linked, not ourselves. */
  readonly candidates: ReadonlyArray<SelectionCandidate>
  /** Outbound sessions (opening and active) per address group. */
  readonly outboundByGroup: ReadonlyMap<string, number>
}

/**
 * Whom to ask next. Pure: the same view and the same draws give the same answer. Peers of which only an earlier process knew
 * (`remembered`) come in a view of their own, and are asked beside the others.
 */
export interface SelectionPolicy {
  /**
   * Precondition: `n ≥ 1`. Postcondition: at most `n` of the view's candidates, none twice, none that puts more than
   * `groupLimit` sessions into a group, and not none when one may be picked. What a policy picks against this is ignored.
   */
  readonly pick: (view: SelectionView, n: number, random: () => number) => ReadonlyArray<PeerId>
}
