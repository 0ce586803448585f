import { Context, type Duration, type Effect, Schema } from "effect"
import type { Address } from "./Address.ts"
import type { Chain } from "./Chain.ts"
import type { CloseCode, ConnectionClosed, ConnectionFailed, P2pConnection } from "./Connection.ts"
import type { LeaseFailed } from "./ConnectionPool.ts"
import type { PeerId } from "./PeerId.ts"

export const RejectReason = Schema.Literals([
  "full",
  "unknown-chain",
  "incompatible",
  "banned",
  "draining",
  "duplicate",
  "rate-limited"
])
export type RejectReason = typeof RejectReason.Type

/** The peer answered, and said no. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  reason: RejectReason,
  /** When to ask again; 0 to 10 minutes. */
  retryAfterMillis: Schema.Int,
  /** Signed records of other peers to ask instead, at most 4. */
  alternatives: Schema.Array(Schema.Uint8Array)
}) {
  override get message(): string {
    return `the peer rejected the session: ${this.reason}`
  }
}

/**
 * The opening came to nothing after the link was there. `timeout`: no answer to the hello in time. `cut-off`: neither, but
 * nothing was heard from anybody meanwhile, so it was our own end.
 */
export class OpenFailed extends Schema.TaggedError<OpenFailed>()("OpenFailed", {
  reason: Schema.Literals(["timeout", "stream-lost", "link-lost", "superseded", "cut-off", "protocol-violation"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the session could not be opened: ${this.reason}`
  }
}

export interface ConnectionLimits {
  /** Bytes. What we announce; the smaller of both ends' holds. */
  readonly maxMessageBytes: number
  /** Bytes. A peer that announces less is incompatible. */
  readonly minMessageBytes: number
  /** Bytes of receive credit that we grant per session. */
  readonly window: number
  /** How long a peer may take to read what was sent before a close. */
  readonly closeTimeout: Duration.Duration
  /** Left out of the chain set that peers are told. */
  readonly private: boolean
}

/** Who asks for a session. */
export interface Hello {
  readonly peer: PeerId
  readonly remote: Address
  readonly chain: Chain
}

/** A connection with what the node needs beside it. It outlives the session until `released`. */
export interface OpenedConnection {
  readonly connection: P2pConnection
  readonly peer: PeerId
  readonly remote: Address
  /** Orderly: what was accepted is flushed, then the end with its code. As `connection.close`, but with a code. Idempotent. */
  readonly end: (code: CloseCode) => void
  /** Aborts: unsent data is dropped. `protocol-violation` (the session says so) also has the peer banned. Idempotent. */
  readonly fail: (reason: "session-failed" | "protocol-violation") => void
  /**
   * Calls the listener, synchronously, when the connection has ended; at once if it has. It must not run the session or use
   * the connection before it has returned. There is one listener, who runs the session: the last one counts.
   */
  readonly onEnded: (listener: (how: ConnectionClosed | ConnectionFailed) => void) => void
  /** How the connection ended, as the operations see it: the first end or failure, local or remote. */
  readonly ended: Effect.Effect<ConnectionClosed | ConnectionFailed>
  /** The stream is gone and the lease given back. */
  readonly released: Effect.Effect<void>
}

/**
 * Synchronous, so that capacity is checked and taken in one step. `accept` is called, synchronously, with the connection;
 * it must not run the session before it has returned.
 */
export type Decide = (hello: Hello) =>
  | { readonly accept: (opened: OpenedConnection) => void }
  | { readonly reject: RejectReason; readonly retryAfter: Duration.Duration }

/** Sessions' connections over the links of a pool. */
export class Connections extends Context.Service<Connections, {
  /**
   * Leases a link, opens a stream, says hello, and waits for the answer (at most 5 s). Interruption cancels the opening: the
   * stream is aborted, the lease given back. If a connection came in that very moment, the interruption ends it, and lasts until
   * it is released. The waits can be interrupted in an uninterruptible region too: who opens in one, and goes on in it, loses none.
   */
  readonly open: (
    peer: PeerId,
    chain: Chain,
    limits: ConnectionLimits
  ) => Effect.Effect<OpenedConnection, Rejected | LeaseFailed | OpenFailed>
  /**
   * Answers hellos of a chain, and makes the chain known to peers unless it is private. Gives its end. Synchronous; of a chain
   * that is served already it throws.
   */
  readonly serve: (chain: Chain, limits: ConnectionLimits, decide: Decide) => () => void
}>()("chain-p2p/signatures/Connections") {}
