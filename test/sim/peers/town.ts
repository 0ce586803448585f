/** Whole processes on the simulated network, with all that is theirs: book in a file, peer exchange, several chains. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { SimulatedHost } from "../../../inprocess/index.ts"
import {
  type Chain,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook,
  withPeer
} from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import {
  layerPeerExchange,
  layerPeerUpdates,
  layerStoredPeerBook,
  type PeerExchangeOptions
} from "../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../src/pool/index.ts"
import { layerConnections } from "../../../src/wire/index.ts"

const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

export const chainsOf = (count: number): ReadonlyArray<Chain> =>
  Array.from({ length: count }, (_, n) => ({ network: "town", name: `c${n}`, genesis: `${n}` }))

export interface Citizen {
  readonly host: SimulatedHost
  readonly book: PeerBook["Service"]
  /** One per chain. */
  readonly nodes: ReadonlyArray<P2pNode>
}

export interface CitizenOptions {
  readonly chains: ReadonlyArray<Chain>
  readonly knows: ReadonlyArray<SimulatedHost>
  readonly config?: Partial<P2pNodeConfig>
  readonly exchange?: PeerExchangeOptions
  /** Default: one that only receives. */
  readonly session?: P2pSession
}

/** Ends with the scope. */
export const citizen = Effect.fnUntraced(function*(
  host: SimulatedHost,
  { chains, config, exchange, knows, session = idle }: CitizenOptions
): Effect.fn.Return<Citizen, never, Scope.Scope> {
  const bootstrap = knows.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
  const layer = Layer.merge(Layer.fresh(layerPeerUpdates), layerPeerExchange(exchange)).pipe(
    Layer.provideMerge(layerConnections()),
    Layer.provideMerge(layerConnectionPool()),
    Layer.provideMerge(layerStoredPeerBook("peers.book", { bootstrap })),
    Layer.provideMerge(Layer.succeedContext(host.services))
  )
  const services = yield* Effect.orDie(Layer.build(layer))
  const nodes = yield* Effect.forEach(
    chains,
    (chain) => Effect.provideContext(makeP2pNode({ ...config, chain }, session), services)
  )
  return { host, book: Context.get(services, PeerBook), nodes }
})

/** How many hosts a test takes part in: a few in every run, all of them when the environment asks for it. */
export const isFull = process.env["CHAIN_P2P_FULL"] === "1"
/** Milliseconds: of the machine's own time. */
export const patience = isFull ? 1_800_000 : 300_000
