import { type Address, addressFacts, type PeerId } from "../../signatures/index.ts"

export interface PeerBookOptions {
  /** The user's word: multiaddrs that end in `/p2p/<PeerId>`, candidates for every chain until they say what they serve. */
  readonly bootstrap?: ReadonlyArray<Address>
  /** How many peers are kept. Sticky ones are never evicted, so they may be more. Default 1024. */
  readonly maxPeers?: number
  /** How many peers of one address group (IPv4 /24, IPv6 /48) are kept. Default 32. */
  readonly maxPeersPerGroup?: number
  /** Default 8. */
  readonly maxAddressesPerPeer?: number
  /** Default 4096: more than the chains that any process serves. */
  readonly maxChainsPerPeer?: number
  /** Default 4096. The ban that ends first is forgotten first. */
  readonly maxBans?: number
  /** Whether peers may teach us loopback addresses. Default false. */
  readonly allowLoopback?: boolean
  /** Whether peers may teach us addresses of private networks. Default false. */
  readonly allowPrivate?: boolean
}

export type Bounds = Required<Omit<PeerBookOptions, "bootstrap">>

/** What doesn't depend on the moment. */
export interface Setting {
  readonly self: PeerId
  readonly bounds: Bounds
}

export const peerBookDefaults: Bounds = {
  maxPeers: 1024,
  maxPeersPerGroup: 32,
  maxAddressesPerPeer: 8,
  maxChainsPerPeer: 4096,
  maxBans: 4096,
  allowLoopback: false,
  allowPrivate: false
}

/**
 * What a node that listens on these may be taught: loopback addresses if it listens on loopback only (whoever reaches it is
 * on this machine), private ones if all it listens on is private or loopback. For those who assemble a node.
 */
export const allowancesFor = (
  listen: ReadonlyArray<Address>
): { readonly allowLoopback: boolean; readonly allowPrivate: boolean } => {
  const scopes = listen.map((address) => addressFacts(address).scope)
  return {
    allowLoopback: scopes.length > 0 && scopes.every((scope) => scope === "loopback"),
    allowPrivate: scopes.length > 0 && scopes.every((scope) => scope === "loopback" || scope === "private")
  }
}
