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

/** The chains that many peers serve. Undefined: nothing is written of them. */
interface Served {
  readonly ids: string
  readonly chains: Entry["chains"]
}

/** A line of a file that was written. */
interface Line {
  readonly of: Entry | Ban
  readonly peer: PeerId
  readonly served: Served | undefined
  /** Its end, which depends on more than its peer. */
  readonly tail: string
  readonly length: number
  readonly crc: number
  readonly shift: number
}

/** Lines that were written, in the order in which what they are about became known. */
interface Part {
  readonly lines: ReadonlyArray<Line>
  readonly bytes: Uint8Array
}

/** A book as bytes, and what is in them: the lines of what has not changed go into the next file as they are. */
export interface WrittenBook {
  readonly bytes: Uint8Array
  readonly peers: Part
  readonly bans: Part
  /** By their ids. */
  readonly served: ReadonlyMap<string, Served>
}

const nothing = new Uint8Array(0)
const noLines: Part = { lines: [], bytes: nothing }
const nothingWritten: WrittenBook = { bytes: nothing, peers: noLines, bans: noLines, served: new Map() }

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

/** Ids are JSON, and have no line breaks. */
const idsOf = (chains: Entry["chains"]): string =>
  chains === undefined ? "" : `${chains.size}\n${[...chains.keys()].join("\n")}`

/** The chains that peers serve: they stand in the file once, and peers refer to them by index. Most peers serve the same. */
class ServedChains {
  readonly #before: WrittenBook["served"]
  readonly #indices = new Map<string, number>()
  readonly #tails = new Map<Served, readonly [tail: string, tailOfAnchor: string]>()
  readonly served = new Map<string, Served>()
  readonly chains: Array<Chain> = []

  constructor(before: WrittenBook["served"]) {
    this.#before = before
  }

  servedBy({ chains: all }: Entry): Served {
    const chains = all === undefined || all.size > maxChainsWritten ? undefined : all
    const ids = idsOf(chains)
    return this.served.get(ids) ?? this.#before.get(ids) ?? { ids, chains }
  }

  #indexOf(id: string, chain: Chain): number {
    const known = this.#indices.get(id)
    if (known !== undefined) return known
    this.#indices.set(id, this.chains.length)
    return this.chains.push(chain) - 1
  }

  /** How the line of a peer ends that serves these. */
  tailOf(served: Served, isAnchor: boolean): string {
    let tails = this.#tails.get(served)
    if (tails === undefined) {
      const { chains, ids } = served
      const indices = chains && Array.from(chains, ([id, chain]) => this.#indexOf(id, chain))
      const text = indices === undefined ? "" : `,"chains":[${indices.join(",")}]`
      tails = [`${text}${lineEnd}`, `${text},"anchor":true${lineEnd}`]
      this.#tails.set(served, tails)
      this.served.set(ids, served)
    }
    return tails[isAnchor ? 1 : 0]
  }
}

/** A part of a new file. Most of its lines come from the one before, in runs. */
class Lines {
  readonly #before: Part
  /** The next line there, and where it begins. */
  #next = 0
  #at = 0
  readonly #pieces: Array<{ readonly of: Uint8Array; readonly from: number; to: number }> = []
  /** The bytes of lines that are new, one after the other. */
  #fresh = nothing
  #used = 0
  readonly lines: Array<Line> = []
  length = 0
  crc = 0

  constructor(before: Part) {
    this.#before = before
  }

  /** The line about this peer that was written. Those that were passed over are about peers that are forgotten. */
  before(peer: PeerId): Line | undefined {
    const { lines } = this.#before
    const found = lines[this.#next]?.peer === peer
      ? this.#next
      : lines.findIndex((line, index) => index > this.#next && line.peer === peer)
    const line = lines[found]
    if (line === undefined) return undefined
    for (; this.#next < found; this.#next++) this.#at += lines[this.#next]?.length ?? 0
    this.#next++
    this.#at += line.length
    return line
  }

  /** What `before` gave last. */
  keep(line: Line): void {
    this.#take(line, this.#before.bytes, this.#at - line.length)
  }

  add(of: Entry | Ban, peer: PeerId, served: Served | undefined, tail: string, text: string): void {
    const from = this.#write(text + tail)
    const crc = crc32(this.#fresh.subarray(from, this.#used))
    const length = this.#used - from
    this.#take({ of, peer, served, tail, length, crc, shift: shiftOf(length) }, this.#fresh, from)
  }

  /** Gives where it begins. */
  #write(text: string): number {
    const most = 3 * text.length
    if (this.#fresh.length < this.#used + most) {
      this.#fresh = new Uint8Array(Math.max(2 * this.#fresh.length, most, 4096))
      this.#used = 0
    }
    const from = this.#used
    this.#used += encoder.encodeInto(text, this.#fresh.subarray(from)).written
    return from
  }

  #take(line: Line, of: Uint8Array, from: number): void {
    const last = this.#pieces.at(-1)
    if (last?.of === of && last.to === from) last.to += line.length
    else this.#pieces.push({ of, from, to: from + line.length })
    this.lines.push(line)
    this.length += line.length
    this.crc = crc32Joined(this.crc, line.crc, line.shift)
  }

  /** To the beginning of these. */
  writeTo(bytes: Uint8Array): Part {
    let at = 0
    for (const { from, of, to } of this.#pieces) {
      bytes.set(of.subarray(from, to), at)
      at += to - from
    }
    return { lines: this.lines, bytes: bytes.subarray(0, at) }
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
  const chains = new ServedChains(before.served)
  const ofPeers = new Lines(before.peers)
  for (const [peer, entry] of peers) {
    const line = ofPeers.before(peer)
    const isSame = line?.of === entry
    const served = isSame && line.served !== undefined ? line.served : chains.servedBy(entry)
    const tail = chains.tailOf(served, anchors.has(peer))
    if (isSame && line.tail === tail) ofPeers.keep(line)
    else ofPeers.add(entry, peer, served, tail, peerLine(entry))
  }
  const ofBans = new Lines(before.bans)
  for (const [peer, ban] of bans) {
    const line = ofBans.before(peer)
    if (line?.of === ban) ofBans.keep(line)
    else ofBans.add(ban, peer, undefined, lineEnd, banLine(peer, ban))
  }

  const clocks: ClocksLine = { written: Math.round(wallNow), now: Math.round(now), chains: chains.chains }
  const first = encoder.encode(`${JSON.stringify(clocks)}\n`)
  const withPeers = crc32Joined(crc32(first), ofPeers.crc, shiftOf(ofPeers.length))
  const check = crc32Joined(withPeers, ofBans.crc, shiftOf(ofBans.length))
  const length = first.length + ofPeers.length + ofBans.length
  const head = encoder.encode(`${title} ${version} ${hex(check)} ${length}\n`)
  const bytes = new Uint8Array(head.length + length)
  bytes.set(head)
  bytes.set(first, head.length)
  const rest = bytes.subarray(head.length + first.length)
  return {
    bytes,
    peers: ofPeers.writeTo(rest),
    bans: ofBans.writeTo(rest.subarray(ofPeers.length)),
    served: chains.served
  }
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
