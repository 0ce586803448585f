/**
 * The book as a file: a title with version and checksum, a line with the clocks, then one for each peer and ban. Pure. What it
 * looks like, and what survives in it, is in README.md.
 */
import { Option, Result, Schema } from "effect"
import type { Chain, PeerId } from "../../signatures/index.ts"
import { anchorsOf } from "./anchors.ts"
import { crc32, crc32Joined, shiftOf } from "./crc32.ts"
import { BanLine, ClocksLine, PeerLine } from "./lines.ts"
import type { Setting } from "./options.ts"
import { restored, type RestoredBook } from "./restore.ts"
import { type Ban, type BookState, type Entry, untriedAddress } from "./state.ts"
import { addressesOf } from "./suspicion.ts"

/** Why a file can't be read: it is not as it was written, or this version doesn't know what it means. */
export type Unreadable = "damaged" | "unknown version"

const title = "chain-p2p peer book"
const version = "1"
/** Of a peer that serves more nothing is written: it will say so again, and counts as one that may serve any until then. */
const maxChainsWritten = 256
/** Longer files are not from us. */
export const maxFileBytes = 32 * 1024 * 1024

/** A line of a file that was written. */
interface Line {
  /** The chains that its peer serves. */
  readonly ids: string
  /** Its end, which depends on more than its peer. */
  readonly tail: string
  /** Where it is among the lines. */
  readonly from: number
  readonly to: number
  readonly crc: number
  readonly shift: number
}

/** A book as bytes, and where in them its lines are: those of what has not changed go into the next file as they are. */
export interface WrittenBook {
  readonly bytes: Uint8Array
  /** The part with the lines of peers and bans. */
  readonly lines: Uint8Array
  readonly lineOf: ReadonlyMap<Entry | Ban, Line>
}

const nothing = new Uint8Array(0)
const nothingWritten: WrittenBook = { bytes: nothing, lines: nothing, lineOf: new Map() }

const encoder = new TextEncoder()

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

const banLine = (banned: PeerId, { at, by, reason, times, until }: Ban): string => {
  const line: BanLine = {
    banned,
    at: Math.round(at),
    until: Math.round(until),
    times,
    by,
    ...(reason === undefined ? {} : { reason })
  }
  return JSON.stringify(line).slice(0, -1)
}

const lineEnd = "}\n"

/** The chains that peers serve: they stand in the file once, and peers refer to them by index. */
class ServedChains {
  readonly #indices = new Map<string, number>()
  readonly all: Array<Chain> = []
  /** Most peers serve the same chains. */
  readonly #alike = new Map<string, readonly [tail: string, tailOfAnchor: string]>()

  /** Ids are JSON, and have no line breaks. Empty where nothing is written. */
  static idsOf({ chains }: Entry): string {
    return chains === undefined || chains.size > maxChainsWritten
      ? ""
      : `${chains.size}\n${[...chains.keys()].join("\n")}`
  }

  #indexOf(id: string, chain: Chain): number {
    const known = this.#indices.get(id)
    if (known !== undefined) return known
    this.#indices.set(id, this.all.length)
    return this.all.push(chain) - 1
  }

  /** How the line of a peer ends that serves these. */
  tailOf({ chains }: Entry, ids: string, isAnchor: boolean): string {
    let tails = this.#alike.get(ids)
    if (tails === undefined) {
      const served = ids === "" || chains === undefined
        ? ""
        : `,"chains":[${Array.from(chains, ([id, chain]) => this.#indexOf(id, chain)).join(",")}]`
      tails = [`${served}${lineEnd}`, `${served},"anchor":true${lineEnd}`]
      this.#alike.set(ids, tails)
    }
    return tails[isAnchor ? 1 : 0]
  }
}

/** The lines of a new file, most of them from the one before. */
class Lines {
  readonly #before: WrittenBook
  readonly #pieces: Array<{ readonly of: Uint8Array; readonly from: number; to: number }> = []
  readonly lineOf = new Map<Entry | Ban, Line>()
  length = 0

  constructor(before: WrittenBook) {
    this.#before = before
  }

  /** The line that was written of this, if it ends as it did. */
  add(of: Entry | Ban, ids: string, tail: string, text: () => string): void {
    const before = this.#before.lineOf.get(of)
    if (before !== undefined && before.tail === tail) this.#take(this.#before.lines, of, before)
    else {
      const bytes = encoder.encode(text() + tail)
      this.#take(bytes, of, { ids, tail, from: 0, to: bytes.length, crc: crc32(bytes), shift: shiftOf(bytes.length) })
    }
  }

  #take(bytes: Uint8Array, of: Entry | Ban, line: Line): void {
    const last = this.#pieces.at(-1)
    if (last?.of === bytes && last.to === line.from) last.to = line.to
    else this.#pieces.push({ of: bytes, from: line.from, to: line.to })
    const from = this.length
    this.length += line.to - line.from
    this.lineOf.set(of, line.from === from ? line : { ...line, from, to: this.length })
  }

  /** The sum of all that goes before, and of these. */
  crcAfter(crc: number): number {
    let all = crc
    for (const line of this.lineOf.values()) all = crc32Joined(all, line.crc, line.shift)
    return all
  }

  writeTo(bytes: Uint8Array, at: number): void {
    let next = at
    for (const { from, of, to } of this.#pieces) {
      bytes.set(of.subarray(from, to), next)
      next += to - from
    }
  }
}

/** What `state` is worth remembering. `now` in monotonic, `wallNow` in wall time; `before`: what was written the last time. */
export const encodeBook = (
  { bans, links, peers }: BookState,
  now: number,
  wallNow: number,
  before: WrittenBook = nothingWritten
): WrittenBook => {
  const anchors = anchorsOf(links.dialled, now)
  const chains = new ServedChains()
  const lines = new Lines(before)
  for (const entry of peers.values()) {
    const ids = before.lineOf.get(entry)?.ids ?? ServedChains.idsOf(entry)
    lines.add(entry, ids, chains.tailOf(entry, ids, anchors.has(entry.peer)), () => peerLine(entry))
  }
  for (const [banned, ban] of bans) lines.add(ban, "", lineEnd, () => banLine(banned, ban))
  const clocks: ClocksLine = { written: Math.round(wallNow), now: Math.round(now), chains: chains.all }
  const first = encoder.encode(`${JSON.stringify(clocks)}\n`)
  const check = hex(lines.crcAfter(crc32(first)))
  const head = encoder.encode(`${title} ${version} ${check} ${first.length + lines.length}\n`)
  const bytes = new Uint8Array(head.length + first.length + lines.length)
  bytes.set(head)
  bytes.set(first, head.length)
  lines.writeTo(bytes, head.length + first.length)
  return { bytes, lines: bytes.subarray(head.length + first.length), lineOf: lines.lineOf }
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
