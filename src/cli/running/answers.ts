/** What a running node tells of itself, and what it does when it is told to, through its status socket. */
import { Effect, Option } from "effect"
import {
  type Chain,
  ConfigInvalid,
  type ConfigMistake,
  ConnectionPool,
  Identity,
  isSameChain,
  monotonicMillis,
  type NodeServices,
  PeerBook,
  withPeer
} from "../../../signatures/index.ts"
import { loadChains, type LoadOptions } from "../../config/index.ts"
import { checkSession } from "../sessionModules.ts"
import type { ChainRow, NodeStatus, PeerStatus, SessionStatus } from "../status/protocol.ts"
import type { Answers } from "../status/server.ts"
import { chainStatus, type RunningChain, type RunningChains } from "./chains.ts"
import { makeExplain } from "./explain.ts"
import { bannedBecause, sourceOf } from "./origins.ts"

/** What the node is, that runs the chains. */
export interface NodeFacts {
  readonly network: string
  /** Where relative paths of the chains' options start. */
  readonly folder: string
  /** None where no file says what it runs. */
  readonly configFile: string | null
  readonly environment: NonNullable<LoadOptions["environment"]>
}

const nameOf = (chains: ReadonlyArray<RunningChain>) => {
  const names = new Map(chains.map(({ settings }) => [settings.node.chain.name, settings.node.chain]))
  return (chain: Chain): ReadonlyArray<string> => {
    const own = names.get(chain.name)
    return own !== undefined && isSameChain(own, chain) ? [chain.name] : []
  }
}

const rowOf = ({ byHand, isLeaving, node, settings }: RunningChain): Effect.Effect<ChainRow> =>
  Effect.map(node.stats, ({ inbound, outbound }) => ({
    name: settings.node.chain.name,
    genesis: settings.node.chain.genesis,
    session: settings.session,
    from: byHand ? "command" : "file",
    leaving: isLeaving,
    outbound,
    inbound
  }))

/** What was said by flags has none. */
const withoutLines = ({ mistakes: [first, ...rest] }: ConfigInvalid): ConfigInvalid => {
  const place = ({ path, source, what }: ConfigMistake): ConfigMistake => ({ path, source, what })
  return new ConfigInvalid({ mistakes: [place(first), ...rest.map(place)] })
}

/** The changes of the set of chains. */
const changes = (facts: NodeFacts, chains: RunningChains): Pick<Answers, "addChains" | "removeChain"> => ({
  addChains: ({ flags, source, text }) =>
    chains.inTurn(Effect.gen(function*() {
      const { configFile, ...options } = facts
      const loaded = yield* loadChains(text, { ...options, file: source, flags, checkSession }).pipe(
        Effect.mapError((invalid) => flags.length === 0 ? invalid : withoutLines(invalid))
      )
      yield* chains.add(loaded.chains.map((settings) => ({ settings, byHand: true })))
      const names = loaded.chains.map(({ node }) => node.chain.name)
      yield* Effect.logInfo(`added by a command: ${names.join(", ")}`)
      return {
        added: names,
        written: loaded.chains.map(({ written }) => written),
        configFile,
        warnings: loaded.warnings
      }
    })),
  removeChain: ({ name }) =>
    Effect.gen(function*() {
      const running = (yield* chains.list).find(({ settings }) => settings.node.chain.name === name)
      yield* chains.remove(name)
      yield* Effect.logInfo(`removed by a command: ${name}`)
      return { removed: name, configFile: running?.byHand === true ? null : facts.configFile }
    })
})

export const makeAnswers = (facts: NodeFacts, chains: RunningChains): Effect.Effect<Answers, never, NodeServices> =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool
    const book = yield* PeerBook
    const { self } = yield* Identity
    const now = yield* monotonicMillis
    const start = now()
    const known = Effect.map(chains.list, nameOf)
    const seconds = (since: number) => Math.max(0, Math.round((now() - since) / 100) / 10)

    const status = Effect.gen(function*(): Effect.fn.Return<NodeStatus> {
      const names = yield* known
      return {
        pid: process.pid,
        peer: self,
        network: facts.network,
        upSeconds: seconds(start),
        addresses: pool.addresses.map((address) => withPeer(address, self)),
        links: [...pool.links().values()].map((link) => ({
          peer: link.peer,
          remote: link.remote,
          direction: link.direction,
          seconds: seconds(link.since),
          chains: link.chains.flatMap(names)
        })),
        chains: yield* Effect.forEach(yield* chains.list, chainStatus)
      }
    })
    const peers = Effect.map(known, (names): ReadonlyArray<PeerStatus> =>
      book.all().map((peer) => ({
        peer: peer.peer,
        linked: pool.links().has(peer.peer),
        addresses: peer.addresses,
        source: sourceOf(peer, pool.links().get(peer.peer)),
        chains: Option.getOrNull(Option.map(peer.chains, (serves) => serves.flatMap(names))),
        sticky: peer.sticky.size > 0,
        failures: peer.failures,
        lastSuccessSeconds: Option.getOrNull(Option.map(peer.lastSuccess, seconds)),
        bannedForSeconds: Option.getOrNull(Option.map(book.bannedUntil(peer.peer), (until) => (until - now()) / 1000)),
        bannedBecause: bannedBecause(book, peer.peer)
      })))
    const sessions = Effect.gen(function*() {
      const all = yield* Effect.forEach(
        yield* chains.list,
        ({ node, settings }) =>
          Effect.map(node.sessions, (sessions) =>
            sessions.map(({ direction, peer, since }): SessionStatus => ({
              chain: settings.node.chain.name,
              peer,
              direction,
              seconds: seconds(since)
            })))
      )
      return all.flat()
    })
    return {
      status,
      peers,
      sessions,
      chains: Effect.flatMap(chains.list, (all) => Effect.forEach(all, rowOf)),
      ...changes(facts, chains),
      ...makeExplain({ self, book, pool, chains, now })
    }
  })
