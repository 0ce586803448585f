import { Context, type Duration, type Effect, type Option, type Scope } from "effect"
import type { Address } from "./Address.ts"
import type { Chain } from "./Chain.ts"
import type { PeerRecord } from "./Identity.ts"
import type { SessionOutcome } from "./P2pNode.ts"
import type { PeerId } from "./PeerId.ts"

/**
 * Where facts about a peer came from. Those of `config` and `bootstrap` are the user's word and are not filtered; those of `mdns`
 * are nobody's: they teach addresses of the local network only, and never in the place of what the peer has signed.
 */
export type PeerSource = "config" | "bootstrap" | "info" | "exchange" | "rejection" | "mdns"

/** What happened. `PeerBook.record` alone knows whom it is charged to: the table is in `src/peers/README.md`. */
export type Charge =
  | { readonly _tag: "DialFailed"; readonly peer: PeerId; readonly address: Address }
  /** Every address that the book had was tried, and failed. Recorded after the single failures. */
  | { readonly _tag: "Unreachable"; readonly peer: PeerId }
  | {
    readonly _tag: "LinkUp"
    readonly peer: PeerId
    readonly address: Address
    readonly direction: "inbound" | "outbound"
  }
  /** A link of which `LinkUp` was told is up no more, however it ended: once each, before what its loss is charged as. */
  | {
    readonly _tag: "LinkDown"
    readonly peer: PeerId
    readonly address: Address
    readonly direction: "inbound" | "outbound"
  }
  /** Of a link that was leased and did not say goodbye. */
  | {
    readonly _tag: "LinkLost"
    readonly peer: PeerId
    readonly address: Address
    readonly direction: "inbound" | "outbound"
  }
  /**
   * Nothing was heard on any of several links, this peer's among them: it was our own end that was cut off. Nobody is charged
   * for it, and what was charged meanwhile is taken back.
   */
  | { readonly _tag: "CutOff"; readonly peer: PeerId }
  | { readonly _tag: "SessionEnded"; readonly peer: PeerId; readonly chain: Chain; readonly outcome: SessionOutcome }
  | { readonly _tag: "Violation"; readonly peer: PeerId }
  /** The peer has said goodbye because it has banned us. */
  | { readonly _tag: "BannedByPeer"; readonly peer: PeerId }

/** Whether a peer may be picked for a chain. `until` in monotonic milliseconds; the gravest one that holds is given. */
export type Standing =
  | { readonly _tag: "Clear" }
  | { readonly _tag: "Cooling"; readonly until: number }
  | { readonly _tag: "Incompatible"; readonly until: number }
  | { readonly _tag: "Banned"; readonly until: number }

export interface PeerFacts {
  readonly peer: PeerId
  /** Best first. Without `/p2p/…`. */
  readonly addresses: ReadonlyArray<Address>
  /** None while it has not said: then it counts as a candidate for every chain. */
  readonly chains: Option.Option<ReadonlyArray<Chain>>
  /** Who keeps it: each owner adds and removes its own reason. A sticky peer is never evicted. */
  readonly sticky: ReadonlySet<string>
  readonly lastSuccess: Option.Option<number>
  /** When a session with it first ended in order, perhaps with an earlier process of ours; absent if none has. */
  readonly firstSuccess?: number
  /**
   * Known from an earlier process only: nothing was heard of it since, and it may be long gone. We were linked to an anchor at
   * the end of that process, so it is asked first. Not of peers that the user names.
   */
  readonly remembered?: "anchor" | "peer"
  /** Whose word its newest addresses are. None of who has no address, or is only remembered. */
  readonly source?: PeerSource
  /** Recent failures of the peer on all chains, and for `candidates` on this chain too; 0 after a success. */
  readonly failures: number
}

export interface CandidateFacts extends PeerFacts {
  readonly standing: Standing
}

/** One line of how a peer came to stand where it does: what happened, to whom it was charged, and what came of it. */
export interface HistoryLine {
  /** The last time that it happened, in monotonic milliseconds; before this process began if it was remembered. */
  readonly at: number
  /** How often it has happened since the line was first written. */
  readonly times: number
  /** In words such as `session failed: stream-lost`. Ours, or the user's reason for a ban: nothing that a peer has written. */
  readonly what: string
  readonly chain: Option.Option<Chain>
  readonly address: Option.Option<Address>
  readonly charged: "nobody" | "address" | "peer" | "chain"
  readonly did: "good" | "failed" | "waits" | "incompatible" | "compatible" | "banned" | "unbanned"
  /** Until when it kept, or keeps, the peer from being picked; none if it didn't. Monotonic milliseconds. */
  readonly until: Option.Option<number>
}

/** Facts about peers, and nothing but facts. All reads and `record` are synchronous: decisions are taken between two events. */
export class PeerBook extends Context.Service<PeerBook, {
  /**
   * A verified record, or the user's word (sequence 0). What the peer says itself (`info`) counts whatever its sequence. Bounded: may
   * evict peers that are not sticky.
   */
  readonly learn: (record: PeerRecord, source: PeerSource) => void
  /** What the peer says it serves. `set` replaces what it said before. */
  readonly learnChains: (
    peer: PeerId,
    change: { readonly set: ReadonlyArray<Chain> } | {
      readonly added: ReadonlyArray<Chain>
      readonly removed: ReadonlyArray<Chain>
    }
  ) => void
  readonly stick: (peer: PeerId, owner: string) => void
  readonly unstick: (peer: PeerId, owner: string) => void
  /** Applies the table of charges, and holds the suspicion of ourselves. */
  readonly record: (charge: Charge) => void
  /** Every known peer that serves the chain or has not said, whatever its standing. Never ourselves. */
  readonly candidates: (chain: Chain) => ReadonlyArray<CandidateFacts>
  readonly standing: (peer: PeerId, chain: Chain) => Standing
  readonly peer: (peer: PeerId) => Option.Option<PeerFacts>
  /** Monotonic milliseconds, while in the future; also of peers of which nothing else is known. */
  readonly bannedUntil: (peer: PeerId) => Option.Option<number>
  /**
   * What was recorded of a peer, oldest first, each thing once with how often. Bounded: what went well goes first. What a
   * suspicion of ourselves has taken back is not there.
   */
  readonly history: (peer: PeerId) => ReadonlyArray<HistoryLine>
  /**
   * By hand, from now on, also of a peer that is banned or not known. Its links are closed. At most a year. The reason is kept with
   * the ban, on one line and cut to 200 characters, and is told in the peer's history.
   */
  readonly ban: (peer: PeerId, duration: Duration.Duration, reason?: string) => void
  /** Ends a ban, and forgets that there was one: the next is as short as a first. Other waits stay. */
  readonly unban: (peer: PeerId) => void
  /** Nearly everything failed at once, so it is probably us: nobody is charged, and only sticky peers should be tried. */
  readonly suspectsItself: () => boolean
  /** Every known peer; for commands and tests. */
  readonly all: () => ReadonlyArray<PeerFacts>
  /** Called synchronously after each change. May read the book, and must not change it: set a flag, open a latch. */
  readonly watch: (listener: (peer: PeerId) => void) => Effect.Effect<void, never, Scope.Scope>
}>()("chain-p2p/signatures/PeerBook") {}
