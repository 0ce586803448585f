import { Result } from "effect"
import * as fc from "fast-check"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { type Address, type PeerId, withPeer } from "../../../signatures/index.ts"
import { crc32 } from "../../../src/peers/crc32.ts"
import { decodeBook, encodeBook } from "../../../src/peers/file.ts"
import type { PeerBookOptions } from "../../../src/peers/options.ts"
import { addressesOf } from "../../../src/peers/suspicion.ts"
import { addressOf, chain, endedBy, failedBy, peerNumber, TestBook } from "./book.ts"
import { happen, steps } from "./happen.ts"

const minute = 60_000
const hour = 60 * minute
const wall = 1_800_000_000_000

const read = (bytes: Uint8Array, now: number, wallNow: number, options: PeerBookOptions = {}) =>
  decodeBook(bytes, new TestBook(options).setting, now, wallNow)

/** The book that a process finds which starts `elapsed` of wall time later, with a clock of its own. */
const restarted = (book: TestBook, elapsed = 0, options: PeerBookOptions = {}): TestBook => {
  const next = new TestBook(options)
  next.now = 77
  const found = read(encodeBook(book.state, book.now, wall), next.now, wall + elapsed, options)
  if (Result.isFailure(found)) throw new Error(found.failure)
  next.state = { ...next.state, peers: found.success.peers, bans: found.success.bans }
  return next
}

/** Everything that is kept, with times as ages. */
const keptOf = ({ now, state }: TestBook) => ({
  peers: [...state.peers.values()].map((entry) => ({
    peer: entry.peer,
    sequence: entry.sequence,
    addresses: addressesOf(entry),
    groups: entry.groups,
    chains: entry.chains,
    heard: now - entry.heard,
    failures: entry.health.failures,
    firstSuccess: now - (entry.health.firstSuccess ?? Infinity),
    lastSuccess: now - (entry.health.lastSuccess ?? Infinity),
    tried: [...entry.health.addresses].map(([at, { failures, lastSuccess }]) =>
      `${at} ${failures} ${now - (lastSuccess ?? Infinity)}`
    ).toSorted()
  })),
  bans: [...state.bans].map((
    [peer, { at, by, reason, times, until }]
  ) => [peer, by, reason, times, now - at, until - now])
})

/** A book to which many things have happened. */
const anyBook = steps.map((steps) => {
  const book = new TestBook()
  for (const one of steps) happen(book, one)
  return book
})

