import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LeaseFailed, OpenFailed, Rejected, type RejectReason, type SessionOutcome } from "../../../signatures/index.ts"
import { addressOf, chain, endedBy, failedBy, other, peerNumber, TestBook } from "./book.ts"

const peer = peerNumber(1)
const address = addressOf(1)
const known = () => new TestBook().learn(peer, [address])
const rejected = (reason: RejectReason, retryAfterMillis = 60_000): SessionOutcome => ({
  _tag: "NotOpened",
  error: new Rejected({ reason, retryAfterMillis, alternatives: [] })
})
const notOpened = (reason: OpenFailed["reason"]): SessionOutcome => ({
  _tag: "NotOpened",
  error: new OpenFailed({ reason })
})
const notLeased = (reason: LeaseFailed["reason"]): SessionOutcome => ({
  _tag: "NotOpened",
  error: new LeaseFailed({ reason, dials: [] })
})

describe("the table of charges", () => {
  it.each([
    endedBy("remote", "closed"),
    endedBy("local", "closed"),
    endedBy("local", "rotated"),
    endedBy("remote", "rotated"),
    endedBy("local", "shutdown")
  ])(
    "counts %o as good and cools for at most a second",
    (outcome) => {
      const book = known().record({ _tag: "Unreachable", peer }).wait(1_000).ended(peer, outcome)
      expect(book.facts(peer)).toMatchObject({ failures: 0, lastSuccess: { value: book.now } })
      expect(book.left(peer)).toBeLessThanOrEqual(1_000)
      expect(book.left(peer, other)).toBe(0)
    }
  )

  it("forgives a pair its failures once a session lasted 30 s, and not before", () => {
    const book = known().ended(peer, failedBy("remote-session-failed")).ended(peer, failedBy("remote-session-failed"))
    expect(book.candidate(peer)?.failures).toBe(2)
    expect(book.ended(peer, endedBy("remote", "closed", "29 seconds")).candidate(peer)?.failures).toBe(2)
    expect(book.ended(peer, failedBy("stream-lost", "30 seconds")).candidate(peer)?.failures).toBe(1)
    expect(book.ended(peer, endedBy("remote", "closed", "30 seconds")).candidate(peer)?.failures).toBe(0)
  })

  it.each(["draining", "shutdown"] as const)("waits 30 s for a peer that ends with %s, and charges nobody", (code) => {
    const book = known().ended(peer, endedBy("remote", code))
    expect(book.left(peer)).toBe(30_000)
    expect(book.left(peer, other)).toBe(0)
    expect(book.candidate(peer)?.failures).toBe(0)
  })

  it.each(["full", "draining", "rate-limited", "banned"] as const)(
    "waits as long as a peer that rejects with %s asks for, from a second to ten minutes",
    (reason) => {
      expect(known().ended(peer, rejected(reason, 60_000)).left(peer)).toBe(60_000)
      expect(known().ended(peer, rejected(reason, 3_600_000)).left(peer)).toBe(600_000)
      expect(known().ended(peer, rejected(reason, 0)).left(peer)).toBe(1_000)
      expect(known().ended(peer, rejected(reason)).left(peer, other)).toBe(0)
      expect(known().ended(peer, rejected(reason)).candidate(peer)?.failures).toBe(0)
    }
  )

  it.each(["unknown-chain", "incompatible"] as const)(
    "holds a peer that rejects with %s incompatible for 10 min",
    (reason) => {
      const book = known().ended(peer, rejected(reason))
      expect(book.standing(peer)).toEqual({ _tag: "Incompatible", until: book.now + 600_000 })
      expect(book.standing(peer, other)).toEqual({ _tag: "Clear" })
      expect(book.wait(600_000).standing(peer)).toEqual({ _tag: "Clear" })
    }
  )

  it("takes a peer as compatible as soon as it announces the chain", () => {
    const book = known().chains(peer, { set: [other] }).ended(peer, rejected("unknown-chain"))
    expect(book.chains(peer, { added: [], removed: [other] }).standing(peer)._tag).toBe("Incompatible")
    expect(book.chains(peer, { added: [chain], removed: [] }).standing(peer)._tag).toBe("Clear")
    expect(book.ended(peer, rejected("incompatible")).chains(peer, { set: [chain] }).standing(peer)._tag)
      .toBe("Incompatible")
  })

  it.each<SessionOutcome>([
    { _tag: "Cancelled" },
    rejected("duplicate"),
    notOpened("superseded"),
    notOpened("link-lost"),
    notLeased("unreachable"),
    notLeased("banned"),
    notLeased("closing"),
    failedBy("superseded"),
    failedBy("link-lost")
  ])("leaves everything as it was after %o", (outcome) => {
    const book = known()
    const before = book.state.peers
    expect(book.ended(peer, outcome).state.peers).toEqual(before)
  })

  it.each([notLeased("limit"), notLeased("no-address"), notOpened("cut-off")])(
    "pauses a second and charges nobody after %o",
    (outcome) => {
      const book = known().ended(peer, outcome)
      expect(book.left(peer)).toBe(1_000)
      expect(book.candidate(peer)?.failures).toBe(0)
    }
  )

  it("charges a failed dial to the address alone", () => {
    const second = addressOf(1, 2)
    const book = known().learn(peer, [address, second], 2n).record({ _tag: "DialFailed", peer, address })
    expect(book.facts(peer)).toMatchObject({ failures: 0, addresses: [second, address] })
    expect(book.left(peer)).toBe(0)
  })

  it("puts an address that a dial proved first, and takes its failures away", () => {
    const second = addressOf(1, 2)
    const book = known().learn(peer, [address, second], 2n)
      .record({ _tag: "DialFailed", peer, address: second })
      .record({ _tag: "LinkUp", peer, address: second, direction: "outbound" })
    expect(book.facts(peer)?.addresses).toEqual([second, address])
    expect(book.wait(1).record({ _tag: "LinkUp", peer, address, direction: "outbound" }).facts(peer)?.addresses)
      .toEqual([address, second])
  })

  it("charges a peer of which every address failed, on all chains", () => {
    const book = known().record({ _tag: "Unreachable", peer })
    expect(book.left(peer)).toBe(5_000)
    expect(book.left(peer, other)).toBe(5_000)
    expect(book.facts(peer)?.failures).toBe(1)
  })

  it("charges a lost link to address and peer, and cools all chains", () => {
    const second = addressOf(1, 2)
    const book = known().learn(peer, [address, second], 2n)
      .record({ _tag: "LinkLost", peer, address, direction: "outbound" })
    expect(book.facts(peer)).toMatchObject({ failures: 1, addresses: [second, address] })
    expect([book.left(peer), book.left(peer, other)]).toEqual([5_000, 5_000])
  })

  it.each<SessionOutcome>([
    notOpened("timeout"),
    notOpened("stream-lost"),
    notOpened("protocol-violation"),
    failedBy("remote-session-failed"),
    failedBy("local-session-failed"),
    failedBy("stream-lost"),
    failedBy("timeout"),
    failedBy("protocol-violation")
  ])("charges the pair alone after %o", (outcome) => {
    const book = known().ended(peer, outcome)
    expect(book.candidate(peer)?.failures).toBe(1)
    expect(book.facts(peer)?.failures).toBe(0)
    expect([book.left(peer), book.left(peer, other)]).toEqual([5_000, 0])
  })

  it("bans for 30 min, doubling to a day, once however many report it", () => {
    const book = known()
    for (const minutes of [30, 60, 120, 240, 480, 960, 1440, 1440]) {
      book.record({ _tag: "Violation", peer }).record({ _tag: "Violation", peer })
      expect(book.left(peer)).toBe(minutes * 60_000)
      expect(book.standing(peer, other)._tag).toBe("Banned")
      book.wait(minutes * 60_000)
      expect(book.banned(peer)).toBe(false)
    }
  })

  it("charges no session that failed by a violation for which the peer is banned", () => {
    const book = known().record({ _tag: "Violation", peer }).ended(peer, failedBy("protocol-violation"))
    expect(book.candidate(peer)?.failures).toBe(0)
  })

  it("backs off 5 s · 2^min(n − 1, 5), give or take a fifth", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 12 }), (draw, n) => {
        const book = known()
        book.draw = draw
        for (let i = 0; i < n; i++) book.wait(200_000).record({ _tag: "Unreachable", peer })
        const base = 5_000 * 2 ** Math.min(n - 1, 5)
        expect(book.left(peer)).toBeGreaterThanOrEqual(base * 0.8 - 1)
        expect(book.left(peer)).toBeLessThanOrEqual(base * 1.2 + 1)
        expect(book.wait(base * 1.2 + 1).standing(peer)._tag).toBe("Clear")
      })
    )
  })

  it("gives the gravest standing", () => {
    const book = known().record({ _tag: "Unreachable", peer })
    expect(book.standing(peer)._tag).toBe("Cooling")
    expect(book.ended(peer, rejected("incompatible")).standing(peer)._tag).toBe("Incompatible")
    expect(book.record({ _tag: "Violation", peer }).standing(peer)._tag).toBe("Banned")
  })
})
