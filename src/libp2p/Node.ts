import { generateKeyPair, generateKeyPairFromSeed } from "@libp2p/crypto/keys"
import { identify } from "@libp2p/identify"
import type {
  Connection,
  ConnectionGater,
  MultiaddrConnection,
  PrivateKey,
  Stream,
  Transport as Libp2pTransport,
  Upgrader
} from "@libp2p/interface"
import { noise } from "@libp2p/noise"
import { yamux } from "@libp2p/yamux"
import { Effect, type Scope } from "effect"
import { createLibp2p, type Libp2p, type ServiceFactoryMap } from "libp2p"
import { addressFacts, PeerId, type Protocol } from "../../signatures/index.ts"
import { remoteAddress } from "./addresses.ts"
import { arrivalProtocol } from "./arrival.ts"
import type { Carrier } from "./Carrier.ts"
import { cipher } from "./cipher.ts"
import { type Libp2pLink, makeLink } from "./Link.ts"
import { makeLogger } from "./logger.ts"
import { defaultDeadlines, defaultMaxStreams, type Libp2pOptions } from "./options.ts"
import { type Pace, pace } from "./pacing.ts"
import { makeQuic } from "./quic.ts"
import { tcp } from "./tcp.ts"
import { within } from "./within.ts"

/** A libp2p node with everything switched off that decides: it upgrades connections, and hands streams out. */
export interface Libp2pNode {
  readonly key: PrivateKey
  readonly upgrader: Upgrader
  /** All that live. */
  readonly links: ReadonlySet<Libp2pLink>
  /** Of a connection that has just come up; undefined if it has ended already. */
  readonly linkOf: (connection: Connection) => Libp2pLink | undefined
  /** Who takes inbound links from now on; while nobody does they are aborted. */
  readonly onInbound: (take: ((link: Libp2pLink) => void) | undefined) => void
  /** By `AddressFacts.transport`. */
  readonly carrier: (transport: string) => Carrier | undefined
  /** Loaded when it is first asked for. Rejects where its package can't be loaded. */
  readonly transportOf: (carrier: Carrier) => Promise<Libp2pTransport>
}

const protocols: ReadonlyArray<Protocol> = ["/chain-p2p/1", "/chain-p2p/control/1"]

/** Ours lives in the pool: libp2p's own limits are set where they can't interfere with it. */
const unlimited = 1_000_000

type Components = Parameters<ServiceFactoryMap[string]>[0]

const isStoppable = (transport: object): transport is { readonly stop: () => Promise<void> } =>
  "stop" in transport && typeof transport.stop === "function"

const create = async (key: PrivateKey, options: Libp2pOptions, more: {
  readonly logger: Effect.Success<typeof makeLogger>
  readonly connectionGater: ConnectionGater
}) => {
  const maxStreams = options.maxStreams ?? defaultMaxStreams
  const kept: { components?: Components } = {}
  const node = await createLibp2p({
    ...more,
    privateKey: key,
    nodeInfo: { name: "chain-p2p", userAgent: "chain-p2p" },
    addresses: { listen: [] },
    connectionEncrypters: [noise({ crypto: cipher })],
    streamMuxers: [yamux({
      maxInboundStreams: maxStreams,
      maxOutboundStreams: maxStreams,
      // At most what libp2p buffers of a stream (4 MiB); sessions have at most their own window under way.
      streamOptions: { maxStreamWindowSize: 2 * 1024 * 1024 }
    })],
    connectionManager: {
      maxConnections: unlimited,
      inboundConnectionThreshold: unlimited,
      maxIncomingPendingConnections: 256,
      inboundUpgradeTimeout: 4_000,
      inboundStreamProtocolNegotiationTimeout: 4_000,
      reconnectRetries: 0
    },
    // Liveness is the pool's: one ping for all.
    connectionMonitor: { enabled: false },
    services: {
      // Answers who asks; doesn't ask, as peers say on the control stream what we need of them.
      identify: identify({ runOnConnectionOpen: false }),
      components: (components: Components) => {
        kept.components = components
        return {}
      }
    }
  })
  if (kept.components === undefined) throw new Error("libp2p made no components")
  return { node, components: kept.components, maxStreams }
}

