import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Address, withPeer } from "../../../signatures/index.ts"
import { allowancesFor } from "../../../src/peers/options.ts"
import { addressOf, chain, other, peerNumber, self, TestBook } from "./book.ts"

const peer = peerNumber(1)
const loopback = "/ip4/127.0.0.1/tcp/7400" as Address
const lan = "/ip4/192.168.1.7/tcp/7400" as Address

describe("what the book may be taught", () => {
  it.each([
    "/dns4/peer.example/tcp/7400",
    "/ip4/198.51.100.1/tcp/7400",
    "/ip4/224.0.0.1/tcp/7400",
    "/ip4/0.0.0.0/tcp/7400",
    "/ip4/20.1.1.1/tcp/0",
    "/ip4/20.1.1.1/tcp/7400/p2p-circuit",
    loopback,
    lan,
    withPeer(addressOf(5), peerNumber(5))
  ])("never takes %s from a stranger", (address) => {
    const book = new TestBook().learn(peer, [address as Address, addressOf(1)])
    expect(book.facts(peer)?.addresses).toEqual([addressOf(1)])
    expect(new TestBook().learn(peer, [address as Address]).facts(peer)).toBeUndefined()
  })

  it("takes loopback and private addresses where the options allow them", () => {
    expect(new TestBook({ allowLoopback: true }).learn(peer, [loopback, lan]).facts(peer)?.addresses).toEqual([
      loopback
    ])
    expect(new TestBook({ allowPrivate: true }).learn(peer, [loopback, lan]).facts(peer)?.addresses).toEqual([lan])
    const memory = "/memory/a" as Address
    expect(new TestBook({ allowLoopback: true }).learn(peer, [memory]).facts(peer)?.addresses).toEqual([memory])
  })

  it("allows what fits the addresses on which a node listens", () => {
    expect(allowancesFor([loopback])).toEqual({ allowLoopback: true, allowPrivate: true })
    expect(allowancesFor([loopback, lan])).toEqual({ allowLoopback: false, allowPrivate: true })
    expect(allowancesFor([loopback, addressOf(1)])).toEqual({ allowLoopback: false, allowPrivate: false })
    expect(allowancesFor([])).toEqual({ allowLoopback: false, allowPrivate: false })
  })

  it("takes the user's word for any address, and keeps it whatever a record says", () => {
    const name = "/dns4/peer.example/tcp/7400" as Address
    const book = new TestBook().learn(peer, [withPeer(name, peer), loopback], 0n, "bootstrap").learn(peer, [
      addressOf(1)
    ], 7n)
    expect(book.facts(peer)?.addresses).toEqual([name, loopback, addressOf(1)])
    expect(book.learn(peer, [addressOf(2)], 8n).facts(peer)?.addresses).toEqual([name, loopback, addressOf(2)])
  })

  it("takes the last word of a peer itself, though its clock was ahead when it said another", () => {
    const book = new TestBook().learn(peer, [addressOf(1)], 1_000n, "exchange").learn(peer, [addressOf(2)], 10n, "info")
    expect(book.facts(peer)?.addresses).toEqual([addressOf(2)])
    expect(book.learn(peer, [addressOf(3)], 9n, "exchange").facts(peer)?.addresses).toEqual([addressOf(2)])
    expect(book.learn(peer, [addressOf(4)], 11n, "exchange").facts(peer)?.addresses).toEqual([addressOf(4)])
  })

  it("lets the record with the higher sequence count, in whatever order others tell them", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 8 }), (sequences) => {
        const book = new TestBook()
        for (const n of sequences) book.learn(peer, [addressOf(n)], BigInt(n), "exchange")
        expect(book.facts(peer)?.addresses).toEqual([addressOf(Math.max(...sequences))])
      })
    )
  })

  it("takes from the local network what lies there and nothing else, beside what the peer has signed", () => {
    const book = new TestBook().learn(peer, [lan, loopback, addressOf(1)], 0n, "mdns")
    expect(book.facts(peer)).toMatchObject({ addresses: [lan], source: "mdns" })
    // The same again, elsewhere, and what is of no use.
    const moved = "/ip4/192.168.1.8/tcp/7400" as Address
    book.learn(peer, [lan, moved, "/dns4/peer.local/tcp/7400" as Address], 0n, "mdns")
    expect(book.facts(peer)?.addresses).toEqual([lan, moved])
    // A signature confirms one of them, and so the other is gone.
    book.learn(peer, [addressOf(1), lan], 5n)
    expect(book.facts(peer)).toMatchObject({ addresses: [addressOf(1), lan], source: "info" })
    book.learn(peer, [addressOf(2)], 6n).learn(peer, [moved], 0n, "mdns")
    expect(book.facts(peer)?.addresses).toEqual([addressOf(2), moved])
    expect(book.facts(peer)?.source).toBe("info")
    expect(new TestBook().learn(peer, [addressOf(1)], 0n, "mdns").facts(peer)).toBeUndefined()
  })

  it("holds no more addresses than it may, however often they are announced", () => {
    const book = new TestBook()
    for (let n = 1; n < 100; n++) book.learn(peer, [`/ip4/10.0.0.${n}/tcp/7400` as Address], 0n, "mdns")
    expect(book.facts(peer)?.addresses.length).toBe(8)
  })

  it("tells whose word the newest addresses are", () => {
    const book = new TestBook().learn(peer, [addressOf(1)], 0n, "bootstrap")
    expect(book.facts(peer)?.source).toBe("bootstrap")
    for (const [n, source] of (["exchange", "rejection", "info"] as const).entries()) {
      expect(book.learn(peer, [addressOf(n)], BigInt(n + 1), source).facts(peer)?.source).toBe(source)
    }
    expect(book.learn(peer, [addressOf(9)], 1n, "exchange").facts(peer)?.source).toBe("info")
  })

  it("keeps what happened to an address that the next record has too", () => {
    const book = new TestBook().learn(peer, [addressOf(1), addressOf(2)], 1n)
      .record({ _tag: "LinkUp", peer, address: addressOf(2), direction: "outbound" })
      .learn(peer, [addressOf(1), addressOf(2), addressOf(3)], 2n)
    expect(book.facts(peer)?.addresses[0]).toBe(addressOf(2))
  })

  it("never learns ourselves, nor an address of ours as another's", () => {
    const book = new TestBook().learn(self, [addressOf(9)], 0n, "config").learn(peer, [addressOf(9), addressOf(1)])
      .learn(self, [addressOf(2)], 5n).chains(self, { set: [chain] }).stick(self, "a")
      .record({ _tag: "LinkUp", peer: self, address: addressOf(9), direction: "outbound" })
    expect(book.facts(self)).toBeUndefined()
    expect(book.facts(peer)?.addresses).toEqual([addressOf(1)])
  })

  it("counts a peer that has not said as a candidate for every chain, then for those it serves", () => {
    const book = new TestBook().learn(peer, [addressOf(1)])
    expect([book.candidate(peer)?.peer, book.candidate(peer, other)?.peer]).toEqual([peer, peer])
    book.chains(peer, { set: [chain] })
    expect([book.candidate(peer)?.peer, book.candidate(peer, other)?.peer]).toEqual([peer, undefined])
    book.chains(peer, { added: [other], removed: [chain] })
    expect([book.candidate(peer)?.peer, book.candidate(peer, other)?.peer]).toEqual([undefined, peer])
  })

  it("holds sticky reasons as a set of owners", () => {
    const book = new TestBook().stick(peer, "a").stick(peer, "b").stick(peer, "a").unstick(peer, "a").unstick(peer, "c")
    expect(book.facts(peer)?.sticky).toEqual(new Set(["b"]))
    expect(book.unstick(peer, "b").facts(peer)?.sticky.size).toBe(0)
  })
})
