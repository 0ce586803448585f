import { Context, type Effect, Schema, type Scope } from "effect"
import type { Address } from "./Address.ts"
import type { Chain } from "./Chain.ts"
import type { PeerId } from "./PeerId.ts"
import { DialFailed, type Link } from "./Transport.ts"

/**
 * No link for this lease. `unreachable`: every address was tried, see `dials`. `no-address`: there was none to try.
 * `banned`: we don't talk to this peer. `limit`: a limit of ours, charges nobody. `closing`: the pool is shutting down.
 */
export class LeaseFailed extends Schema.TaggedError<LeaseFailed>()("LeaseFailed", {
  reason: Schema.Literals(["unreachable", "no-address", "banned", "limit", "closing"]),
  dials: Schema.Array(DialFailed)
}) {
  override get message(): string {
    const dials = this.dials.map((dial) => dial.message).join("; ")
    return `no link to the peer: ${this.reason}${dials === "" ? "" : ` (${dials})`}`
  }
}

export interface LinkView {
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  /** Monotonic milliseconds of the process's `Clock`. */
  readonly since: number
  /** Those that hold a lease, in the order in which they took it. */
  readonly chains: ReadonlyArray<Chain>
}

/** One (peer, chain)'s hold on a link, while its session is opening, active or closing. */
export interface Lease {
  readonly link: Link
  /** Idempotent. The last one starts the link's linger. */
  release(): void
}

/** Said to a peer before a link is closed. Openings that are lost to it are charged to nobody. */
export type GoodbyeReason = "idle" | "superseded" | "shutdown" | "banned"

/** What the pool needs from whoever speaks on its links: `src/wire`. All are called by the pool only. */
export interface LinkAttendant {
  /** Every link, inbound and outbound, from its first moment, once. Synchronous; must not fail. */
  readonly attend: (link: Link) => void
  /**
   * Whether anything of the peer has arrived on such a link that has not ended. Whoever dials and gives up in the moment in
   * which the link comes about never says a word on it, and may not even know of it. Default: that it has.
   */
  readonly hasSpoken?: (link: Link) => boolean
  /** Such a link has ended; called before the pool itself goes by that, once. Synchronous; must not fail. */
  readonly ended?: (link: Link) => void
  /** Completes once the peer has answered a ping that was sent after the call; waits for ever if it doesn't. */
  readonly probe: (link: Link) => Effect.Effect<void>
  /**
   * Says goodbye; with `superseded` it also ends the link's connections as superseded, and with `banned` it lets frames
   * that are on their way out flush. Never takes longer than a second.
   */
  readonly farewell: (link: Link, reason: GoodbyeReason) => Effect.Effect<void>
}

/** All links of the process, one per peer, and who leases them. Decides nothing about chains. */
export class ConnectionPool extends Context.Service<ConnectionPool, {
  /** Those on which peers can reach us, from `Transport.listen`. */
  readonly addresses: ReadonlyArray<Address>
  /**
   * Dials if there is no link: all addresses that the book has for the peer, raced with a stagger. Leases of one peer
   * share one dial. Interruption gives the lease back, and gives up a dial for which nobody waits any more.
   */
  readonly lease: (peer: PeerId, chain: Chain) => Effect.Effect<Lease, LeaseFailed>
  /** For a session that the peer opened: never dials, never waits. */
  readonly leaseOn: (link: Link, chain: Chain) => Lease
  /** Registers the one attendant: it hears of links that are up already at once. With its scope all links end, with a farewell. */
  readonly attend: (attendant: LinkAttendant) => Effect.Effect<void, never, Scope.Scope>
  /**
   * What wire found out about a link: the pool has it charged, and ends it (`silent`: at once, `violation`: after a farewell).
   * `deaf`: it was silent, and so were all others. It ends at once too, and nobody is charged.
   */
  readonly dead: (link: Link, reason: "silent" | "deaf" | "violation") => void
  /** Something was heard again, on this link first, after nothing was on any of several: what failed meanwhile charges nobody. */
  readonly cutOff: (link: Link) => void
  /** The peer said goodbye on this link: no new leases on it, and its end is charged to nobody. */
  readonly leaving: (link: Link, reason: GoodbyeReason) => void
  /** What is up now. A new map after each change, never mutated. */
  readonly links: () => ReadonlyMap<PeerId, LinkView>
  /**
   * Called synchronously after each change of `links`; `leases`: the same links are up, and chains have taken or given back
   * leases on them. Must not call back into the pool: set a flag, open a latch.
   */
  readonly watch: (listener: (what: "links" | "leases") => void) => Effect.Effect<void, never, Scope.Scope>
}>()("chain-p2p/signatures/ConnectionPool") {}
