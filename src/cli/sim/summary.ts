/** What a simulation came to, for people and for programs. */
import { printPlan } from "../../../inprocess/index.ts"
import { table } from "../table.ts"
import { type SimOptions, type SimResult } from "./network.ts"
import { clock } from "./progress.ts"
import { type ChainSnapshot } from "./snapshot.ts"

export interface Cost {
  readonly realSeconds: number
  readonly cpuSeconds: number
}

const count = new Intl.NumberFormat("en")
const tenths = (value: number): number => Math.round(value * 10) / 10

const heightOf = ({ maxHeight, minHeight, tips }: ChainSnapshot): string =>
  minHeight === maxHeight ? `${maxHeight}${tips === 1 ? "" : ` (${tips} tips)`}` : `${minHeight} to ${maxHeight}`

const rowOf = (chain: ChainSnapshot, index: number): ReadonlyArray<string | number> => [
  `chain-${index + 1}`,
  heightOf(chain),
  chain.tips === 1 ? "yes" : "no",
  chain.sessions,
  `${chain.atTarget} of ${chain.nodes}`,
  chain.maxInDegree,
  chain.gini,
  chain.diameter ?? "unconnected"
]

const heads = ["chain", "height", "one tip", "sessions", "at target", "max in", "gini of in", "diameter"]

export const summaryOf = (options: SimOptions, result: SimResult, cost: Cost) => {
  const { bytes, failure, hash, messages, snapshot, steps, virtualSeconds } = result
  const sessions = snapshot.chains.reduce((sum, chain) => sum + chain.sessions, 0)
  const [real, cpu] = [tenths(cost.realSeconds), tenths(cost.cpuSeconds)]
  const faster = cost.realSeconds > 0 ? Math.round(virtualSeconds / cost.realSeconds) : 0
  const perLink = snapshot.links === 0 ? 0 : tenths(sessions / snapshot.links)
  return {
    json: {
      nodes: options.nodes,
      seed: options.seed,
      faults: printPlan(options.faults),
      agreed: failure === undefined,
      ...(failure === undefined ? {} : { failure }),
      hash,
      links: snapshot.links,
      sessions,
      sessionsPerLink: perLink,
      messages,
      bytes,
      steps,
      virtualSeconds: tenths(virtualSeconds),
      realSeconds: real,
      cpuSeconds: cpu,
      chains: snapshot.chains.map((chain, index) => ({ chain: `chain-${index + 1}`, ...chain }))
    },
    text: [
      table(heads, snapshot.chains.map(rowOf)),
      "",
      `${options.nodes} nodes, ${count.format(sessions)} sessions on ${count.format(snapshot.links)} links ` +
      `(${perLink} a link); ${count.format(messages)} messages of ${count.format(bytes)} bytes received`,
      `${clock(virtualSeconds)} min of virtual time in ${real} s (${count.format(faster)} times as fast), ` +
      `${cpu} s of CPU, ${count.format(steps)} steps`,
      ...options.faults.length === 0 ? [] : [`faults: ${printPlan(options.faults)}`],
      `hash ${hash}: the same seed gives it again`
    ].join("\n")
  }
}
