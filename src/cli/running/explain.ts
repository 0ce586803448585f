/** Why a peer stands where it does, and bans by hand. */
import { type Context, Duration, Effect, Option, Schema } from "effect"
import {
  chainId,
  type ConnectionPool,
  type HistoryLine,
  type PeerBook,
  PeerId,
  type Standing
} from "../../../signatures/index.ts"
import { nearest } from "../../config/index.ts"
import { CliFailed } from "../failure.ts"
import type { HistoryRow, WhyRow } from "../status/protocol.ts"
import type { Answers } from "../status/server.ts"
import type { RunningChain, RunningChains } from "./chains.ts"
import { bannedBecause, sourceOf } from "./origins.ts"

export interface Known {
  readonly self: PeerId
  readonly book: Context.Service.Shape<typeof PeerBook>
  readonly pool: Context.Service.Shape<typeof ConnectionPool>
  readonly chains: RunningChains
  /** Monotonic milliseconds. */
  readonly now: () => number
}

const isId = Schema.is(PeerId)
/** No peer id is shorter; what is may be a part of one. */
const shortest = 40

/**
 * The peer that a user means: its id, or enough of its beginning or end, also as tables shorten it. Of an id that nobody knows
 * none, unless it is nearly one that somebody has.
 */
const find = ({ book, pool, self }: Known, written: string): Effect.Effect<PeerId, CliFailed> =>
  Effect.suspend(() => {
    const text = written.replace(/^(…|\.\.\.)/, "")
    const known = [...new Set([...pool.links().keys(), ...book.all().map(({ peer }) => peer)])]
    const fail = (message: string) => Effect.fail(new CliFailed({ message }))
    if (text === self) return fail(`${text} is this node itself`)
    const exact = known.find((peer) => peer === text)
    if (exact !== undefined) return Effect.succeed(exact)
    const [one, other] = text.length < 4 ? [] : known.filter((peer) => peer.startsWith(text) || peer.endsWith(text))
    if (one !== undefined) {
      return other === undefined ? Effect.succeed(one) : fail(`${written} is not enough: it may be ${one} or ${other}`)
    }
    const meant = nearest(text, known) ?? known.find((peer) => nearest(text, [peer.slice(-text.length)]) !== undefined)
    if (meant !== undefined) return fail(`no peer ${written} is known here; did you mean ${meant}?`)
    return isId(text) && text.length >= shortest
      ? Effect.succeed(text)
      : fail(`no peer ${written} is known here: \`chain-p2p peers\` lists those that are`)
  })

const untilOf = (standing: Standing): number | undefined => standing._tag === "Clear" ? undefined : standing.until

export const makeExplain = (known: Known): Pick<Answers, "why" | "ban" | "unban"> => {
  const { book, chains, now, pool } = known
  const ago = (at: number) => Math.max(0, (now() - at) / 1000)
  const left = (until: number) => (until - now()) / 1000

  const rowOf = Effect.fnUntraced(function*(peer: PeerId, { node, settings }: RunningChain) {
    const { chain, private: isPrivate = false, knownPeers = [] } = settings.node
    const standing = book.standing(peer, chain)
    const until = untilOf(standing)
    const session = (yield* node.sessions).find((one) => one.peer === peer)
    const serves = Option.flatMap(book.peer(peer), (facts) => facts.chains).pipe(
      Option.map((all) => all.some((one) => chainId(one) === chainId(chain)))
    )
    return {
      chain: chain.name,
      session: session === undefined ? null : { direction: session.direction, seconds: ago(session.since) },
      standing: standing._tag,
      againInSeconds: until === undefined ? null : left(until),
      serves: Option.getOrNull(serves),
      excluded: isPrivate && !knownPeers.some((address) => address.endsWith(`/p2p/${peer}`))
    } satisfies WhyRow
  })

  const lineOf = (all: ReadonlyArray<RunningChain>) => (line: HistoryLine): HistoryRow => ({
    secondsAgo: ago(line.at),
    times: line.times,
    what: line.what,
    chain: Option.getOrNull(
      Option.map(
        line.chain,
        (chain) =>
          all.find(({ settings }) => chainId(settings.node.chain) === chainId(chain))?.settings.node.chain.name ??
            chain.name
      )
    ),
    address: Option.getOrNull(line.address),
    charged: line.charged,
    did: line.did,
    forSeconds: Option.getOrNull(Option.map(line.until, (until) => (until - line.at) / 1000))
  })

  return {
    why: Effect.fnUntraced(function*({ chain, peer: text }) {
      const peer = yield* find(known, text)
      const all = yield* chains.list
      const wanted = all.filter(({ settings }) => chain === undefined || settings.node.chain.name === chain)
      if (wanted.length === 0 && chain !== undefined) {
        const names = all.map(({ settings }) => settings.node.chain.name).join(", ")
        return yield* new CliFailed({ message: `no chain ${chain} runs here: there is ${names}` })
      }
      const facts = book.peer(peer)
      const lines = book.history(peer).filter((line) =>
        chain === undefined || Option.isNone(line.chain) ||
        wanted.some(({ settings }) => Option.exists(line.chain, (one) => chainId(one) === chainId(settings.node.chain)))
      )
      const link = pool.links().get(peer)
      return {
        peer,
        known: Option.isSome(facts),
        linked: link === undefined
          ? null
          : { direction: link.direction, remote: link.remote, seconds: ago(link.since) },
        addresses: Option.match(facts, { onNone: () => [], onSome: ({ addresses }) => addresses }),
        source: Option.getOrNull(Option.map(facts, (one) => sourceOf(one, link))),
        bannedForSeconds: Option.getOrNull(Option.map(book.bannedUntil(peer), left)),
        bannedBecause: bannedBecause(book, peer),
        suspectsItself: book.suspectsItself(),
        chains: yield* Effect.forEach(wanted, (one) => rowOf(peer, one)),
        history: lines.map(lineOf(all))
      }
    }),
    ban: Effect.fnUntraced(function*({ forMillis, peer: text, reason }) {
      const peer = yield* find(known, text)
      book.ban(peer, Duration.millis(forMillis), reason)
      yield* Effect.logInfo(`banned by a command${reason === undefined ? "" : `: ${reason}`}`).pipe(
        Effect.annotateLogs({ peer })
      )
      return {
        peer,
        known: Option.isSome(book.peer(peer)),
        bannedForSeconds: Option.getOrElse(Option.map(book.bannedUntil(peer), left), () => 0)
      }
    }),
    unban: Effect.fnUntraced(function*({ peer: text }) {
      const peer = yield* find(known, text)
      const wasBanned = Option.isSome(book.bannedUntil(peer))
      book.unban(peer)
      yield* Effect.logInfo("unbanned by a command").pipe(Effect.annotateLogs({ peer }))
      return { peer, wasBanned }
    })
  }
}