describe("the book's file", () => {
  it("gives back what is kept", () => {
    fc.assert(fc.property(anyBook, (book) => {
      expect(keptOf(restarted(book))).toEqual(keptOf(book))
    }))
  })

  it("has the checksum of IEEE 802.3", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      expect(crc32(bytes)).toBe(zlib.crc32(bytes))
    }))
  })

  it("notices any byte that has changed, and any that is missing or too many", () => {
    fc.assert(fc.property(anyBook, fc.nat(), fc.integer({ min: 1, max: 255 }), (book, where, by) => {
      const bytes = encodeBook(book.state, book.now, wall)
      const at = where % bytes.length
      const changed = bytes.with(at, (bytes[at] ?? 0) ^ by)
      for (const wrong of [changed, bytes.subarray(0, at), Uint8Array.of(...bytes, by)]) {
        expect(Result.isFailure(read(wrong, book.now, wall))).toBe(true)
      }
    }))
  })

  it("takes any bytes without an error of its own", () => {
    const title = new TextEncoder().encode("chain-p2p peer book 1 ")
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, titled) => {
      expect(Result.isFailure(read(titled ? Uint8Array.of(...title, ...bytes) : bytes, 0, wall))).toBe(true)
    }))
  })

  /** A file that says what this version would not have written, with a checksum that fits. */
  const written = (lines: ReadonlyArray<unknown>, version = "1"): Uint8Array => {
    const body = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
    const check = crc32(body).toString(16).padStart(8, "0")
    return Uint8Array.of(
      ...new TextEncoder().encode(`chain-p2p peer book ${version} ${check} ${body.length}\n`),
      ...body
    )
  }
  const clocks = { written: wall, now: 5, chains: [chain], mood: "fine" }
  const line = { peer: peerNumber(1), heard: 4, failures: 0, addresses: [{ at: addressOf(1), failures: 0 }] }

  it("leaves out what it doesn't know", () => {
    const strange = [{ ...line, peer: "not a peer" }, { ...line, addresses: ["nowhere"] }, { frogs: 7 }, null]
    const found = read(written([clocks, { ...line, shoes: 44, chains: [0, 9] }, ...strange]), 5, wall)
    expect(found).toMatchObject({ success: { strange: 4 } })
    if (Result.isFailure(found)) return
    expect([...found.success.peers.keys()]).toEqual([peerNumber(1)])
    expect([...found.success.peers.values()][0]?.chains?.size).toBe(1)
  })

  it("tells another version from damage", () => {
    expect(read(written([clocks, line], "2"), 5, wall)).toMatchObject({ failure: "unknown version" })
    expect(read(written([{}, line]), 5, wall)).toMatchObject({ failure: "damaged" })
  })

  it("holds the bounds, and takes no address that the options don't allow now", () => {
    const book = new TestBook({ allowLoopback: true })
    for (let n = 0; n < 9; n++) book.learn(peerNumber(n), [addressOf(n % 3, n), addressOf(20 + n)])
    book.learn(peerNumber(20), ["/ip4/127.0.0.1/tcp/7400" as Address])
      .learn(peerNumber(21), ["/dns4/peer.example/tcp/7400" as Address, addressOf(21)], 0n, "config")
    expect(restarted(book, 0, { allowLoopback: true }).facts(peerNumber(20))?.addresses).toHaveLength(1)
    const next = restarted(book, 0, { maxPeersPerGroup: 2 })
    expect(next.facts(peerNumber(20))?.addresses).toEqual([])
    expect(next.facts(peerNumber(21))?.addresses).toEqual([addressOf(21)])
    expect(next.state.peers.size).toBe(8)
    expect(restarted(book, 0, { maxPeers: 4 }).state.peers.size).toBe(4)
    expect(restarted(book, 0, { maxAddressesPerPeer: 1 }).facts(peerNumber(4))?.addresses).toHaveLength(1)
  })

  it("is not told by a file who we are", () => {
    const self = new TestBook().setting.self
    expect([...restarted(new TestBook().learn(self, [addressOf(1)]).ban(self, hour)).state.peers]).toEqual([])
  })

  it("writes of a peer that serves very many chains that it hasn't said", () => {
    const many = Array.from({ length: 300 }, (_, n) => ({ ...chain, name: `c${n}` }))
    const book = new TestBook().chains(peerNumber(1), { set: many }).chains(peerNumber(2), { set: many.slice(0, 256) })
    const next = restarted(book)
    expect([1, 2].map((n) => next.state.peers.get(peerNumber(n))?.chains?.size)).toEqual([undefined, 256])
  })
})

