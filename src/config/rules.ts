/** What one key alone can't say: mistakes between keys, and values that are legal but unwise. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Address, addressFacts } from "../../signatures/Address.ts"
import { nodeDefaults } from "../../signatures/NodeConfig.ts"
import { type Finding, show } from "./explain.ts"
import { type Path, valueAt } from "./shape.ts"
import { formatSize, parseDuration, parseSize } from "./units.ts"

/**
 * Reads values that may themselves be mistaken: a rule is skipped where it would need one of these, so that each mistake is
 * told once.
 */
interface Reader {
  readonly number: (path: Path) => number | undefined
  readonly bytes: (path: Path) => number | undefined
  readonly text: (path: Path) => string | undefined
  readonly texts: (path: Path) => ReadonlyArray<string> | undefined
  readonly chains: ReadonlyArray<number>
}

const readerOf = (root: unknown): Reader => {
  const text = (path: Path) => {
    const value = valueAt(root, path)
    return typeof value === "string" ? value : undefined
  }
  const chains = valueAt(root, ["chains"])
  return {
    text,
    number: (path) => {
      const value = valueAt(root, path)
      return typeof value === "number" && Number.isInteger(value) ? value : undefined
    },
    bytes: (path) => Option.getOrUndefined(Option.flatMap(Option.fromUndefinedOr(text(path)), parseSize)),
    texts: (path) => {
      const value = valueAt(root, path) ?? []
      return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined
    },
    chains: Array.isArray(chains) ? chains.map((_, index) => index) : []
  }
}

const value = (path: Path, what: string): Finding => ({ path, part: "value", what })

const sessionCountOf = (reader: Reader, chain: number) =>
  valueHere(reader.number, ["chains", chain, "sessionCount"], nodeDefaults.sessionCount)
const valueHere = (read: Reader["number"], path: Path, otherwise: number): number => read(path) ?? otherwise

const atMost = (path: Path, found: number | undefined, limit: number, name: string): ReadonlyArray<Finding> =>
  found !== undefined && found > limit ? [value(path, `expected at most ${name} (${limit}), got ${found}`)] : []

const chainMistakes = (reader: Reader, chain: number): ReadonlyArray<Finding> => {
  const at = (key: string): Path => ["chains", chain, key]
  const sessions = sessionCountOf(reader, chain)
  const inbound = valueHere(reader.number, at("maxInboundCount"), 2 * sessions)
  const total = reader.number(at("maxSessionCount"))
  const longest = reader.bytes(at("maxMessageBytes")) ?? nodeDefaults.maxMessageBytes
  const least = reader.bytes(at("minMessageBytes")) ?? nodeDefaults.minMessageBytes
  const name = reader.text(at("name"))
  const twin = reader.chains.find((other) => other < chain && reader.text(["chains", other, "name"]) === name)
  return [
    ...(name !== undefined && twin !== undefined
      ? [value(at("name"), `expected a name of its own, got ${show(name)}, which chains[${twin}] has too`)]
      : []),
    ...(total !== undefined && total < sessions
      ? [value(at("maxSessionCount"), `expected at least sessionCount (${sessions}), got ${total}`)]
      : total !== undefined && reader.number(at("maxInboundCount")) !== undefined && total < sessions + inbound
      ? [value(
        at("maxSessionCount"),
        `expected at least sessionCount + maxInboundCount (${sessions + inbound}), got ${total}`
      )]
      : []),
    ...atMost(at("newcomerSlots"), reader.number(at("newcomerSlots")), Math.max(0, inbound - 1), "maxInboundCount - 1"),
    ...(least > longest
      ? [value(
        reader.text(at("minMessageBytes")) === undefined ? at("maxMessageBytes") : at("minMessageBytes"),
        `expected minMessageBytes to be at most maxMessageBytes, got ${formatSize(least)} and ${formatSize(longest)}`
      )]
      : [])
  ]
}

