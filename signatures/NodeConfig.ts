import type { Duration } from "effect"
import type { Address } from "./Address.ts"
import type { Chain } from "./Chain.ts"
import type { SelectionPolicy } from "./SelectionPolicy.ts"

/** What `p2pNode` takes. All but the chain has a default, see `nodeDefaults`. */
export interface P2pNodeConfig {
  readonly chain: Chain
  /** Outbound sessions that the node tries to hold, with peers of its own choice. 1 to 64. */
  readonly sessionCount?: number
  /**
   * Sessions that others may open; a quarter of them only peers of address groups that hold few. Default 2 × sessionCount, or what
   * `maxSessionCount` leaves if that is less.
   */
  readonly maxInboundCount?: number
  /**
   * All sessions, those included that are opening or closing. At least sessionCount + maxInboundCount, so that inbound
   * sessions never take the room of outbound ones. Default 3 × sessionCount, or that sum if it is more.
   */
  readonly maxSessionCount?: number
  /** Inbound slots kept for peers never seen before. Fewer than `maxInboundCount`, so that others are let in too. */
  readonly newcomerSlots?: number
  /** Lifetime of a session before it is rotated out, jittered ±25 % per session; "Infinity" turns rotation off. */
  readonly sessionTimeout?: Duration.Input
  /** Bytes, under 16 MiB. Agreed in the hello: the smaller holds. */
  readonly maxMessageBytes?: number
  /** Bytes. A peer whose `maxMessageBytes` is below it is incompatible. */
  readonly minMessageBytes?: number
  /** Bytes of receive credit per session. */
  readonly window?: number
  /** Sticky: never evicted, dialled first. Multiaddrs that end in `/p2p/<PeerId>`. */
  readonly knownPeers?: ReadonlyArray<Address>
  /** Talk to `knownPeers` only, and don't tell others that we serve the chain. */
  readonly private?: boolean
  /** How long a rotated or drained session's finalizers may go on sending. */
  readonly drainTimeout?: Duration.Input
  /** How long a peer may take to read what was sent before a close. */
  readonly closeTimeout?: Duration.Input
  /** How peers are picked. Default: sharing links without making hubs, see `src/node/README.md`. */
  readonly policy?: SelectionPolicy
}

/** The defaults that don't follow from another option. Sizes in bytes. */
export const nodeDefaults = {
  sessionCount: 6,
  newcomerSlots: 1,
  sessionTimeout: "4 minutes",
  maxMessageBytes: 2 * 1024 * 1024,
  minMessageBytes: 64 * 1024,
  window: 1024 * 1024,
  private: false,
  drainTimeout: "5 seconds",
  closeTimeout: "10 seconds"
} as const satisfies Partial<P2pNodeConfig>

/** A message's length takes 3 bytes on the wire. */
export const maxMessageBytesLimit = 16 * 1024 * 1024 - 1
