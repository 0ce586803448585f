import type { Duration, Effect, Scope, Stream } from "effect"
import type { CloseCode, ConnectionFailed, P2pSession } from "./Connection.ts"
import type { ConnectionPool, LeaseFailed } from "./ConnectionPool.ts"
import type { Connections, OpenFailed, Rejected } from "./Connections.ts"
import type { Identity } from "./Identity.ts"
import type { P2pNodeConfig } from "./NodeConfig.ts"
import type { PeerBook } from "./PeerBook.ts"
import type { PeerId } from "./PeerId.ts"

/** How a session came to its end, as data, because peers are chosen by it. */
export type SessionOutcome =
  | {
    readonly _tag: "Ended"
    readonly by: "local" | "remote"
    readonly code: CloseCode
    readonly lasted: Duration.Duration
  }
  | { readonly _tag: "Failed"; readonly error: ConnectionFailed; readonly lasted: Duration.Duration }
  | { readonly _tag: "NotOpened"; readonly error: Rejected | LeaseFailed | OpenFailed }
  /** By ourselves, before it was open. */
  | { readonly _tag: "Cancelled" }

/** Of (peer × chain). The legal transitions are a table in `src/node/README.md`. */
export type PairState =
  | "Unknown"
  | "Candidate"
  | "Opening"
  | "Active"
  | "Closing"
  | "Cooling"
  | "Incompatible"
  | "Banned"

/**
 * Why a pair changed its state. `crossed`: both opened at once, and theirs won. `withdrawn`: our opening came to nothing
 * that anybody is charged for. `charged`: something happened elsewhere, on the link or on another chain. `over`: the time of
 * waiting is over; a node that has its sessions wakes up for more than that, and tells it then.
 */
export type TransitionCause =
  | "learnt"
  | "evicted"
  | "picked"
  | "hello"
  | "accepted"
  | "crossed"
  | "failed"
  | "rejected"
  | "withdrawn"
  | "ended"
  | "released"
  | "charged"
  | "over"

/** `at` in monotonic milliseconds. */
export type NodeEvent =
  | {
    readonly _tag: "Transition"
    readonly at: number
    readonly peer: PeerId
    readonly from: PairState
    readonly to: PairState
    readonly by: TransitionCause
  }
  | {
    readonly _tag: "SessionEnded"
    readonly at: number
    readonly peer: PeerId
    readonly direction: "inbound" | "outbound"
    readonly outcome: SessionOutcome
  }
  | { readonly _tag: "TargetReached"; readonly at: number }
  | { readonly _tag: "BelowTarget"; readonly at: number }

export interface NodeStats {
  /** Active sessions of our own opening. */
  readonly outbound: number
  /** Active sessions that others opened. */
  readonly inbound: number
  readonly opening: number
  readonly closing: number
  /** `outbound` is at `sessionCount`, or no eligible peer is left. */
  readonly atTarget: boolean
}

/** A running node, for programs that want to look inside. */
export interface P2pNode {
  readonly stats: Effect.Effect<NodeStats>
  readonly sessions: Effect.Effect<
    ReadonlyArray<{
      readonly peer: PeerId
      readonly direction: "inbound" | "outbound"
      /** Monotonic milliseconds. */
      readonly since: number
    }>
  >
  /** Hot. A slow reader loses the oldest events, never the node's time. */
  readonly events: Stream.Stream<NodeEvent>
  /** Opens and accepts nothing more, ends all sessions with `draining`, completes when the last is gone. Idempotent. */
  readonly drain: Effect.Effect<void>
}

export type NodeServices = Connections | ConnectionPool | PeerBook | Identity

/** Runs for ever and never fails: listening, and its errors, belong to the layer. Interruption ends sessions with `shutdown`. */
export type P2pNodeRun = <E, R>(
  config: P2pNodeConfig,
  session: P2pSession<E, R>
) => Effect.Effect<never, never, R | NodeServices>

/** The same with a handle. Runs until the scope closes. */
export type P2pNodeMake = <E, R>(
  config: P2pNodeConfig,
  session: P2pSession<E, R>
) => Effect.Effect<P2pNode, never, R | NodeServices | Scope.Scope>
