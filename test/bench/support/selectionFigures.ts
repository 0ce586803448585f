/** What samples of a network say about the way in which it picks peers. Pure. */
import { Schema } from "effect"
import { diameter, gini, type Graph, graphOf, largestComponent } from "../../../src/cli/sim/graph.ts"
import { median } from "./measure.ts"
import { looksPerLifetime, type SeenPlace, type SelectionRun, type SelectionSample } from "./selectionNetwork.ts"

export const SelectionFigures = Schema.Struct({
  /** Sessions of all chains per pair of nodes that have any. */
  sessionsPerLink: Schema.Number,
  /** With how many others a node had sessions, over the run. */
  peersSeen: Schema.Number,
  /** Of the sessions that others opened, per node and chain. */
  gini: Schema.Number,
  maxInDegree: Schema.Number,
  /** Sessions of the nodes that everybody knew from the beginning, against those of an average honest node. */
  bootstrapLoad: Schema.Number,
  /** The largest of all chains and samples. −1: some are unconnected. */
  diameter: Schema.Number,
  /** The largest part of the nodes that stay when a half goes, as a share of these: the least of all chains and samples. */
  afterHalf: Schema.Number,
  /** Of honest nodes' sessions, those with adversaries; and of those of their own choice. */
  adversaryShare: Schema.Number,
  adversaryShareOutbound: Schema.Number,
  /** Of honest nodes' (node, chain)s, those all of whose sessions are with adversaries. */
  wholly: Schema.Number,
  /** Of honest nodes' (node, chain)s, those that were below target at two looks in a row; and at one. */
  below: Schema.Number,
  belowOnce: Schema.Number
})
export type SelectionFigures = typeof SelectionFigures.Type

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, one) => sum + one, 0) / values.length

const graphs = ({ places }: SelectionSample): ReadonlyArray<Graph> =>
  Array.from(
    { length: places[0]?.length ?? 0 },
    (_, chain) =>
      graphOf(
        places.length,
        places.flatMap((chains, node) =>
          (chains[chain]?.sessions ?? []).map(({ peer }): readonly [number, number] => [node, peer])
        )
      )
  )

const inDegree = ({ sessions }: SeenPlace): number => sessions.filter(({ isInbound }) => isInbound).length

/** One half stays, and not the same in each. */
const halfOf = (nodes: number, turn: number) => (node: number): boolean => ((node * 7 + turn * 3) % nodes) * 2 < nodes

/** Of so many of the last looks; of one lifetime, without a number. */
export const figuresOf = (run: SelectionRun, bootstrap: number, looks = looksPerLifetime + 1): SelectionFigures => {
  const samples = run.samples.slice(-looks)
  const honest = (node: number): boolean => run.isAdversary[node] === false
  const perSample = samples.map((sample, turn) => {
    const all = graphs(sample)
    const nodes = sample.places.length
    const pairs = new Set(
      all.flatMap((graph) => graph.flatMap((others, node) => [...others].map((other) => node * nodes + other)))
    )
    const ends = all.reduce((sum, graph) => sum + graph.reduce((sum, others) => sum + others.size, 0), 0)
    const loads = sample.places.map((chains) => chains.reduce((sum, { sessions }) => sum + sessions.length, 0))
    const places = sample.places.flatMap((chains, node) => honest(node) ? chains : [])
    const sessions = places.flatMap((place) => place.sessions)
    const isHostile = ({ peer }: { readonly peer: number }) => !honest(peer)
    const outbound = sessions.filter(({ isInbound }) => !isInbound)
    const degrees = all.map((_, chain) =>
      sample.places.map((chains) => chains[chain]).filter((place) => place !== undefined).map(inDegree)
    )
    const half = halfOf(nodes, turn)
    const survivors = loads.filter((_, node) => half(node)).length
    return {
      sessionsPerLink: ends / pairs.size,
      gini: mean(degrees.map(gini)),
      maxInDegree: Math.max(...degrees.flat()),
      bootstrapLoad: mean(loads.slice(0, bootstrap)) / mean(loads.filter((_, node) => honest(node))),
      diameter: Math.max(...all.map(diameter)),
      afterHalf: Math.min(...all.map((graph) => largestComponent(graph, half) / survivors)),
      adversaryShare: sessions.filter(isHostile).length / sessions.length,
      adversaryShareOutbound: outbound.filter(isHostile).length / outbound.length,
      wholly: places.filter(({ sessions }) => sessions.length > 0 && sessions.every(isHostile)).length / places.length,
      below: places.map(({ isBelow }) => isBelow)
    }
  })
  const over = (pick: (figures: (typeof perSample)[number]) => number) => perSample.map(pick)
  const belowTwice = perSample.slice(1).map(({ below }, index) =>
    mean(below.map((isBelow, place) => isBelow && perSample[index]?.below[place] === true ? 1 : 0))
  )
  const longest = Math.max(...over((one) => one.diameter))
  return {
    sessionsPerLink: mean(over((one) => one.sessionsPerLink)),
    peersSeen: median(run.met.filter((_, node) => honest(node))),
    gini: mean(over((one) => one.gini)),
    maxInDegree: Math.max(...over((one) => one.maxInDegree)),
    bootstrapLoad: mean(over((one) => one.bootstrapLoad)),
    diameter: longest === Infinity ? -1 : longest,
    afterHalf: Math.min(...over((one) => one.afterHalf)),
    adversaryShare: mean(over((one) => one.adversaryShare)),
    adversaryShareOutbound: mean(over((one) => one.adversaryShareOutbound)),
    wholly: mean(over((one) => one.wholly)),
    below: mean(belowTwice),
    belowOnce: mean(over(({ below }) => mean(below.map(Number))))
  }
}
