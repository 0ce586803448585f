import * as fc from "fast-check"
import { isDeepStrictEqual } from "node:util"
import { describe, expect, it } from "vitest"
import { type Address, OpenFailed, Rejected } from "../../../signatures/index.ts"
import { addressOf, chain, endedBy, failedBy, other, peerNumber, TestBook } from "./book.ts"

const peers = Array.from({ length: 12 }, (_, n) => n)
const bookOf = () => {
  const book = new TestBook()
  for (const n of peers) book.learn(peerNumber(n), [addressOf(n)])
  return book
}
const fail = (book: TestBook, n: number) =>
  book.record({ _tag: "DialFailed", peer: peerNumber(n), address: addressOf(n) })
    .record({ _tag: "Unreachable", peer: peerNumber(n) })

describe("suspicion of ourselves", () => {
  it("takes every charge back, exactly, once five groups failed within 10 s", () => {
    const book = bookOf()
    for (const n of [0, 1, 2]) book.record({ _tag: "Unreachable", peer: peerNumber(n) }).wait(500)
    book.wait(60_000)
    const before = book.state.peers
    for (const n of [0, 1, 2, 3]) fail(book, n).wait(1_000)
    expect(book.suspects).toBe(false)
    expect(book.state.peers).not.toEqual(before)
    fail(book, 4)
    expect(book.suspects).toBe(true)
    expect(book.state.peers).toEqual(before)
    for (const n of peers) fail(book, n).ended(peerNumber(n), failedBy("stream-lost"))
    expect(book.state.peers).toEqual(before)
  })

  it("leaves the book as it was after any local fault, and only after one", () => {
    const deed = fc.record({
      peer: fc.integer({ min: 0, max: 7 }),
      what: fc.constantFrom("dial", "unreachable", "lost", "timeout", "stream", "session"),
      pause: fc.integer({ min: 0, max: 50 }),
      draw: fc.double({ min: 0, max: 0.999, noNaN: true })
    })
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40, size: "max" }), fc.array(deed, { maxLength: 20 }), (faults, more) => {
        const book = bookOf()
        for (const n of peers) book.ended(peerNumber(n), endedBy("remote", "closed", "1 minute"))
        book.wait(60_000)
        const before = book.state.peers
        const apply = ({ draw, pause, peer: n, what }: (typeof faults)[number]) => {
          const peer = peerNumber(n)
          const address = addressOf(n)
          book.draw = draw
          book.wait(pause)
          if (what === "dial") book.record({ _tag: "DialFailed", peer, address })
          else if (what === "unreachable") book.record({ _tag: "Unreachable", peer })
          else if (what === "lost") book.record({ _tag: "LinkLost", peer, address, direction: "outbound" })
          else if (what === "session") book.ended(peer, failedBy("local-session-failed"))
          else if (what === "stream") book.ended(peer, failedBy("stream-lost"))
          else book.ended(peer, { _tag: "NotOpened", error: new OpenFailed({ reason: "timeout" }) })
        }
        for (const fault of faults) apply(fault)
        const broken = new Set(
          faults.filter(({ what }) => what !== "unreachable" && what !== "session").map(({ peer }) => peer)
        )
        const asItWas = broken.size >= 5 || faults.length === 0
        expect(book.suspects).toBe(broken.size >= 5)
        expect(isDeepStrictEqual(book.state.peers, before)).toBe(asItWas)
        // What fails while we suspect ourselves changes nothing either.
        for (const fault of book.suspects ? more : []) apply({ ...fault, pause: 0 })
        expect(isDeepStrictEqual(book.state.peers, before)).toBe(asItWas)
      })
    )
  })

  it("takes back what was charged in the last 12 s when all links turn out to have been silent, and suspects nothing", () => {
    const book = bookOf().record({
      _tag: "LinkUp",
      peer: peerNumber(9),
      address: addressOf(9),
      direction: "outbound"
    })
    fail(book, 0).wait(12_001)
    const before = book.state.peers
    fail(book, 1).wait(5_000)
    fail(book, 2).wait(5_000)
    expect(book.state.peers).not.toEqual(before)
    book.record({ _tag: "CutOff", peer: peerNumber(9) })
    expect(book.state.peers).toEqual(before)
    expect(book.suspects).toBe(false)
    expect(fail(book, 3).facts(peerNumber(3))?.failures).toBe(1)
  })

  it("charges nobody for what took too long, when our own end was cut off shortly before", () => {
    const book = bookOf().record({ _tag: "CutOff", peer: peerNumber(9) })
    const timeouts = (n: number) =>
      book
        .ended(peerNumber(n), failedBy("timeout", "1 hour"))
        .ended(peerNumber(n), failedBy("stream-lost", "1 hour"))
        .ended(peerNumber(n), { _tag: "NotOpened", error: new OpenFailed({ reason: "timeout" }) }, other)
    const failedOf = (n: number) => book.history(peerNumber(n)).filter(({ did }) => did === "failed").length
    book.wait(11_999)
    timeouts(0)
    expect(failedOf(0)).toBe(0)
    expect(book.left(peerNumber(0), chain)).toBe(1_000)
    book.wait(1)
    timeouts(1)
    expect(failedOf(1)).toBe(3)
    // What else fails has its own reasons.
    const again = bookOf().record({ _tag: "CutOff", peer: peerNumber(9) })
    again.ended(peerNumber(0), failedBy("remote-session-failed"))
    expect(again.left(peerNumber(0), chain)).toBeGreaterThan(1_000)
  })

  it("keeps what else happened meanwhile", () => {
    const book = bookOf()
    const twin = bookOf()
    book.draw = twin.draw = 0.3
    fail(book, 0)
    for (const each of [book, twin]) {
      each.wait(100).learn(peerNumber(0), [addressOf(0), addressOf(20)], 2n)
        .record({ _tag: "LinkUp", peer: peerNumber(0), address: addressOf(20), direction: "outbound" })
        .ended(peerNumber(0), endedBy("remote", "closed", "1 minute"))
        .record({ _tag: "LinkDown", peer: peerNumber(0), address: addressOf(20), direction: "outbound" })
        .record({ _tag: "Violation", peer: peerNumber(6) })
    }
    for (const n of [1, 2, 3, 4, 5, 7, 8, 9, 10]) fail(book.wait(100), n)
    expect(book.suspects).toBe(true)
    expect(book.state.peers).toEqual(twin.state.peers)
    expect(book.state.bans).toEqual(twin.state.bans)
  })

  it("does not suspect when one in four groups works, nor when failures are spread over time", () => {
    const mixed = bookOf()
    for (const n of [0, 1]) {
      mixed.record({ _tag: "LinkUp", peer: peerNumber(n), address: addressOf(n), direction: "outbound" })
    }
    for (const n of [2, 3, 4, 5, 6]) fail(mixed, n)
    expect(mixed.suspects).toBe(false)
    const slow = bookOf()
    for (const n of peers) fail(slow.wait(3_000), n)
    expect(slow.suspects).toBe(false)
  })

  it("is disproved by a link that is up", () => {
    const book = bookOf()
    const link = { peer: peerNumber(11), address: addressOf(11), direction: "inbound" } as const
    book.record({ _tag: "LinkUp", ...link })
    for (const n of [0, 1, 2, 3, 4, 5, 6, 7]) fail(book, n)
    expect(book.suspects).toBe(false)
    expect(book.facts(peerNumber(0))?.failures).toBe(1)
  })

  it("is not disproved by a link within our own network, where the world outside is concerned", () => {
    const inside = (n: number) => `/ip4/10.0.0.${n + 1}/tcp/7400` as Address
    const book = new TestBook({ allowPrivate: true })
    for (const n of peers) book.learn(peerNumber(n), [n < 6 ? inside(n) : addressOf(n)])
    book.record({ _tag: "LinkUp", peer: peerNumber(0), address: inside(0), direction: "outbound" }).wait(20_000)
    for (const n of [1, 2, 3, 4, 5]) {
      book.record({ _tag: "DialFailed", peer: peerNumber(n), address: inside(n) })
    }
    expect(book.suspects).toBe(false)
    for (const n of [6, 7, 8, 9, 10]) fail(book, n)
    expect(book.suspects).toBe(true)
  })

  it("takes back what was charged while links were up that turn out to have been dead, and not what was charged before", () => {
    const link = (n: number) => ({ peer: peerNumber(n), address: addressOf(n), direction: "outbound" }) as const
    fc.assert(fc.property(
      fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 12 }),
      fc.integer({ min: 8_000, max: 11_900 }),
      fc.integer({ min: 8_000, max: 11_900 }),
      (dials, one, other) => {
        const book = bookOf()
        for (const n of [8, 9, 10, 11]) book.record({ _tag: "LinkUp", ...link(n) })
        fail(book, 7).wait(13_000)
        const before = book.state.peers
        const [first, last] = [Math.min(one, other), Math.max(one, other)]
        for (const n of dials) fail(book, n)
        book.wait(first)
        for (const n of [8, 9]) book.record({ _tag: "LinkDown", ...link(n) }).record({ _tag: "LinkLost", ...link(n) })
        expect(book.suspects).toBe(false)
        book.wait(last - first)
        for (const n of [10, 11]) book.record({ _tag: "LinkDown", ...link(n) }).record({ _tag: "LinkLost", ...link(n) })
        const isAll = new Set(dials).size > 0
        expect(book.suspects).toBe(isAll)
        expect(isDeepStrictEqual(book.state.peers, before)).toBe(isAll)
        expect(book.facts(peerNumber(7))?.failures).toBe(isAll || !dials.includes(7) ? 1 : 2)
      }
    ))
  })

  it("counts the addresses of one group once, and peers without a group each", () => {
    const book = new TestBook({ allowLoopback: true })
    const one = (n: number) => `/ip4/20.0.0.${n + 1}/tcp/7400` as Address
    const local = (n: number) => `/ip4/127.0.0.1/tcp/${7400 + n}` as Address
    for (const n of peers) {
      book.learn(peerNumber(n), [one(n)]).record({ _tag: "DialFailed", peer: peerNumber(n), address: one(n) })
    }
    expect(book.suspects).toBe(false)
    const host = new TestBook({ allowLoopback: true })
    for (const n of peers) {
      host.learn(peerNumber(n), [local(n)]).record({ _tag: "DialFailed", peer: peerNumber(n), address: local(n) })
    }
    expect(host.suspects).toBe(true)
  })

  it.each([
    [
      "a dial that succeeds",
      (book: TestBook) =>
        book.record({ _tag: "LinkUp", peer: peerNumber(7), address: addressOf(7), direction: "outbound" })
    ],
    ["a session that ends in order", (book: TestBook) => book.ended(peerNumber(7), endedBy("remote", "closed"))],
    [
      "a rejection",
      (book: TestBook) =>
        book.ended(peerNumber(7), {
          _tag: "NotOpened",
          error: new Rejected({ reason: "full", retryAfterMillis: 1_000, alternatives: [] })
        })
    ]
  ])("ends with %s, after which failures are charged again", (_, succeed) => {
    const book = bookOf()
    for (const n of [0, 1, 2, 3, 4]) fail(book, n)
    expect(book.suspects).toBe(true)
    succeed(book)
    expect(book.suspects).toBe(false)
    expect(fail(book, 0).facts(peerNumber(0))?.failures).toBe(1)
  })

  it("is not ended by an inbound link, and lapses after 3 s", () => {
    const book = bookOf()
    for (const n of [0, 1, 2, 3, 4]) fail(book, n)
    book.record({ _tag: "LinkUp", peer: peerNumber(7), address: addressOf(7), direction: "inbound" })
    expect(book.wait(2_999).suspects).toBe(true)
    expect(book.wait(1).suspects).toBe(false)
  })

  it("lets a peer that was tried meanwhile rest for about a second, and forgets that with the suspicion", () => {
    const book = bookOf()
    for (const n of [0, 1, 2, 3, 4]) fail(book, n)
    expect(book.left(peerNumber(0))).toBe(0)
    expect(fail(book, 0).left(peerNumber(0))).toBe(1_000)
    book.record({ _tag: "LinkUp", peer: peerNumber(7), address: addressOf(7), direction: "outbound" })
    expect(book.left(peerNumber(0))).toBe(0)
  })

  it("still bans", () => {
    const book = bookOf()
    for (const n of [0, 1, 2, 3, 4]) fail(book, n)
    expect(book.record({ _tag: "Violation", peer: peerNumber(1) }).banned(peerNumber(1))).toBe(true)
  })
})
