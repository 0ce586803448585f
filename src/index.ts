/** The public entry for Node: chains' nodes over libp2p. See README.md. */
import { Layer, Schema } from "effect"
import {
  Address,
  type ConnectionPool,
  type Connections,
  type Control,
  type Identity,
  type ListenFailed,
  type PeerBook
} from "../signatures/index.ts"
import { layerMdns, type MdnsOptions } from "./discovery/index.ts"
import { layerDisk } from "./disk/index.ts"
import { layerLibp2p } from "./libp2p/index.ts"
import {
  allowancesFor,
  layerPeerBook,
  layerPeerExchange,
  layerPeerUpdates,
  layerStoredPeerBook,
  type PeerExchangeOptions
} from "./peers/index.ts"
import { type ConnectionPoolOptions, layerConnectionPool } from "./pool/index.ts"
import { layerConnections } from "./wire/index.ts"

export * from "../signatures/index.ts"
export { layerDisk }
export { makeP2pNode, p2pNode, sharingPolicy } from "./node/index.ts"
export {
  type AsyncConnection,
  type AsyncSession,
  type AsyncSessionError,
  AsyncSessionFailed,
  fromAsync
} from "./promises/index.ts"
export * from "./sessions/index.ts"

export interface P2pOptions {
  /**
   * Where peers can reach this process, such as `/ip4/0.0.0.0/tcp/7400` or `/ip4/0.0.0.0/udp/7400/quic-v1`; port 0 lets the
   * system choose. Empty: it only dials. QUIC needs the package @chainsafe/libp2p-quic.
   */
  readonly listen: ReadonlyArray<string>
  /** Peers to begin with, as multiaddrs that end in `/p2p/<PeerId>`: candidates for every chain. */
  readonly bootstrap?: ReadonlyArray<string>
  /** Who we are: the 32 secret bytes of an Ed25519 key. A fresh one by default, so that peers know us by a new name each time. */
  readonly key?: Uint8Array
  readonly limits?: {
    /** To different peers. Default 256. */
    readonly links?: number
    /** To one IPv4 /24 or IPv6 /48. Default 16. */
    readonly linksPerGroup?: number
  }
  /**
   * The folder in which the peer book is kept, as `peers.book`: a restart then knows whom it knew, and whom it banned. One
   * process per folder. Without it the book is in memory alone.
   */
  readonly dataDir?: string
  /** How peers learn of each other. */
  readonly exchange?: PeerExchangeOptions
  /** Further ways to find peers. None by default. */
  readonly discovery?: {
    /** Those of this network on the local one, by multicast DNS: on port 5353 of all interfaces unless it says otherwise. */
    readonly mdns?: MdnsOptions
  }
  /** Whether peers may teach us loopback or private addresses. By default if all that we listen on is such. */
  readonly learn?: { readonly allowLoopback?: boolean; readonly allowPrivate?: boolean }
}

/** What `p2pNode` needs, and the control messages under it. */
export type P2pServices = Connections | ConnectionPool | PeerBook | Identity | Control

const poolOptions = ({ limits }: P2pOptions): ConnectionPoolOptions => ({
  ...(limits?.links === undefined ? {} : { maxLinks: limits.links }),
  ...(limits?.linksPerGroup === undefined ? {} : { maxLinksPerGroup: limits.linksPerGroup })
})

const addresses = Schema.decodeUnknownSync(Schema.Array(Address))

/**
 * One process on the network: its key, its listening sockets, its links, and what it knows of peers, for the nodes of any
 * number of chains. Fails with `ListenFailed` if it can't listen on each address; dies of an address that is none.
 *
 * Provide it once, around all nodes. Each `Effect.provide` builds it anew: two sibling nodes that are each provided with it
 * are two processes to the network, with two keys and two sets of links, and the second finds the ports in use.
 */
const layer = (options: P2pOptions): Layer.Layer<P2pServices, ListenFailed> => {
  const listen = addresses(options.listen)
  const transport = layerLibp2p({ listen, ...(options.key === undefined ? {} : { key: { seed: options.key } }) })
  const bookOptions = {
    bootstrap: addresses(options.bootstrap ?? []),
    ...allowancesFor(listen),
    ...options.learn
  }
  const book = options.dataDir === undefined
    ? layerPeerBook(bookOptions)
    : Layer.provide(layerStoredPeerBook("peers.book", bookOptions), layerDisk({ root: options.dataDir }))
  const mdns = options.discovery?.mdns
  return Layer.mergeAll(
    // Fresh, because it is the one part that is a value: two of these layers must not share it.
    Layer.fresh(layerPeerUpdates),
    layerPeerExchange(options.exchange),
    mdns === undefined ? Layer.empty : layerMdns(mdns)
  ).pipe(
    Layer.provideMerge(layerConnections()),
    Layer.provideMerge(layerConnectionPool(poolOptions(options))),
    Layer.provideMerge(book),
    Layer.provideMerge(transport)
  )
}

export const P2p = { layer } as const