const stop = (node: Libp2p<{}>, transports: Iterable<Libp2pTransport>, deadline: number) =>
  within(deadline, () =>
    Promise.all([
      node.stop(),
      ...Array.from(transports).map((transport) => isStoppable(transport) ? transport.stop() : undefined)
    ]))

export const makeNode = Effect.fnUntraced(
  function*(options: Libp2pOptions): Effect.fn.Return<Libp2pNode, never, Scope.Scope> {
    const { key: chosen } = options
    const key = yield* Effect.promise(() =>
      chosen === undefined ? generateKeyPair("Ed25519") : generateKeyPairFromSeed("Ed25519", chosen.seed)
    )
    const deadlines = { ...defaultDeadlines, ...options.deadlines }
    const logger = yield* makeLogger
    /** By what a connection and its socket have in common. */
    const sockets = new WeakMap<object, { readonly socket: MultiaddrConnection; readonly pace: Pace | undefined }>()
    const keepSocket = (_peer: unknown, socket: MultiaddrConnection) => {
      sockets.set(socket.timeline, { socket, pace: pace(socket) })
      return false
    }
    const links = new Map<string, Libp2pLink>()
    const live = new Set<Libp2pLink>()
    const transports = new Map<Carrier, Promise<Libp2pTransport>>()
    const started: Array<Libp2pTransport> = []

    const { components, maxStreams, node } = yield* Effect.acquireRelease(
      Effect.promise(() =>
        create(key, options, {
          logger,
          connectionGater: {
            denyInboundUpgradedConnection: keepSocket,
            denyOutboundUpgradedConnection: keepSocket
          }
        })
      ),
      ({ node }) => {
        for (const link of Array.from(live)) link.abort()
        return stop(node, started, deadlines.stop)
      }
    )

    const carriers = new Map(
      [tcp, makeQuic(maxStreams, options.loadQuic)].map((carrier) => [carrier.transport, carrier])
    )

    let take: ((link: Libp2pLink) => void) | undefined

    const onEnded = (connection: Connection, link: Libp2pLink) => {
      links.delete(connection.id)
      live.delete(link)
      // libp2p would remember every peer that ever came.
      const isLast = !Array.from(live).some((other) => other.peer === link.peer)
      if (isLast) components.peerStore.delete(connection.remotePeer).catch(() => {})
    }

    const onOpen = (connection: Connection) => {
      const under = sockets.get(connection.timeline)
      const remote = remoteAddress(connection.remoteAddr.toString())
      const carrier = carriers.get(addressFacts(remote).transport)
      if (under === undefined || carrier === undefined) {
        connection.abort(new Error("a connection that no carrier of ours made"))
        return
      }
      const link = makeLink({
        connection,
        ...under,
        carrier,
        peer: PeerId.make(connection.remotePeer.toString()),
        remote,
        deadlines,
        maxStreams,
        onEnded: () => onEnded(connection, link)
      })
      links.set(connection.id, link)
      live.add(link)
      if (connection.direction === "outbound") return
      if (take === undefined) link.abort()
      else take(link)
    }
    node.addEventListener("connection:open", (event) => onOpen(event.detail))

    // Handlers are per node, so streams find their link by the connection they came on.
    const handle = (protocol: string, max: number, on: (link: Libp2pLink, stream: Stream) => void) =>
      node.handle(protocol, (stream, connection) => {
        const link = links.get(connection.id)
        if (link === undefined) stream.abort(new Error("the link is gone"))
        else on(link, stream)
      }, { maxInboundStreams: max, maxOutboundStreams: max })
    yield* Effect.promise(() =>
      Promise.all([
        ...protocols.map((protocol) => handle(protocol, maxStreams, (link, stream) => link.opened(stream, protocol))),
        handle(arrivalProtocol, 1, (link, stream) => link.asked(stream))
      ])
    )

    return {
      key,
      upgrader: components.upgrader,
      links: live,
      linkOf: (connection) => links.get(connection.id),
      onInbound: (next) => {
        take = next
      },
      carrier: (transport) => carriers.get(transport),
      transportOf: (carrier) => {
        const known = transports.get(carrier)
        if (known !== undefined) return known
        const made = carrier.make({ privateKey: key, logger })
        transports.set(carrier, made)
        made.then((transport) => void started.push(transport), () => void transports.delete(carrier))
        return made
      }
    }
  }
)