/** Mistakes between keys. `root` may hold any mistakes itself. */
export const ruleMistakes = (root: unknown): ReadonlyArray<Finding> => {
  const reader = readerOf(root)
  const listen = reader.texts(["listen"]) ?? []
  return [
    ...listen.flatMap((address, index) =>
      listen.indexOf(address) < index && !/\/(tcp|udp)\/0(\/|$)/.test(address)
        ? [value(["listen", index], `expected each address once, got ${show(address)} again`)]
        : []
    ),
    ...reader.chains.flatMap((chain) => chainMistakes(reader, chain)),
    ...reader.chains.flatMap((chain) =>
      valueAt(root, ["chains", chain, "private"]) === true &&
        reader.texts(["chains", chain, "knownPeers"])?.length === 0
        ? [value(["chains", chain, "private"], "expected knownPeers beside it: a private chain talks to nobody else")]
        : []
    )
  ]
}

const chainWarnings = (reader: Reader, chain: number): ReadonlyArray<Finding> => {
  const at = (key: string): Path => ["chains", chain, key]
  const timeout = Option.flatMap(Option.fromUndefinedOr(reader.text(at("sessionTimeout"))), parseDuration)
  const sessions = sessionCountOf(reader, chain)
  const inbound = reader.number(at("maxInboundCount"))
  const all = valueHere(reader.number, at("maxSessionCount"), 3 * sessions)
  const each = (reader.bytes(at("window")) ?? nodeDefaults.window) +
    (reader.bytes(at("maxMessageBytes")) ?? nodeDefaults.maxMessageBytes)
  return [
    ...(Option.exists(timeout, (value) => Duration.isLessThan(value, Duration.minutes(2)))
      ? [value(
        at("sessionTimeout"),
        "a session timeout under 2 minutes costs: each rotation opens a stream, repeats the session's start, and ends work that takes longer"
      )]
      : []),
    ...(Option.exists(timeout, (value) => !Duration.isFinite(value))
      ? [value(
        at("sessionTimeout"),
        "sessions are never rotated: peers that never leave keep their slots for ever, and newcomers of a full network wait"
      )]
      : []),
    ...(inbound !== undefined && inbound < sessions
      ? [value(
        at("maxInboundCount"),
        "fewer inbound than outbound sessions: if all nodes do so, some can never reach their sessionCount"
      )]
      : []),
    ...(all * each > 1024 * 1024 * 1024
      ? [value(
        at("maxSessionCount"),
        `${all} sessions may hold ${
          formatSize(all * each)
        } of unread messages: lower window, maxMessageBytes or the counts`
      )]
      : [])
  ]
}

/** Values that are legal but unwise. `root` is a valid file. */
export const ruleWarnings = (root: unknown): ReadonlyArray<Finding> => {
  const reader = readerOf(root)
  const bootstrap = reader.texts(["bootstrap"]) ?? []
  const listen = reader.texts(["listen"])
  const links = reader.number(["limits", "links"])
  const wanted = Math.max(0, ...reader.chains.map((chain) => sessionCountOf(reader, chain)))
  const lonely = bootstrap.length === 0 && valueAt(root, ["discovery", "mdns"]) !== true &&
    reader.chains.every((chain) => reader.texts(["chains", chain, "knownPeers"])?.length === 0)
  const isLoopback = (address: string) => Schema.is(Address)(address) && addressFacts(address).scope === "loopback"
  return [
    ...(lonely
      ? [value(["bootstrap"], "no bootstrap and no knownPeers: this node meets only peers that dial it first")]
      : []),
    ...(valueAt(root, ["listen"]) !== undefined && listen?.length === 0
      ? [value(["listen"], "no listen address: nobody can dial this node, so it is of no use to newcomers")]
      : []),
    ...(listen !== undefined && listen.length > 0 && listen.every(isLoopback) && !bootstrap.every(isLoopback)
      ? [value(["listen"], "only loopback addresses: peers on other machines can't dial this node")]
      : []),
    ...(links !== undefined && links < wanted
      ? [
        value(
          ["limits", "links"],
          `fewer links than the ${wanted} sessions that one chain wants, each with another peer`
        )
      ]
      : []),
    ...reader.chains.flatMap((chain) => chainWarnings(reader, chain))
  ]
}
