/** What a devnet has come to, what it still lacks, and how both are shown. */
import { Effect } from "effect"
import { demoChains } from "../../../chains/data/index.ts"
import type { NodeStatus, SessionStatus } from "../status/protocol.ts"
import { table } from "../table.ts"
import type { DevnetNode } from "./nodes.ts"

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

/** Why it is not yet what it should be; empty when it is. */
export const lacking = (view: DevnetView, nodes: number): ReadonlyArray<string> => {
  const pairs = (nodes * (nodes - 1)) / 2
  return [
    ...(view.links === pairs ? [] : [`${view.links} links instead of ${pairs}`]),
    ...view.rows.flatMap((row) => {
      const { height = 0, tip } = demoChains.find(({ name }) => name === row.chain) ?? {}
      const name = `node ${row.node} ${row.chain}`
      return [
        ...(row.height === height && row.tip === tip ? [] : [`${name}: header ${row.height} of ${height}`]),
        ...(row.sessions === nodes - 1 ? [] : [`${name}: ${row.sessions} sessions instead of ${nodes - 1}`]),
        ...(row.atTarget ? [] : [`${name}: not at target`])
      ]
    })
  ]
}

const count = new Intl.NumberFormat("en")

/** One line for a terminal: how far the slowest node of each chain has come, and the rate since the last look. */
export const progressLine = (view: DevnetView, nodes: number, rate: number): string => {
  const chains = demoChains.map(({ height, name }) => {
    const least = Math.min(...view.rows.filter(({ chain }) => chain === name).map((row) => row.height))
    return `${name} ${count.format(least)}/${count.format(height)}`
  })
  // Both ends count a session.
  const sessions = view.rows.reduce((sum, row) => sum + row.sessions, 0) / 2
  const pairs = (nodes * (nodes - 1)) / 2
  return `links ${view.links}/${pairs}   sessions ${sessions}/${pairs * demoChains.length}   headers ${
    chains.join(", ")
  }${rate > 0 ? `   ${count.format(Math.round(rate))} headers/s` : ""}`
}

export const totalHeight = (view: DevnetView): number => view.rows.reduce((sum, row) => sum + row.height, 0)

export const summary = (view: DevnetView): string =>
  table(
    ["node", "chain", "height", "tip", "sessions", "at target"],
    view.rows.map((
      row
    ) => [row.node, row.chain, row.height, `${row.tip.slice(0, 24)}…`, row.sessions, row.atTarget ? "yes" : "no"])
  )
