/** Real nodes in this process: each its own key, sockets, links and files, as if it ran alone. */
import { Effect, Scope } from "effect"
import { join } from "node:path"
import { type Address, withPeer } from "../../../signatures/index.ts"
import { settingsOf } from "../../config/index.ts"
import { type RunningNode, startNode } from "../running/node.ts"
import { type DevnetChain, entryOf, giveHeaders } from "./chains.ts"

export interface DevnetNode extends RunningNode {
  /** From 1. */
  readonly number: number
}

export interface DevnetOptions {
  readonly nodes: number
  readonly chains: ReadonlyArray<DevnetChain>
  readonly folder: string
  readonly quic: boolean
}

/** Up to so many nodes, each has a session with each other one on each chain. */
export const largestMesh = 16
/** In a larger network a node holds so many of its own opening on each chain. */
const sessionsBeyond = 4

const loopback = (quic: boolean): ReadonlyArray<string> =>
  quic ? ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] : ["/ip4/127.0.0.1/tcp/0"]

/**
 * Each pair of nodes can be dialled from one side only, and by one transport, alternately TCP and QUIC: the others learn
 * the addresses later, when their links are there already. In a network that is no mesh a node knows those that are 1, 2, 4, …
 * before it, so that each can be reached from each in a few steps.
 */
const bootstrapOf = (
  number: number,
  { nodes }: DevnetOptions,
  before: ReadonlyArray<DevnetNode>
): ReadonlyArray<Address> =>
  before.flatMap((other) => {
    const apart = number - other.number
    if (nodes > largestMesh && !Number.isInteger(Math.log2(apart))) return []
    const wanted = (number + other.number) % 2 === 0 ? "/quic-v1" : "/tcp/"
    const address = other.addresses.find((known) => known.includes(wanted)) ?? other.addresses[0]
    return address === undefined ? [] : [withPeer(address, other.peer)]
  })

const startOne = Effect.fnUntraced(function*(
  options: DevnetOptions,
  number: number,
  before: ReadonlyArray<DevnetNode>
) {
  const { chains, folder, nodes, quic } = options
  const dataDir = join(folder, `node-${number}`)
  // The first node has all headers from the start; the others fetch them.
  if (number === 1) yield* Effect.sync(() => giveHeaders(dataDir, chains))
  const sessionCount = nodes <= largestMesh ? nodes - 1 : sessionsBeyond
  const settings = settingsOf({
    network: "devnet",
    dataDir: ".",
    listen: loopback(quic),
    bootstrap: bootstrapOf(number, options, before),
    // It starts from nothing, and nobody wants to watch it for five minutes before it grows together.
    peerExchange: { provenFor: "2 seconds" },
    chains: chains.map((chain) => entryOf(chain, sessionCount))
  }, dataDir)
  const node = yield* startNode(settings, settings.chains, { configFile: null, environment: {} })
  return { ...node, number } satisfies DevnetNode
})

/** One after the other, so that each knows those before it. They end with the scope, side by side. */
export const startNodes = Effect.fnUntraced(function*(options: DevnetOptions) {
  const nodes: Array<DevnetNode> = []
  const scope = yield* Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, "parallel"))
  for (let number = 1; number <= options.nodes; number++) {
    nodes.push(
      yield* Effect.annotateLogs(startOne(options, number, nodes), { node: number }).pipe(
        Scope.provide(yield* Scope.fork(scope))
      )
    )
  }
  return nodes
})
