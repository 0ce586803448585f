import { Option } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { RejectReason, SessionOutcome } from "../../../signatures/index.ts"
import { Rejected } from "../../../signatures/index.ts"
import { addressOf, chain, endedBy, failedBy, other, peerNumber, TestBook } from "./book.ts"

const peer = peerNumber(1)
const address = addressOf(1)
const known = () => new TestBook().learn(peer, [address])
const rejected = (reason: RejectReason): SessionOutcome => ({
  _tag: "NotOpened",
  error: new Rejected({ reason, retryAfterMillis: 60_000, alternatives: [] })
})
const day = 24 * 3_600_000

/** `what did (to whom) [times] [until, in ms from now]`. */
const told = (book: TestBook) =>
  book.history(peer).map(({ chain, charged, did, times, until, what }) =>
    [
      what,
      `${did} (${charged})`,
      ...Option.match(chain, { onNone: () => [], onSome: ({ name }) => [name] }),
      ...(times > 1 ? [`×${times}`] : []),
      ...Option.match(until, { onNone: () => [], onSome: (at) => [at - book.now] })
    ].join(" ")
  )

describe("the history of a peer", () => {
  it("tells what was recorded, oldest first, whom it was charged to, and until when", () => {
    const book = known().record({ _tag: "LinkUp", peer, address, direction: "outbound" }).wait(1)
      .ended(peer, failedBy("stream-lost")).wait(1)
      .ended(peer, rejected("full"), other).wait(1)
      .ended(peer, rejected("incompatible"), other).wait(1)
      .record({ _tag: "LinkLost", peer, address, direction: "outbound" }).wait(1)
      .record({ _tag: "DialFailed", peer, address })
      .record({ _tag: "Unreachable", peer })
    expect(told(book)).toEqual([
      "link up good (address)",
      "session failed: stream-lost failed (chain) alpha 4996",
      "rejected by the peer: full waits (nobody) beta 59997",
      "rejected by the peer: incompatible incompatible (chain) beta 599998",
      "link lost failed (peer) 4999",
      "dial failed failed (address)",
      "every address failed failed (peer) 10000"
    ])
  })

  it("writes what happens again once, with how often and the last time", () => {
    const book = known().ended(peer, failedBy("stream-lost")).wait(1_000).ended(peer, rejected("full")).wait(1_000)
      .ended(peer, failedBy("stream-lost"))
    expect(told(book)).toEqual([
      "rejected by the peer: full waits (nobody) alpha 59000",
      "session failed: stream-lost failed (chain) alpha ×2 10000"
    ])
    expect(book.history(peer).map(({ at }) => book.now - at)).toEqual([1_000, 0])
  })

  it("tells of two chains apart, though they bear one name", () => {
    const book = known().ended(peer, failedBy("stream-lost")).wait(1_000)
      .ended(peer, failedBy("stream-lost"), { ...chain, genesis: "another" })
    expect(book.history(peer).map(({ chain, times }) => [Option.getOrUndefined(chain)?.genesis, times])).toEqual([
      [chain.genesis, 1],
      ["another", 1]
    ])
  })

  it("is bounded, and forgets what went well before what did not", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 100, size: "max" }), (names) => {
      const book = known().ended(peer, failedBy("stream-lost"))
      for (const n of names) book.wait(1_000).ended(peer, endedBy("remote", "closed"), { ...chain, name: `c${n}` })
      expect(book.history(peer).length).toBeLessThanOrEqual(16)
      expect(book.history(peer)[0]?.what).toBe("session failed: stream-lost")
    }))
  })

  it("tells nothing of what was taken back as our own fault", () => {
    const book = new TestBook()
    const peers = [1, 2, 3, 4, 5].map(peerNumber)
    for (const [n, each] of peers.entries()) book.learn(each, [addressOf(n)])
    for (const [n, each] of peers.entries()) book.record({ _tag: "DialFailed", peer: each, address: addressOf(n) })
    expect(book.suspects).toBe(true)
    expect(peers.flatMap((each) => book.history(each))).toEqual([])
  })

  it("tells of a ban even when nothing else is known of its peer", () => {
    const book = new TestBook().record({ _tag: "Violation", peer }).wait(1_800_000).record({ _tag: "Violation", peer })
    expect(told(book)).toEqual(["protocol violated banned (peer) ×2 3600000"])
  })
})

describe("a ban by hand", () => {
  it("lasts as long as was said, whatever stood before, and at most a year", () => {
    const book = known().ban(peer, 5_000)
    expect([book.standing(peer)._tag, book.left(peer, other)]).toEqual(["Banned", 5_000])
    expect(book.record({ _tag: "Violation", peer }).left(peer)).toBe(5_000)
    expect(book.ban(peer, Infinity).left(peer)).toBe(365 * day)
    expect(book.ban(peer, 1_000).left(peer)).toBe(1_000)
    expect(told(book)).toEqual(["banned by hand banned (peer) 1000"])
  })

  it("keeps the reason, on one line and not too long, and nothing of one that says nothing", () => {
    const reason = `it is\u001b[31m slow\n\tand ${"very ".repeat(100)}`
    const [line] = known().ban(peer, 5_000, reason).history(peer)
    expect(line?.what.startsWith("banned by hand: it is [31m slow and very very")).toBe(true)
    expect(line?.what.length).toBe("banned by hand: ".length + 200)
    expect(known().ban(peer, 5_000, " \n\u0000").history(peer).map(({ what }) => what)).toEqual(["banned by hand"])
  })

  it("makes no later ban longer, and forgives none", () => {
    expect(known().ban(peer, 1_000).wait(1_000).record({ _tag: "Violation", peer }).left(peer)).toBe(1_800_000)
    const again = known().record({ _tag: "Violation", peer }).ban(peer, 1_000).wait(1_000)
    expect(again.record({ _tag: "Violation", peer }).left(peer)).toBe(3_600_000)
  })

  it("ends by hand, and is forgotten then", () => {
    const book = known().record({ _tag: "Violation", peer }).unban(peer)
    expect(book.standing(peer)._tag).toBe("Clear")
    expect(told(book)).toEqual(["unbanned by hand unbanned (peer)"])
    expect(book.record({ _tag: "Violation", peer }).left(peer)).toBe(1_800_000)
    expect(known().unban(peer).history(peer)).toEqual([])
  })

  it("never befalls ourselves", () => {
    const book = new TestBook()
    expect(book.ban(book.setting.self, 5_000).state.bans.size).toBe(0)
  })
})
