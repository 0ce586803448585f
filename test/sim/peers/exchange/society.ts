/** Whole processes on the simulated network that learn of each other by asking. */
import { Context, Effect, Layer, Schema, Scope } from "effect"
import type { SimulatedHost } from "../../../../inprocess/index.ts"
import {
  Address,
  type Chain,
  ConnectionPool,
  type Connections,
  Control,
  Identity,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook,
  Transport,
  withPeer
} from "../../../../signatures/index.ts"
import { makeP2pNode } from "../../../../src/node/index.ts"
import {
  layerPeerBook,
  layerPeerExchange,
  layerPeerUpdates,
  type PeerExchangeOptions
} from "../../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../../src/pool/index.ts"
import { layerConnections } from "../../../../src/wire/index.ts"
import { room } from "../../../laws/nodes.ts"

export const chainOf = (name: string): Chain => ({ network: "society", name, genesis: "00" })
export const address = (text: string): Address => Schema.decodeSync(Address)(text)

const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

/** A network that starts from nothing can't wait for five minutes. */
export const soon: PeerExchangeOptions = { provenFor: "1 second", askAgain: "500 millis", visitEvery: "500 millis" }

export interface CitizenOptions {
  readonly chains: ReadonlyArray<Chain>
  readonly knows: ReadonlyArray<SimulatedHost>
  readonly node?: Partial<P2pNodeConfig>
  /** None: it asks nobody, and tells nobody. */
  readonly exchange?: PeerExchangeOptions | undefined
}

type Services = Connections | ConnectionPool | PeerBook | Identity | Control

export interface Citizen {
  readonly host: SimulatedHost
  readonly services: Context.Context<Services>
  readonly book: PeerBook["Service"]
  readonly pool: ConnectionPool["Service"]
  readonly control: Control["Service"]
  readonly nodes: ReadonlyArray<P2pNode>
  /** All that its process has dialled, in order. */
  readonly dialled: ReadonlyArray<Address>
}

/** Lives until the scope closes, or its host is killed. */
export const settle = Effect.fnUntraced(
  function*(host: SimulatedHost, { chains, exchange, knows, node = {} }: CitizenOptions) {
    const scope = yield* room
    const bootstrap = knows.flatMap(({ addresses, peer }) => addresses.map((at) => withPeer(at, peer)))
    const dialled: Array<Address> = []
    const transport = Context.get(host.services, Transport)
    const watched = Context.add(host.services, Transport, {
      ...transport,
      dial: (peer, at) => Effect.suspend(() => (dialled.push(at), transport.dial(peer, at)))
    })
    const updates = Layer.fresh(layerPeerUpdates)
    const layer = (exchange === undefined ? updates : Layer.merge(updates, layerPeerExchange(exchange))).pipe(
      Layer.provideMerge(layerConnections()),
      Layer.provideMerge(layerConnectionPool()),
      Layer.provideMerge(layerPeerBook({ bootstrap })),
      Layer.provideMerge(Layer.succeedContext(watched))
    )
    return yield* Effect.gen(function*() {
      const services = yield* Layer.build(layer).pipe(Effect.orDie)
      const nodes = yield* Effect.forEach(
        chains,
        (chain) => makeP2pNode({ chain, ...node }, idle).pipe(Effect.provideContext(services))
      )
      return {
        host,
        services,
        book: Context.get(services, PeerBook),
        pool: Context.get(services, ConnectionPool),
        control: Context.get(services, Control),
        nodes,
        dialled
      } satisfies Citizen as Citizen
    }).pipe(Scope.provide(scope))
  }
)

/** The same host, on which signed records are opened as the test says. */
export const opening = (
  host: SimulatedHost,
  change: (open: Identity["Service"]["open"]) => Identity["Service"]["open"]
): SimulatedHost => {
  const identity = Context.get(host.services, Identity)
  return { ...host, services: Context.add(host.services, Identity, { ...identity, open: change(identity.open) }) }
}

/** Of the chain that has the fewest. */
export const outboundOf = (citizen: Citizen): Effect.Effect<number> =>
  Effect.map(Effect.forEach(citizen.nodes, ({ stats }) => stats), (all) => Math.min(...all.map((one) => one.outbound)))

/** How many others it could dial. */
export const knownOf = ({ book }: Citizen): number => book.all().filter(({ addresses }) => addresses.length > 0).length
