/**
 * The book as a file: a title with version and checksum, a line with the clocks, then one for each peer and ban. Pure. What it
 * looks like, and what survives in it, is in README.md.
 */
import { Option, Result, Schema } from "effect"
import type { Chain } from "../../signatures/index.ts"
import { anchorsOf } from "./anchors.ts"
import { crc32 } from "./crc32.ts"
import { BanLine, ClocksLine, PeerLine } from "./lines.ts"
import type { Setting } from "./options.ts"
import { restored, type RestoredBook } from "./restore.ts"
import { type BookState, type Entry, untriedAddress } from "./state.ts"
import { addressesOf } from "./suspicion.ts"

/** Why a file can't be read: it is not as it was written, or this version doesn't know what it means. */
export type Unreadable = "damaged" | "unknown version"

const title = "chain-p2p peer book"
const version = "1"
/** Of a peer that serves more nothing is written: it will say so again, and counts as one that may serve any until then. */
const maxChainsWritten = 256
/** Longer files are not from us. */
export const maxFileBytes = 32 * 1024 * 1024

/** Without its end, and what depends on more than the entry. */
const peerLine = (entry: Entry): string => {
  const { failures, firstSuccess, lastSuccess } = entry.health
  const line: PeerLine = {
    peer: entry.peer,
    ...(entry.sequence < 0n ? {} : { sequence: String(entry.sequence) }),
    heard: Math.round(entry.heard),
    failures,
    ...(firstSuccess === undefined ? {} : { firstSuccess: Math.round(firstSuccess) }),
    ...(lastSuccess === undefined ? {} : { lastSuccess: Math.round(lastSuccess) }),
    addresses: [...addressesOf(entry)].map((at) => {
      const { failures, lastSuccess } = entry.health.addresses.get(at) ?? untriedAddress
      return { at, failures, ...(lastSuccess === undefined ? {} : { lastSuccess: Math.round(lastSuccess) }) }
    })
  }
  return JSON.stringify(line).slice(0, -1)
}

/** Ids are JSON, and have no line breaks. */
const idsOf = (chains: NonNullable<Entry["chains"]>): string => [...chains.keys()].join("\n")

/** What `state` is worth remembering. `now` in monotonic, `wallNow` in wall time. */
export const encodeBook = (
  { bans, links, peers }: BookState,
  now: number,
  wallNow: number
): Uint8Array => {
  const anchors = anchorsOf(links.dialled, now)
  const chains = new Map<string, Chain>()
  const indices = new Map<string, number>()
  const indexOf = (id: string, chain: Chain): number => {
    const known = indices.get(id)
    if (known !== undefined) return known
    chains.set(id, chain)
    indices.set(id, indices.size)
    return indices.size - 1
  }
  // Most peers serve the same chains.
  const alike = new Map<string, string>()
  const served = (chains: NonNullable<Entry["chains"]>): string => {
    const ids = idsOf(chains)
    const known = alike.get(ids)
    if (known !== undefined) return known
    const text = `,"chains":[${Array.from(chains, ([id, chain]) => indexOf(id, chain)).join(",")}]`
    alike.set(ids, text)
    return text
  }
  const lines: Array<string> = []
  for (const entry of peers.values()) {
    const serves = entry.chains === undefined || entry.chains.size > maxChainsWritten ? "" : served(entry.chains)
    lines.push(`${peerLine(entry)}${serves}${anchors.has(entry.peer) ? `,"anchor":true` : ""}}\n`)
  }
  for (const [banned, { at, by, reason, times, until }] of bans) {
    const line: BanLine = {
      banned,
      at: Math.round(at),
      until: Math.round(until),
      times,
      by,
      ...(reason === undefined ? {} : { reason })
    }
    lines.push(`${JSON.stringify(line)}\n`)
  }
  const clocks: ClocksLine = { written: Math.round(wallNow), now: Math.round(now), chains: [...chains.values()] }
  const body = new TextEncoder().encode(`${JSON.stringify(clocks)}\n${lines.join("")}`)
  const head = new TextEncoder().encode(`${title} ${version} ${hex(crc32(body))} ${body.length}\n`)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

const hex = (value: number): string => value.toString(16).padStart(8, "0")

const newline = 10
/** The longest first line there is. */
const longestHead = 128

const readClocks = Schema.decodeUnknownOption(Schema.fromJsonString(ClocksLine))
const readLine = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Union([PeerLine, BanLine])))

export interface ReadBook extends RestoredBook {
  /** Lines that are whole, but don't say what this version expects. They are left out. */
  readonly strange: number
}

/** What a file says, as far as the options allow it. Any change of its bytes is noticed. */
export const decodeBook = (
  bytes: Uint8Array,
  setting: Setting,
  now: number,
  wallNow: number
): Result.Result<ReadBook, Unreadable> => {
  const end = bytes.subarray(0, longestHead).indexOf(newline)
  if (end < 0) return Result.fail("damaged")
  const head = new TextDecoder().decode(bytes.subarray(0, end))
  if (!head.startsWith(`${title} `)) return Result.fail("damaged")
  const body = bytes.subarray(end + 1)
  const [foundVersion, ...check] = head.slice(title.length + 1).split(" ")
  if (foundVersion !== version) return Result.fail("unknown version")
  if (check.join(" ") !== `${hex(crc32(body))} ${body.length}`) return Result.fail("damaged")
  const [first = "", ...rest] = new TextDecoder().decode(body).split("\n")
  const clocks = readClocks(first)
  if (Option.isNone(clocks)) return Result.fail("damaged")
  const lines = rest.slice(0, -1).map((line) => readLine(line))
  const known = lines.flatMap((line) => Option.toArray(line))
  return Result.succeed({
    ...restored(clocks.value, known, setting, now, wallNow),
    strange: lines.length - known.length
  })
}
