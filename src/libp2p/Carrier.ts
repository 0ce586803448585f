/**
 * One way to carry libp2p's connections: TCP, QUIC, … What differs between them is written down in a value of this type, one
 * file each; `carriers.ts` holds the table. Nothing else here knows one from another.
 */
import type { ComponentLogger, PrivateKey, Stream, Transport } from "@libp2p/interface"

/** What libp2p's transport factories ask for. */
export interface CarrierParts {
  readonly privateKey: PrivateKey
  readonly logger: ComponentLogger
}

/** Of a stream from which no more bytes come: the other end finished or reset it, or the link took it along. */
type HowEnded = "finished" | "reset" | "with-link"

export interface Carrier {
  /** Which addresses are its own: `AddressFacts.transport` of them. */
  readonly transport: string
  /** Whether it looks host names up; where it doesn't, the adapter does. */
  readonly resolvesNames: boolean
  /** Loads the package and makes the transport. Called at most once per node, when an address first asks for it. */
  readonly make: (parts: CarrierParts) => Promise<Transport>
  /** Whether `write` should answer false: the caller then waits for `drain`. */
  readonly isFull: (stream: Stream) => boolean
  /** Asked once, when the last byte was given. `finished`: whether the stream said that the other end finished it. */
  readonly howEnded: (stream: Stream, finished: boolean) => HowEnded
}
