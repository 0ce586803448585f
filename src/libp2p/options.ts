import type { Address } from "../../signatures/index.ts"
import type { QuicPackage } from "./quic.ts"

/** All in milliseconds. */
export interface Deadlines {
  /** For a stream to be opened and its protocol agreed on. */
  readonly open: number
  /** For what finished streams wrote to leave, before a link is closed. */
  readonly flush: number
  /** For the other end to say that all of it has arrived. */
  readonly arrival: number
  /** For the socket to close after that. */
  readonly close: number
  /** For the whole node to stop: it once took more than three seconds. */
  readonly stop: number
}

export const defaultDeadlines: Deadlines = { open: 5_000, flush: 5_000, arrival: 2_000, close: 500, stop: 1_500 }

/** Streams that may be open on one link, each way: a session per chain, and some. */
export const defaultMaxStreams = 2_048

export interface Libp2pOptions {
  /** Where `Transport.listen` listens; port 0 lets the system choose. Empty: this node only dials. */
  readonly listen: ReadonlyArray<Address>
  /** Who we are: an Ed25519 key by its 32 secret bytes. A fresh one by default. */
  readonly key?: { readonly seed: Uint8Array }
  /** Streams that may be open on one link, each way. Default 2,048. */
  readonly maxStreams?: number
  readonly deadlines?: Partial<Deadlines>
  /** How QUIC's package is loaded, once an address first asks for it. */
  readonly loadQuic?: () => Promise<QuicPackage>
}
