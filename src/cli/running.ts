/** The nodes of one process as they run, and what they tell about themselves. */
import { Effect, Option, type Scope, Stream } from "effect"
import {
  type Chain,
  ConnectionPool,
  Identity,
  isSameChain,
  type MadeSession,
  monotonicMillis,
  nodeDefaults,
  type NodeServices,
  type P2pNode,
  type P2pNodeConfig,
  PeerBook,
  withPeer
} from "../../signatures/index.ts"
import { makeP2pNode } from "../node/index.ts"
import type { ChainStatus, NodeStatus, PeerStatus, SessionStatus } from "./status/protocol.ts"
import type { Answers } from "./status/server.ts"

export interface RunningChain {
  readonly config: P2pNodeConfig
  readonly node: P2pNode
  readonly made: MadeSession
}

export const startChain = (
  config: P2pNodeConfig,
  made: MadeSession
): Effect.Effect<RunningChain, never, NodeServices | Scope.Scope> =>
  Effect.gen(function*() {
    let sessions = 0
    const node = yield* makeP2pNode(
      config,
      (connection) => Effect.suspend(() => Effect.annotateLogs(made.session(connection), { session: ++sessions }))
    )
    yield* Effect.forkScoped(logEvents(node), { startImmediately: true })
    return { config, node, made }
  }).pipe(Effect.annotateLogs({ chain: config.chain.name }))

/** What whoever runs a node wants to know later; the rest is in `events`. */
const logEvents = (node: P2pNode): Effect.Effect<void> =>
  Stream.runForEach(node.events, (event) => {
    if (event._tag === "TargetReached") return Effect.logInfo("at target")
    if (event._tag === "BelowTarget") return Effect.logInfo("below target")
    if (event._tag === "Transition") return Effect.void
    const { outcome, peer, direction } = event
    const notes = { peer, direction }
    if (outcome._tag === "Failed") {
      return Effect.annotateLogs(Effect.logWarning(`session failed: ${outcome.error.message}`), notes)
    }
    if (outcome._tag === "NotOpened") {
      return Effect.annotateLogs(Effect.logDebug(`no session: ${outcome.error.message}`), notes)
    }
    if (outcome._tag === "Cancelled") return Effect.void
    const by = outcome.by === "local" ? "us" : "the peer"
    return Effect.annotateLogs(Effect.logInfo(`session ended by ${by}: ${outcome.code}`), notes)
  })

const noFields: Effect.Effect<ChainStatus["session"]> = Effect.succeed({})

export const chainStatus = ({ config, node, made }: RunningChain): Effect.Effect<ChainStatus> =>
  Effect.gen(function*() {
    const progress = made.progress === undefined ? undefined : yield* made.progress
    return {
      name: config.chain.name,
      genesis: config.chain.genesis,
      sessionCount: config.sessionCount ?? nodeDefaults.sessionCount,
      ...(yield* node.stats),
      session: yield* made.status ?? noFields,
      ...(progress === undefined ? {} : { progress })
    }
  })

const nameOf = (chains: ReadonlyArray<RunningChain>) => {
  const names = new Map(chains.map(({ config }) => [config.chain.name, config.chain]))
  return (chain: Chain): ReadonlyArray<string> => {
    const own = names.get(chain.name)
    return own !== undefined && isSameChain(own, chain) ? [chain.name] : []
  }
}

/** What the status socket answers for the chains of this process. */
export const makeAnswers = (
  network: string,
  chains: ReadonlyArray<RunningChain>
): Effect.Effect<Answers, never, NodeServices> =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool
    const book = yield* PeerBook
    const { self } = yield* Identity
    const now = yield* monotonicMillis
    const start = now()
    const known = nameOf(chains)
    const seconds = (since: number) => Math.max(0, Math.round((now() - since) / 100) / 10)

    const status = Effect.gen(function*(): Effect.fn.Return<NodeStatus> {
      return {
        pid: process.pid,
        peer: self,
        network,
        upSeconds: seconds(start),
        addresses: pool.addresses.map((address) => withPeer(address, self)),
        links: [...pool.links().values()].map((link) => ({
          peer: link.peer,
          remote: link.remote,
          direction: link.direction,
          seconds: seconds(link.since),
          chains: link.chains.flatMap(known)
        })),
        chains: yield* Effect.forEach(chains, chainStatus)
      }
    })
    const peers = Effect.sync((): ReadonlyArray<PeerStatus> =>
      book.all().map((peer) => ({
        peer: peer.peer,
        linked: pool.links().has(peer.peer),
        addresses: peer.addresses,
        chains: Option.getOrNull(Option.map(peer.chains, (serves) => serves.flatMap(known))),
        sticky: peer.sticky.size > 0,
        failures: peer.failures,
        lastSuccessSeconds: Option.getOrNull(Option.map(peer.lastSuccess, seconds)),
        bannedForSeconds: Option.getOrNull(Option.map(book.bannedUntil(peer.peer), (until) => (until - now()) / 1000))
      }))
    )
    const sessions = Effect.map(
      Effect.forEach(chains, ({ config, node }) =>
        Effect.map(node.sessions, (all) =>
          all.map(({ peer, direction, since }): SessionStatus => ({
            chain: config.chain.name,
            peer,
            direction,
            seconds: seconds(since)
          })))),
      (all) =>
        all.flat()
    )
    return { status, peers, sessions }
  })
