/** Real nodes in this process: each its own key, sockets, links and files, as if it ran alone. */
import { Effect, Layer } from "effect"
import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { demoChains } from "../../../chains/data/index.ts"
import {
  type Address,
  ConnectionPool,
  Identity,
  type P2pNodeConfig,
  type PeerId,
  withPeer
} from "../../../signatures/index.ts"
import { keyPath, loadOrMakeKey, lockDataDir } from "../../config/index.ts"
import { headerSyncModule, layerDisk, P2p } from "../../index.ts"
import { CliFailed } from "../failure.ts"
import { makeAnswers, type RunningChain, startChain } from "../running.ts"
import { type Answers, serveStatus } from "../status/server.ts"

const network = "devnet"

export interface DevnetNode {
  /** From 1. */
  readonly number: number
  readonly peer: PeerId
  readonly dataDir: string
  readonly addresses: ReadonlyArray<Address>
  readonly chains: ReadonlyArray<RunningChain>
  readonly answers: Answers
}

export interface DevnetOptions {
  readonly nodes: number
  readonly folder: string
  readonly quic: boolean
}

const loopback = (quic: boolean): ReadonlyArray<string> =>
  quic ? ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] : ["/ip4/127.0.0.1/tcp/0"]

const headersIn = (dataDir: string, chain: string): string => join(dataDir, `${chain}.headers`)

/** The first node has all headers from the start; the others fetch them. */
const giveHeaders = (dataDir: string): void => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  for (const chain of demoChains) {
    const path = headersIn(dataDir, chain.name)
    if (!existsSync(path)) copyFileSync(chain.headers, path)
  }
}

const openChain = (config: P2pNodeConfig, dataDir: string) =>
  headerSyncModule.make(config.chain, { headers: headersIn(dataDir, config.chain.name) }, {
    resolve: (path) => resolve(dataDir, path)
  }).pipe(
    Effect.map((made) => ({ config, made })),
    Effect.mapError(({ message }) => new CliFailed({ message: `chain ${config.chain.name}: ${message}` }))
  )

/**
 * Each pair of nodes can be dialled from one side only, and by one transport, alternately TCP and QUIC: the others learn
 * the addresses later, when their links are there already.
 */
const bootstrapOf = (number: number, before: ReadonlyArray<DevnetNode>): ReadonlyArray<Address> =>
  before.flatMap((other) => {
    const wanted = (number + other.number) % 2 === 0 ? "/quic-v1" : "/tcp/"
    const address = other.addresses.find((known) => known.includes(wanted)) ?? other.addresses[0]
    return address === undefined ? [] : [withPeer(address, other.peer)]
  })

const startNode = Effect.fnUntraced(function*(
  options: DevnetOptions,
  number: number,
  before: ReadonlyArray<DevnetNode>
) {
  const dataDir = join(options.folder, `node-${number}`)
  if (number === 1) yield* Effect.sync(() => giveHeaders(dataDir))
  yield* lockDataDir(dataDir)
  const { seed } = yield* loadOrMakeKey(keyPath(dataDir))
  const opened = yield* Effect.forEach(
    demoChains,
    ({ genesis, name }) => openChain({ chain: { network, name, genesis }, sessionCount: options.nodes - 1 }, dataDir)
  )
    .pipe(Effect.provide(layerDisk({ root: dataDir })))
  const services = yield* Layer.build(Layer.fresh(P2p.layer({
    listen: loopback(options.quic),
    bootstrap: bootstrapOf(number, before),
    key: seed
  })))
  return yield* Effect.gen(function*() {
    const chains = yield* Effect.forEach(opened, ({ config, made }) => startChain(config, made))
    const { addresses } = yield* ConnectionPool
    const { self } = yield* Identity
    const answers = yield* makeAnswers(network, chains)
    return { number, peer: self, dataDir, addresses, chains, answers } satisfies DevnetNode
  }).pipe(
    Effect.provideContext(services),
    Effect.tap((node) => serveStatus(dataDir, node.answers)),
    Effect.annotateLogs({ node: number })
  )
})

/** One after the other, so that each knows those before it. They end with the scope. */
export const startNodes = Effect.fnUntraced(function*(options: DevnetOptions) {
  const nodes: Array<DevnetNode> = []
  for (let number = 1; number <= options.nodes; number++) nodes.push(yield* startNode(options, number, nodes))
  return nodes
})
