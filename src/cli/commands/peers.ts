/** `why`, `ban`, `unban`: how a peer stands with a running node. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { parseDuration } from "../../config/units.ts"
import { type ConfigFlags, dataDirOf } from "../configFlags.ts"
import { CliFailed } from "../failure.ts"
import { note, print, printJson } from "../output.ts"
import { askNode } from "../status/client.ts"
import { type HistoryRow, longestBanMillis, type Source, type Why, type WhyRow } from "../status/protocol.ts"
import { ago, table } from "../table.ts"

interface PeerFlags extends ConfigFlags {
  readonly peer: string
  readonly json: boolean
}

const mayBePicked = (row: WhyRow, { suspectsItself }: Why): string => {
  if (row.session !== null) return "it has a session"
  if (row.againInSeconds !== null) return `in ${ago(row.againInSeconds)}`
  if (row.excluded) return "never: the chain is private, and this is none of its knownPeers"
  if (row.serves === false) return "once it serves the chain"
  return suspectsItself ? "once this node's own network works again" : "now"
}

const stateOf = ({ session, standing }: WhyRow): string =>
  session === null ? standing.toLowerCase() : `${session.direction} session for ${ago(session.seconds)}`

const consequence = ({ charged, did, forSeconds }: HistoryRow): string => {
  const wait = forSeconds === null ? "" : ` for ${ago(Math.round(forSeconds))}`
  switch (did) {
    case "good":
    case "compatible":
    case "unbanned":
      return charged === "nobody" ? "" : `good for the ${charged}`
    case "failed":
      return `charged to the ${charged}${forSeconds === null ? "" : `, cools${wait}`}`
    case "waits":
      return `nobody is charged, waits${wait}`
    case "incompatible":
    case "banned":
      return `${did}${wait}`
  }
}

const historyTable = (history: ReadonlyArray<HistoryRow>): string =>
  table(
    ["when", "times", "what", "chain", "address", "so"],
    history.map((line) => [
      `${ago(line.secondsAgo)} ago`,
      line.times,
      line.what,
      line.chain ?? "",
      line.address ?? "",
      consequence(line)
    ])
  )

const origins: { readonly [source in Source]: string } = {
  config: "named in the config file",
  bootstrap: "named as a bootstrap peer",
  info: "said itself where it is",
  exchange: "another peer told of it",
  rejection: "a peer without room told of it",
  mdns: "heard of on the local network",
  remembered: "remembered from an earlier run: nothing was heard of it since",
  inbound: "came to us, and has not said where it listens",
  none: "nobody has said where it is"
}

const render = (why: Why): string =>
  [
    `peer ${why.peer}`,
    why.linked === null
      ? "  no link"
      : `  ${why.linked.direction} link for ${ago(why.linked.seconds)}: ${why.linked.remote}`,
    ...(why.known ? [] : ["  the peer book doesn't know it"]),
    ...(why.source === null ? [] : [`  ${origins[why.source]}`]),
    ...(why.bannedForSeconds === null
      ? []
      : [`  banned for another ${ago(why.bannedForSeconds)}: ${why.bannedBecause ?? "nobody knows why"}`]),
    ...why.addresses.map((address) => `  ${address}`),
    "",
    table(
      ["chain", "state", "serves it", "may be picked"],
      why.chains.map((row) => [
        row.chain,
        stateOf(row),
        row.serves === null ? "not said" : row.serves ? "yes" : "no",
        mayBePicked(row, why)
      ])
    ),
    "",
    ...(why.history.length === 0 ? ["nothing has happened with it yet"] : [historyTable(why.history)])
  ].join("\n")

export const why = Effect.fnUntraced(function*(flags: PeerFlags & { readonly chain: Option.Option<string> }) {
  const { chain, json, peer } = flags
  const answer = yield* askNode(yield* dataDirOf(flags), {
    ask: "why",
    peer,
    ...(Option.isNone(chain) ? {} : { chain: chain.value })
  })
  yield* json ? printJson(answer) : print(render(answer))
})

interface BanFlags extends PeerFlags {
  readonly for: string
  readonly reason: Option.Option<string>
}

export const ban = Effect.fnUntraced(function*(flags: BanFlags) {
  const { json, peer, reason } = flags
  const forMillis = Option.getOrUndefined(Option.map(parseDuration(flags.for), Duration.toMillis))
  if (forMillis === undefined || !(forMillis >= 1 && forMillis <= longestBanMillis)) {
    return yield* new CliFailed({
      message: `flag --for: expected a duration with its unit up to 365 days, such as "30 minutes", got ${
        JSON.stringify(flags.for)
      }`
    })
  }
  const answer = yield* askNode(yield* dataDirOf(flags), {
    ask: "ban",
    peer,
    forMillis: Math.ceil(forMillis),
    ...(Option.isNone(reason) ? {} : { reason: reason.value })
  })
  if (json) return yield* printJson(answer)
  yield* note(
    `${answer.peer} is banned for ${ago(Math.round(answer.bannedForSeconds))}: its sessions end, and its link closes.` +
      (answer.known ? "" : " The peer book didn't know it.")
  )
})

export const unban = Effect.fnUntraced(function*(flags: PeerFlags) {
  const answer = yield* askNode(yield* dataDirOf(flags), { ask: "unban", peer: flags.peer })
  if (flags.json) return yield* printJson(answer)
  yield* note(answer.wasBanned ? `${answer.peer} is banned no more` : `${answer.peer} was not banned`)
})