describe("a restart", () => {
  const peer = peerNumber(1)

  it("keeps bans and how long the next one is, and lets time pass", () => {
    const banned = new TestBook().record({ _tag: "Violation", peer }).wait(10 * minute)
    expect(restarted(banned).left(peer)).toBe(20 * minute)
    expect(restarted(banned, 5 * minute).left(peer)).toBe(15 * minute)
    const over = restarted(banned.wait(20 * minute), 5 * minute)
    expect(over.left(peer)).toBe(0)
    expect(over.record({ _tag: "Violation", peer }).left(peer)).toBe(hour)
    expect(restarted(banned, 25 * hour).state.bans.size).toBe(0)
  })

  it("neither ends a ban nor makes it longer because a wall clock jumps", () => {
    const jump = fc.integer({ min: -(10 ** 12), max: 10 ** 12 })
    fc.assert(fc.property(jump, fc.integer({ min: 1, max: 30 }), fc.boolean(), (elapsed, minutes, byHand) => {
      const book = byHand
        ? new TestBook().ban(peer, minutes * minute)
        : new TestBook().record({ _tag: "Violation", peer })
      const left = book.left(peer)
      const after = restarted(book, elapsed).left(peer)
      expect(after).toBeGreaterThanOrEqual(Math.min(left, 10 * minute))
      expect(after).toBeLessThanOrEqual(left)
    }))
  })

  it("knows no future, whatever the wall clock says", () => {
    const jump = fc.integer({ min: -(10 ** 12), max: 10 ** 12 })
    fc.assert(fc.property(anyBook, jump, (book, elapsed) => {
      const { now, state } = restarted(book, elapsed)
      for (const { health, heard } of state.peers.values()) {
        expect(heard).toBeLessThanOrEqual(now)
        expect(health.lastSuccess ?? now).toBeLessThanOrEqual(now)
      }
      for (const { at } of state.bans.values()) expect(at).toBeLessThanOrEqual(now)
    }))
  })

  it("forgets waits, and who was sticky: whoever made a peer so says it again", () => {
    const book = new TestBook().learn(peer, [addressOf(1)]).stick(peer, "alpha").record({ _tag: "Unreachable", peer })
      .ended(peer, failedBy("timeout"))
    expect(book.left(peer)).toBeGreaterThan(0)
    expect(restarted(book).left(peer)).toBe(0)
    expect(restarted(book).facts(peer)).toMatchObject({ failures: 1, sticky: new Set() })
  })

  it("takes the user's peers as if nothing had gone wrong with them before", () => {
    const book = new TestBook().learn(peer, [addressOf(1)]).ended(peer, endedBy("remote", "closed"))
      .record({ _tag: "Unreachable", peer })
    const next = restarted(book).learn(peer, [withPeer(addressOf(1), peer)], 0n, "bootstrap")
    expect(next.facts(peer)).toMatchObject({ failures: 0, lastSuccess: { _tag: "Some" } })
    expect(next.facts(peer)?.remembered).toBeUndefined()
  })

  it("holds all that it remembers for old until it hears of it", () => {
    const book = new TestBook()
    for (const n of [1, 2, 3, 4, 5, 6]) book.learn(peerNumber(n), [addressOf(n)], 3n)
    const next = restarted(book)
    const remembered = () => [1, 2, 3, 4, 5, 6].filter((n) => next.facts(peerNumber(n))?.remembered !== undefined)
    expect(remembered()).toEqual([1, 2, 3, 4, 5, 6])
    next.record({ _tag: "LinkUp", peer: peerNumber(1), address: addressOf(1), direction: "inbound" })
      .record({ _tag: "Unreachable", peer: peerNumber(2) })
      .chains(peerNumber(3), { set: [] })
      .learn(peerNumber(4), [addressOf(4)], 3n, "exchange")
      .learn(peerNumber(5), [addressOf(5)], 0n, "config")
    expect(remembered()).toEqual([6])
  })
})

describe("anchors", () => {
  const up = (book: TestBook, n: number, direction: "inbound" | "outbound" = "outbound") =>
    book.learn(peerNumber(n), [addressOf(n)])
      .record({ _tag: "LinkUp", peer: peerNumber(n), address: addressOf(n), direction })
  const down = (book: TestBook, n: number) =>
    book.record({ _tag: "LinkDown", peer: peerNumber(n), address: addressOf(n), direction: "outbound" })
  const anchors = (book: TestBook): ReadonlyArray<PeerId> =>
    [...restarted(book).state.peers.values()].flatMap(({ health, peer }) =>
      health.remembered === "anchor" ? [peer] : []
    )

  it("are those that we dialled and were linked to at the end", () => {
    const book = new TestBook()
    for (const n of [1, 2, 3, 4, 5]) up(book, n, n === 2 ? "inbound" : "outbound")
    down(book, 3).record({ _tag: "LinkLost", peer: peerNumber(3), address: addressOf(3), direction: "outbound" })
    book.record({ _tag: "Violation", peer: peerNumber(4) })
    expect(anchors(book)).toEqual([peerNumber(1), peerNumber(5)])
    expect(anchors(down(book, 1).wait(14_000))).toEqual([peerNumber(1), peerNumber(5)])
    expect(anchors(book.wait(1_000))).toEqual([peerNumber(5)])
  })

  it("outlive the smaller of two links to one peer", () => {
    const book = up(up(new TestBook(), 1), 1)
    expect(anchors(down(book, 1).wait(hour))).toEqual([peerNumber(1)])
    expect(anchors(down(book, 1).wait(hour))).toEqual([])
  })

  it("are at most 32, and those that were linked longest", () => {
    const book = new TestBook()
    for (let n = 0; n < 40; n++) up(book.wait(1), n)
    expect(anchors(book)).toEqual(Array.from({ length: 32 }, (_, n) => peerNumber(n)))
  })
})
