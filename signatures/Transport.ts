/**
 * The seam between what decides and what moves bytes. Synchronous callbacks, because this is the hot path. The laws that
 * every backend keeps are in this folder's README.md and tested in `test/laws/Transport.laws.ts`.
 */
import { Context, type Effect, Schema, type Scope } from "effect"
import { Address } from "./Address.ts"
import { PeerId } from "./PeerId.ts"

/** One protocol for all sessions of all chains, one for control messages. */
export type Protocol = "/chain-p2p/1" | "/chain-p2p/control/1"

export class DialFailed extends Schema.TaggedError<DialFailed>()("DialFailed", {
  peer: PeerId,
  address: Address,
  reason: Schema.Literals(["timeout", "refused", "unreachable", "wrong-peer", "handshake", "transport-missing"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const hint = this.reason === "transport-missing" && this.address.includes("/quic-v1")
      ? ": install the package @chainsafe/libp2p-quic 2.1 (it needs Node >= 22)"
      : ""
    return `could not dial ${this.peer} at ${this.address}: ${this.reason}${hint}`
  }
}

export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  address: Address,
  reason: Schema.Literals(["in-use", "denied", "not-available", "transport-missing"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const advice = {
      "in-use":
        "the port is in use: stop the process that holds it, or listen on another port (0 lets the system choose)",
      "denied": "the system does not allow it: choose a port above 1023, or give the process the right",
      "not-available": "this machine has no such address: listen on one of its own, or on 0.0.0.0 or ::",
      "transport-missing": this.address.includes("/quic-v1")
        ? "QUIC is not installed: install the package @chainsafe/libp2p-quic 2.1 (it needs Node >= 22)"
        : "no transport for such an address is installed"
    }
    return `could not listen on ${this.address}: ${advice[this.reason]}`
  }
}

/** The link has ended, or ended before the stream was there. */
export class LinkLost extends Schema.TaggedError<LinkLost>()("LinkLost", {
  peer: PeerId,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the link to ${this.peer} is gone`
  }
}

/** The link lives; this stream was not to be had. */
export class StreamRefused extends Schema.TaggedError<StreamRefused>()("StreamRefused", {
  reason: Schema.Literals(["limit", "timeout", "unsupported"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the peer did not take a stream: ${this.reason}`
  }
}

/** How a link ended: closed or aborted here, by the other end, or lost. Over a real network `remote` proves nothing. */
export interface LinkEnd {
  readonly by: "local" | "remote" | "lost"
  readonly cause?: unknown
}

/** Who reads a stream. Never called from inside a `write`, `attach`, `finish` or `abort` of either end. */
export interface Sink {
  /** In order, whatever the chunks. The chunk is the reader's, but may be a view into a larger buffer: copy what is kept. */
  bytes(chunk: Uint8Array): void
  /** After a `write` that answered false: there is room again. */
  drain(): void
  /** Once, after the last byte. `linkEnded` tells a lost link from a lost stream; that it looks orderly proves nothing. */
  end(end: { readonly linkEnded: boolean; readonly cause?: unknown }): void
}

/** A raw, ordered byte stream. */
export interface RawStream {
  readonly protocol: Protocol
  /**
   * The bytes are the transport's from here on: the caller must not change them. False means "taken, but wait for drain";
   * after false, up to 64 KiB more of control frames may still go. After end, finish or abort it drops, and no drain follows.
   * `more` follows `bytes` as if it were one write: so the header of a large message costs no copy of the message.
   */
  readonly write: (bytes: Uint8Array, more?: Uint8Array) => boolean
  /** Once. What came before is kept, bounded and in order, and given soon after. */
  readonly attach: (sink: Sink) => void
  /** Runs a batch's flush soon: in a microtask over a real network, in the same virtual instant in simulation. */
  readonly soon: (flush: () => void) => void
  /** Half-close: what was written still goes. The end comes once the other end has finished too; deadlines are the caller's. */
  readonly finish: () => void
  /** Both directions, at once; what was written may be lost. */
  readonly abort: () => void
}

/** The one secure, multiplexed transport connection to a peer. */
export interface Link {
  readonly peer: PeerId
  /** Of an inbound link the port is ephemeral: never dial it. */
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  /** Fails with `LinkLost` if the link ends first; has a deadline of its own (`StreamRefused` timeout). */
  readonly open: (protocol: Protocol) => Effect.Effect<RawStream, LinkLost | StreamRefused>
  /** Once. Streams that arrive before it is called are kept, at most 16; more are reset. */
  readonly accept: (onStream: (stream: RawStream) => void) => void
  /** Completes when the link has ended, after the `end` of its streams. */
  readonly ended: Effect.Effect<LinkEnd>
  /** Orderly: finished streams are flushed first, within a deadline. Completes when the link has ended. Never fails. */
  readonly close: Effect.Effect<void>
  /** At once. */
  readonly abort: () => void
}

export class Transport extends Context.Service<Transport, {
  /**
   * A new link, authenticated to be `peer`; never one that was handed out before. Interruption gives it up, and a link that
   * comes all the same is closed. May wait for ever: the deadline is the caller's.
   */
  readonly dial: (peer: PeerId, address: Address) => Effect.Effect<Link, DialFailed>
  /**
   * Starts to listen on the addresses with which the transport was made, and gives those on which it can be reached (with
   * the ports that the system chose). Every inbound link is passed to `onLink` until the scope closes. Once per transport.
   */
  readonly listen: (onLink: (link: Link) => void) => Effect.Effect<ReadonlyArray<Address>, ListenFailed, Scope.Scope>
}>()("chain-p2p/signatures/Transport") {}
