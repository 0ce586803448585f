/** What the core knows of one running session. Changed by the core only. */
import type { Branch } from "./Branch.ts"
import type { HeaderSyncStalled } from "./errors.ts"
import type { LocatorEntry } from "./locator.ts"
import type { Get, Message } from "./messages.ts"

/** A chain by its tip. */
export interface Tip {
  readonly height: number
  readonly work: bigint
  readonly hash: Uint8Array
}

/** The headers up to a tip that a peer announced, on their way. */
export interface Download {
  readonly pin: Tip
  readonly locator: ReadonlyArray<LocatorEntry>
  /** Of the locator's highest entry that is part of the peer's chain; known from its first answer. */
  ancestor: LocatorEntry | undefined
  branch: Branch | undefined
  /** Headers after the ancestor that were asked for. */
  asked: number
  received: number
  /** Another session has taken over: what still comes is counted, and dropped. */
  abandoned: boolean
}

/** One request that has not been answered in full. */
export interface Request {
  readonly download: Download
  readonly count: number
  /** Headers still to come; unknown while the ancestor is. */
  remaining: number | undefined
}

/** How the core reaches a session: at the end of a step. May call back. */
export interface PeerHandle {
  /** There may be something to send. */
  readonly wake: () => void
  /** The session is to fail. Once. */
  readonly stalled: (error: HeaderSyncStalled) => void
}

export interface Peer {
  readonly handle: PeerHandle
  saidHello: boolean
  /** Agreed; undefined until the peer's hello. */
  version: number | undefined
  /** What the peer announced last. */
  remote: Tip | undefined
  /** What we announced last. */
  announced: Tip | undefined
  download: Download | undefined
  /** Oldest first: answers come in their order. */
  readonly outstanding: Array<Request>
  /** When the oldest outstanding request became the oldest, in monotonic milliseconds. */
  progressAt: number
  /** Not to be asked before, because its next header is from the future. Monotonic milliseconds. */
  deferredUntil: number
  /** Seconds by which that header is ahead of what the clock allows; 0 while there is none. */
  ahead: number
  /** Not to be asked again until it announces anew. */
  exhausted: boolean
  readonly toSend: Array<Message>
  readonly toServe: Array<{ readonly get: Get; served: number }>
  /** Headers that fit into one message, as far as is known. */
  piece: number
  ended: boolean
}
