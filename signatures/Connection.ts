/**
 * What a session gets, and all that it gets. The laws L1 to L13 that every backend keeps are written out in this folder's
 * README.md and tested in `test/laws/P2pConnection.laws.ts`.
 */
import { type Effect, type Option, Schema } from "effect"

/** Any bytes, none included. The sender must not change a message after `send`; the receiver must not write to one. */
export type P2pMessage = Uint8Array

/**
 * Why an orderly end came: `closed` (a session returned or called `close`), `rotated` (its lifetime was over), `draining`
 * (the chain was removed, or `drain` called), `shutdown` (the node was interrupted, or the process signalled).
 */
export const CloseCode = Schema.Literals(["closed", "rotated", "draining", "shutdown"])
export type CloseCode = typeof CloseCode.Type

/** An orderly end. Nobody is ever charged for one. */
export class ConnectionClosed extends Schema.TaggedError<ConnectionClosed>()("ConnectionClosed", {
  by: Schema.Literals(["local", "remote"]),
  code: CloseCode
}) {
  override get message(): string {
    return `the connection was closed by ${this.by === "local" ? "this end" : "the other end"} (${this.code})`
  }
}

/**
 * A disorderly end. What had arrived can still be received; of what was sent any suffix may be missing.
 *
 * `remote-session-failed`: the other end's session failed. `local-session-failed`: ours did. `stream-lost`: the stream
 * ended without a word, the link lives. `link-lost`: the link ended. `superseded`: a second link to the peer took over;
 * a new connection follows. `timeout`: the peer did not read what was sent before a close. `protocol-violation`: one end
 * broke the wire format or the session's protocol.
 */
export class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", {
  reason: Schema.Literals([
    "remote-session-failed",
    "local-session-failed",
    "stream-lost",
    "link-lost",
    "superseded",
    "timeout",
    "protocol-violation"
  ]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the connection failed: ${this.reason}${this.cause instanceof Error ? ` (${this.cause.message})` : ""}`
  }
}

/** Nothing was sent, and the connection is as it was. Sizes in bytes. */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  size: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    return `a message of ${this.size} bytes is over the limit of ${this.limit} that both ends agreed on: split it, or raise maxMessageBytes at both ends`
  }
}

/**
 * What a session fails with when the other end broke the session's own protocol (an invalid block, a forged signature):
 * the connection is aborted as `protocol-violation`, and the peer banned, as for a violation of the wire format. Any other
 * failure of a session counts as one failure of this peer on this chain.
 */
export class ProtocolViolated extends Schema.TaggedError<ProtocolViolated>()("ProtocolViolated", {
  /** What was wrong, for the log. Never holds raw bytes of the peer. */
  what: Schema.String
}) {
  override get message(): string {
    return `the peer broke the protocol of the session: ${this.what}`
  }
}

export interface P2pConnection {
  /**
   * Waits while there is no room (back-pressure), never for the peer's session to receive. Fails at once after an end or a
   * failure, and with `MessageTooLarge` for a message above the agreed maximum. Interrupted while waiting, nothing was sent.
   */
  readonly send: (message: P2pMessage) => Effect.Effect<void, ConnectionClosed | ConnectionFailed | MessageTooLarge>
  /** Waits for the next message. First gives what had arrived before an end or failure. Interruption loses nothing. */
  readonly receive: Effect.Effect<P2pMessage, ConnectionClosed | ConnectionFailed>
  /** Never waits: the next message, none if none is here, or the failure that `receive` would give. */
  readonly tryReceive: Effect.Effect<Option.Option<P2pMessage>, ConnectionClosed | ConnectionFailed>
  /** Never fails, never waits, may be called again. What was accepted by `send` before it is still delivered. */
  readonly close: Effect.Effect<void>
}

/**
 * One run of a chain's protocol over one connection. Knows nothing of who is at the other end. Returning closes the
 * connection, failing aborts it; fibers forked in it end with it.
 */
export type P2pSession<E = never, R = never> = (connection: P2pConnection) => Effect.Effect<void, E, R>
