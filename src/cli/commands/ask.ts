/** `status`, `peers`, `sessions`, `chains list`: what a running node says of itself. Loads nothing of a node. */
import * as Effect from "effect/Effect"
import { type ConfigFlags, dataDirOf } from "../configFlags.ts"
import { print, printJson } from "../output.ts"
import { askNode } from "../status/client.ts"
import type {
  Answer,
  ChainRow,
  ChainStatus,
  NodeStatus,
  PeerStatus,
  PlainAsk,
  SessionStatus
} from "../status/protocol.ts"
import { ago, table } from "../table.ts"

interface AskFlags extends ConfigFlags {
  readonly json: boolean
}

const short = (peer: string): string => `…${peer.slice(-8)}`

const sessionText = (chain: ChainStatus): string =>
  Object.entries(chain.session).map(([key, value]) =>
    `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`
  )
    .join(", ")

const renderStatus = (status: NodeStatus): string =>
  [
    `peer ${status.peer} on network ${status.network}, process ${status.pid}, up for ${ago(status.upSeconds)}`,
    ...status.addresses.map((address) => `  ${address}`),
    "",
    table(
      ["chain", "target", "outbound", "inbound", "opening", "at target", "session"],
      status.chains.map((chain) => [
        chain.name,
        chain.sessionCount,
        chain.outbound,
        chain.inbound,
        chain.opening,
        chain.atTarget ? "yes" : "no",
        sessionText(chain)
      ])
    ),
    "",
    table(
      ["link to", "direction", "up", "address", "chains"],
      status.links.map((
        link
      ) => [short(link.peer), link.direction, ago(link.seconds), link.remote, link.chains.join(", ")])
    )
  ].join("\n")

const renderPeers = (peers: ReadonlyArray<PeerStatus>): string =>
  table(
    ["peer", "linked", "from", "failures", "last success", "banned", "chains", "addresses"],
    peers.map((peer) => [
      peer.peer,
      peer.linked ? "yes" : "no",
      peer.source,
      peer.failures,
      peer.lastSuccessSeconds === null ? "never" : `${ago(peer.lastSuccessSeconds)} ago`,
      peer.bannedForSeconds === null ? "no" : `for ${ago(peer.bannedForSeconds)}: ${peer.bannedBecause ?? ""}`,
      peer.chains === null ? "not said" : peer.chains.join(", "),
      peer.addresses.join(" ")
    ])
  )

const renderSessions = (sessions: ReadonlyArray<SessionStatus>): string =>
  table(
    ["chain", "peer", "direction", "for"],
    sessions.map(({ chain, peer, direction, seconds }) => [chain, peer, direction, ago(seconds)])
  )

const renderChains = (chains: ReadonlyArray<ChainRow>): string =>
  table(
    ["chain", "from", "state", "outbound", "inbound", "session", "genesis"],
    chains.map((chain) => [
      chain.name,
      chain.from === "file" ? "config file" : "chains add",
      chain.leaving ? "leaving" : "running",
      chain.outbound,
      chain.inbound,
      chain.session,
      chain.genesis
    ])
  )

const asks = <A extends PlainAsk>(ask: A, render: (answer: Answer<A>) => string) =>
  Effect.fnUntraced(function*(flags: AskFlags) {
    const answer = yield* askNode(yield* dataDirOf(flags), { ask })
    yield* flags.json ? printJson(answer) : print(render(answer))
  })

export const status = asks("status", renderStatus)
export const peers = asks("peers", renderPeers)
export const sessions = asks("sessions", renderSessions)
export const chains = asks("chains", renderChains)
