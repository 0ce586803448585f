/** One node of this process, from its settings to its status socket. */
import { type Context, Effect, Layer, Scope } from "effect"
import {
  type Address,
  ConnectionPool,
  type DataDirRejected,
  Identity,
  type KeyRejected,
  type ListenFailed,
  type PeerId
} from "../../../signatures/index.ts"
import { type ChainSettings, keyPath, loadOrMakeKey, lockDataDir, type NodeSettings } from "../../config/index.ts"
import { P2p, type P2pServices } from "../../index.ts"
import type { CliFailed } from "../failure.ts"
import { type Answers, serveStatus } from "../status/server.ts"
import { makeAnswers, type NodeFacts } from "./answers.ts"
import { makeRunningChains, openChains, type RunningChains } from "./chains.ts"

export interface RunningNode {
  readonly peer: PeerId
  readonly addresses: ReadonlyArray<Address>
  readonly dataDir: string
  readonly chains: RunningChains
  readonly answers: Answers
  readonly services: Context.Context<P2pServices>
}

/** Runs `chains` of the settings until the scope closes. */
export const startNode = Effect.fnUntraced(function*(
  settings: NodeSettings,
  chains: ReadonlyArray<ChainSettings>,
  facts: Pick<NodeFacts, "configFile" | "environment">
): Effect.fn.Return<RunningNode, CliFailed | DataDirRejected | KeyRejected | ListenFailed, Scope.Scope> {
  const { bootstrap, dataDir, discovery, folder, limits, listen, network, peerExchange: exchange } = settings
  yield* lockDataDir(dataDir)
  const { seed } = yield* loadOrMakeKey(keyPath(dataDir))
  const stores = { folder, scope: yield* Effect.flatMap(Effect.scope, Scope.fork) }
  // Opened before anybody can reach us: a store that can't be read stops the start.
  const opened = yield* openChains(stores, chains.map((chain) => ({ settings: chain, byHand: false })))
  // Fresh, because a process may run several nodes.
  const found = discovery.mdns ? { discovery: { mdns: { network } } } : {}
  const services = yield* Layer.build(
    Layer.fresh(P2p.layer({ listen, bootstrap, key: seed, limits, dataDir, exchange, ...found }))
  )
  return yield* Effect.gen(function*() {
    const running = yield* makeRunningChains(stores)
    // Names are unique in valid settings, and nothing runs yet.
    yield* Effect.forEach(opened, (chain) => Effect.orDie(running.start(chain)))
    const answers = yield* makeAnswers({ network, folder, ...facts }, running)
    yield* serveStatus(dataDir, answers)
    const { addresses } = yield* ConnectionPool
    const { self } = yield* Identity
    return { peer: self, addresses, dataDir, chains: running, answers, services } satisfies RunningNode
  }).pipe(Effect.provideContext(services))
})
