/** What a devnet has come to, what it still lacks, and how both are shown. */
import { Effect } from "effect"
import type { NodeStatus, SessionStatus } from "../status/protocol.ts"
import { table } from "../table.ts"
import type { DevnetChain } from "./chains.ts"
import { type DevnetNode, largestMesh } from "./nodes.ts"

/** What a devnet is to become. */
export interface DevnetPlan {
  readonly nodes: number
  readonly chains: ReadonlyArray<DevnetChain>
}

export interface DevnetRow {
  readonly node: number
  readonly chain: string
  readonly height: number
  /** As displayed. */
  readonly tip: string
  /** Other nodes with which it has one, whoever opened it. */
  readonly sessions: number
  readonly atTarget: boolean
}

export interface DevnetView {
  readonly rows: ReadonlyArray<DevnetRow>
  readonly links: number
}

const rowsOf = (node: number, status: NodeStatus, sessions: ReadonlyArray<SessionStatus>): ReadonlyArray<DevnetRow> =>
  status.chains.map(({ atTarget, name, session }) => ({
    node,
    chain: name,
    height: typeof session["height"] === "number" ? session["height"] : 0,
    tip: typeof session["tip"] === "string" ? session["tip"] : "",
    sessions: new Set(sessions.filter(({ chain }) => chain === name).map(({ peer }) => peer)).size,
    atTarget
  }))

/** Both ends of a link show it. */
const linksOf = (all: ReadonlyArray<NodeStatus>): number =>
  new Set(all.flatMap(({ links, peer }) => links.map((link) => [link.peer, peer].toSorted().join(" ")))).size

export const look = Effect.fnUntraced(function*(nodes: ReadonlyArray<DevnetNode>): Effect.fn.Return<DevnetView> {
  const all = yield* Effect.forEach(
    nodes,
    ({ answers, number }) =>
      Effect.all({ number: Effect.succeed(number), status: answers.status, sessions: answers.sessions })
  )
  return {
    rows: all.flatMap(({ number, sessions, status }) => rowsOf(number, status, sessions)),
    links: linksOf(all.map(({ status }) => status))
  }
})

const pairsOf = ({ nodes }: DevnetPlan): number => (nodes * (nodes - 1)) / 2

const isMesh = ({ nodes }: DevnetPlan): boolean => nodes <= largestMesh

/** Why it is not yet what it should be; empty when it is. */
export const lacking = (view: DevnetView, plan: DevnetPlan): ReadonlyArray<string> => {
  const others = plan.nodes - 1
  return [
    ...(!isMesh(plan) || view.links === pairsOf(plan) ? [] : [`${view.links} links instead of ${pairsOf(plan)}`]),
    ...view.rows.flatMap((row) => {
      const { height = 0, tip } = plan.chains.find(({ name }) => name === row.chain) ?? {}
      const name = `node ${row.node} ${row.chain}`
      return [
        ...(row.height === height && row.tip === tip ? [] : [`${name}: header ${row.height} of ${height}`]),
        ...(!isMesh(plan) || row.sessions === others ? [] : [`${name}: ${row.sessions} sessions instead of ${others}`]),
        ...(row.sessions > 0 ? [] : [`${name}: no session`]),
        ...(row.atTarget ? [] : [`${name}: not at target`])
      ]
    })
  ]
}

const count = new Intl.NumberFormat("en")

/** How far the slowest node of a chain has come. Of many chains only the sum is of interest. */
const headersText = ({ rows }: DevnetView, { chains }: DevnetPlan): string => {
  const all = chains.map(({ height, name }) => {
    const least = Math.min(...rows.filter(({ chain }) => chain === name).map((row) => row.height))
    return { name, least, height }
  })
  if (all.length <= 3) {
    return all.map(({ height, least, name }) => `${name} ${count.format(least)}/${count.format(height)}`).join(", ")
  }
  const done = all.filter(({ height, least }) => least === height).length
  return `everywhere on ${done}/${all.length} chains`
}

/** One line for a terminal: how far it has come, and the rate since the last look. */
export const progressLine = (view: DevnetView, plan: DevnetPlan, rate: number): string => {
  // Both ends count a session.
  const sessions = view.rows.reduce((sum, row) => sum + row.sessions, 0) / 2
  const most = (value: number) => isMesh(plan) ? `/${value}` : ""
  return `links ${view.links}${most(pairsOf(plan))}   sessions ${sessions}${
    most(pairsOf(plan) * plan.chains.length)
  }   headers ${headersText(view, plan)}${rate > 0 ? `   ${count.format(Math.round(rate))} headers/s` : ""}`
}

export const totalHeight = (view: DevnetView): number => view.rows.reduce((sum, row) => sum + row.height, 0)

/** Of a large network one row per chain. */
export const summary = (view: DevnetView, plan: DevnetPlan): string =>
  isMesh(plan)
    ? table(
      ["node", "chain", "height", "tip", "sessions", "at target"],
      view.rows.map((
        row
      ) => [row.node, row.chain, row.height, `${row.tip.slice(0, 24)}…`, row.sessions, row.atTarget ? "yes" : "no"])
    )
    : table(
      ["chain", "height", "tip", "nodes", "sessions", "per node"],
      plan.chains.map(({ height, name, tip }) => {
        const sessions = view.rows.filter(({ chain }) => chain === name).map((row) => row.sessions)
        const sum = sessions.reduce((a, b) => a + b, 0)
        const range = `${Math.min(...sessions)} to ${Math.max(...sessions)}`
        return [name, height, `${tip.slice(0, 24)}…`, sessions.length, sum / 2, range]
      })
    )
