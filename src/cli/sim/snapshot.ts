/** What a simulated network is like at one instant. */
import { Effect } from "effect"
import { type ConnectionPool, type P2pNode, type PeerId } from "../../../signatures/index.ts"
import { type HeaderChain } from "../../sessions/index.ts"
import { diameter, gini, type Graph, graphOf, largestComponent } from "./graph.ts"

/** A chain on a node that is up. */
export interface Place {
  readonly node: P2pNode
  readonly headers: HeaderChain
}

export interface Home {
  readonly self: PeerId
  readonly pool: ConnectionPool["Service"]
  readonly places: ReadonlyArray<Place>
}

export interface ChainSnapshot {
  /** Nodes that are up. */
  readonly nodes: number
  readonly sessions: number
  /** Nodes whose sessions of their own choice are as many as they want, or that know nobody else. */
  readonly atTarget: number
  /** Sessions that others opened, per node: the most of one, and how uneven. */
  readonly maxInDegree: number
  readonly gini: number
  /** Of the graph of sessions. Null: some nodes can't reach each other. */
  readonly diameter: number | null
  /** Nodes that can reach each other. */
  readonly connected: number
  readonly minHeight: number
  readonly maxHeight: number
  /** How many different best chains there are. */
  readonly tips: number
}

export interface Snapshot {
  readonly links: number
  readonly chains: ReadonlyArray<ChainSnapshot>
}

interface Standing {
  readonly inDegree: number
  readonly atTarget: boolean
  readonly peers: ReadonlyArray<PeerId>
  readonly height: number
  readonly tip: string
}

const standingOf = (home: Home, chain: number): Effect.Effect<Standing | undefined> =>
  Effect.gen(function*() {
    const place = home.places[chain]
    if (place === undefined) return undefined
    const [stats, sessions, tip] = yield* Effect.all([place.node.stats, place.node.sessions, place.headers.tip])
    return {
      inDegree: stats.inbound,
      atTarget: stats.atTarget,
      peers: sessions.map(({ peer }) => peer),
      height: tip.height,
      tip: tip.hash
    }
  })

const isThere = <A>(value: A | undefined): value is A => value !== undefined

const edgesOf = (graph: Graph): number => graph.reduce((sum, others) => sum + others.size, 0) / 2

const chainOf = (indexes: ReadonlyMap<PeerId, number>, all: ReadonlyArray<Standing | undefined>): ChainSnapshot => {
  const there = all.filter(isThere)
  const edges = all.flatMap((standing, node) =>
    (standing?.peers ?? []).map((peer): readonly [number, number] => [node, indexes.get(peer) ?? node])
  )
  const graph = graphOf(all.length, edges.filter(([a, b]) => a !== b))
  const far = diameter(graph)
  const heights = there.map(({ height }) => height)
  return {
    nodes: there.length,
    sessions: edgesOf(graph),
    atTarget: there.filter(({ atTarget }) => atTarget).length,
    maxInDegree: Math.max(0, ...there.map(({ inDegree }) => inDegree)),
    gini: Math.round(gini(there.map(({ inDegree }) => inDegree)) * 1000) / 1000,
    diameter: Number.isFinite(far) ? far : null,
    connected: largestComponent(graph),
    minHeight: Math.min(...heights),
    maxHeight: Math.max(...heights),
    tips: new Set(there.map(({ tip }) => tip)).size
  }
}

export const snapshotOf = Effect.fnUntraced(function*(
  homes: ReadonlyArray<Home | undefined>,
  chains: number
): Effect.fn.Return<Snapshot> {
  const indexes = new Map(homes.flatMap((home, index) => home === undefined ? [] : [[home.self, index] as const]))
  const links = homes.reduce((sum, home) => sum + (home?.pool.links().size ?? 0), 0) / 2
  const snapshots: Array<ChainSnapshot> = []
  for (let chain = 0; chain < chains; chain++) {
    const all = yield* Effect.forEach(homes, (home) => home === undefined ? Effect.undefined : standingOf(home, chain))
    snapshots.push(chainOf(indexes, all))
  }
  return { links, chains: snapshots }
})
