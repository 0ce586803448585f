import { Duration } from "effect"
import type { PeerId } from "../../signatures/index.ts"

export interface ConnectionPoolOptions {
  /** How long a link without leases stays, for who comes back. Default 30 seconds. */
  readonly linger?: Duration.Input
  /** Between the starts of two dials to one peer's addresses. Default 250 ms. */
  readonly stagger?: Duration.Input
  /**
   * Of one dial, handshake included. Default 5 seconds: time for a connection whose first two packets are lost. A process that
   * stands still accepts connections and says nothing, and who has nobody else to ask waits for it so long.
   */
  readonly dialTimeout?: Duration.Input
  /** How long, of two links to one peer, the one that should stay may take to answer a ping. Default 2 seconds. */
  readonly probeTimeout?: Duration.Input
  /** How long the end of the pool may take; what is up then is aborted. Default 3 seconds. */
  readonly closeTimeout?: Duration.Input
  /** Peers with a link or a dial. Default 256. */
  readonly maxLinks?: number
  /** Of these, how many may have come to us: the rest is ours to dial. Default three quarters of `maxLinks`. */
  readonly maxInboundLinks?: number
  /** Peers of one address group (IPv4 /24, IPv6 /48) with a link or a dial. Default 16. */
  readonly maxLinksPerGroup?: number
  /** Inbound links on which there never was a session. Default 64. */
  readonly maxUnsettledInbound?: number
  /** Dials in flight, of all peers and chains. Default 16. */
  readonly maxDials?: number
}

/** Durations in milliseconds. */
export interface PoolSetting {
  readonly self: PeerId
  readonly linger: number
  readonly stagger: number
  readonly dialTimeout: number
  readonly probeTimeout: number
  readonly closeTimeout: number
  readonly maxLinks: number
  readonly maxInboundLinks: number
  readonly maxLinksPerGroup: number
  readonly maxUnsettledInbound: number
  readonly maxDials: number
}

export const poolSetting = (self: PeerId, options: ConnectionPoolOptions = {}): PoolSetting => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const maxLinks = options.maxLinks ?? 256
  return {
    self,
    linger: millis(options.linger ?? "30 seconds"),
    stagger: millis(options.stagger ?? "250 millis"),
    dialTimeout: millis(options.dialTimeout ?? "5 seconds"),
    probeTimeout: millis(options.probeTimeout ?? "2 seconds"),
    closeTimeout: millis(options.closeTimeout ?? "3 seconds"),
    maxLinks,
    maxInboundLinks: options.maxInboundLinks ?? Math.ceil((maxLinks * 3) / 4),
    maxLinksPerGroup: options.maxLinksPerGroup ?? 16,
    maxUnsettledInbound: options.maxUnsettledInbound ?? 64,
    maxDials: options.maxDials ?? 16
  }
}
