import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Address } from "../../../signatures/index.ts"
import { addressOf, chain, endedBy, failedBy, peerNumber, TestBook } from "./book.ts"

const bounds = { maxPeers: 6, maxPeersPerGroup: 2, maxAddressesPerPeer: 3, maxChainsPerPeer: 2, maxBans: 4 }

const step = fc.record({
  peer: fc.integer({ min: 0, max: 30 }),
  what: fc.constantFrom("learn", "given", "up", "failed", "good", "violation", "stick", "unstick", "chains", "wait"),
  n: fc.integer({ min: 0, max: 9 })
})

describe("a bounded book", () => {
  it("holds its bounds after every step, and never evicts a sticky peer", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const book = new TestBook(bounds)
      const sticky = new Set<number>()
      for (const { n, peer: number, what } of steps) {
        const peer = peerNumber(number)
        // Few groups, so that they fill up.
        const addresses = Array.from({ length: n }, (_, i) => addressOf((number + i) % 4, number + 1))
        if (what === "learn") book.learn(peer, addresses, BigInt(book.now))
        else if (what === "given") book.learn(peer, addresses, 0n, "config")
        else if (what === "up") book.record({ _tag: "LinkUp", peer, address: addressOf(number), direction: "inbound" })
        else if (what === "failed") book.ended(peer, failedBy("stream-lost"))
        else if (what === "good") book.ended(peer, endedBy("remote", "closed"))
        else if (what === "violation") book.record({ _tag: "Violation", peer })
        else if (what === "chains") {
          book.chains(peer, { set: Array.from({ length: n }, (_, i) => ({ ...chain, name: `c${i}` })) })
        } else if (what === "wait") book.wait(n * 1_000_000)
        else if (what === "stick" && sticky.size < 3) {
          sticky.add(number)
          book.stick(peer, "test")
        } else if (what === "unstick") {
          sticky.delete(number)
          book.unstick(peer, "test")
        }
        book.wait(1)

        const entries = [...book.state.peers.values()]
        expect(entries.length).toBeLessThanOrEqual(bounds.maxPeers)
        for (const { given, groups, learnt } of entries) {
          expect(given.length + learnt.length).toBeLessThanOrEqual(bounds.maxAddressesPerPeer)
          for (const group of groups) {
            const members = entries.filter((entry) => entry.groups.includes(group))
            const stuck = members.filter((entry) => entry.sticky.size > 0).length
            expect(members.length).toBeLessThanOrEqual(Math.max(bounds.maxPeersPerGroup, stuck))
          }
        }
        for (const { chains } of entries) expect(chains?.size ?? 0).toBeLessThanOrEqual(bounds.maxChainsPerPeer)
        expect(book.state.bans.size).toBeLessThanOrEqual(bounds.maxBans)
        for (const number of sticky) expect(book.facts(peerNumber(number))).toBeDefined()
      }
    }))
  })

  it("evicts who failed before who is new, and who is new before who has proven itself", () => {
    const book = new TestBook({ maxPeers: 3 })
    const [proven, fresh, failed, next, last] = [0, 1, 2, 3, 4].map(peerNumber)
    if (!proven || !fresh || !failed || !next || !last) throw new Error("five peers")
    for (const [n, peer] of [proven, fresh, failed].entries()) book.learn(peer, [addressOf(n)]).wait(1)
    book.ended(proven, endedBy("remote", "closed"))
    for (let i = 0; i < 3; i++) book.record({ _tag: "Unreachable", peer: failed })
    book.wait(1).learn(next, [addressOf(3)])
    expect([...book.state.peers.keys()]).toEqual([proven, fresh, next])
    book.wait(1).learn(last, [addressOf(4)])
    expect([...book.state.peers.keys()]).toEqual([proven, next, last])
  })

  it("evicts who is banned before anybody else, the user's peers included", () => {
    const book = new TestBook({ maxPeers: 2 }).learn(peerNumber(1), [addressOf(1)], 0n, "config")
      .learn(peerNumber(2), [addressOf(2)]).record({ _tag: "Violation", peer: peerNumber(1) })
    book.wait(1).learn(peerNumber(3), [addressOf(3)])
    expect([...book.state.peers.keys()]).toEqual([peerNumber(2), peerNumber(3)])
  })

  it("keeps a ban when the peer is evicted", () => {
    const book = new TestBook({ maxPeers: 1 }).learn(peerNumber(1), [addressOf(1)])
      .record({ _tag: "Violation", peer: peerNumber(1) }).learn(peerNumber(2), [addressOf(2)])
    expect(book.facts(peerNumber(1))).toBeUndefined()
    expect(book.banned(peerNumber(1))).toBe(true)
    expect(book.learn(peerNumber(1), [addressOf(1)]).standing(peerNumber(1))._tag).toBe("Banned")
  })

  it("bans of unknown peers are remembered too", () => {
    expect(new TestBook().record({ _tag: "Violation", peer: peerNumber(1) }).banned(peerNumber(1))).toBe(true)
  })

  it("takes a peer that lists a hundred addresses with its first few", () => {
    const many = Array.from({ length: 100 }, (_, n) => addressOf(n)) as ReadonlyArray<Address>
    expect(new TestBook(bounds).learn(peerNumber(1), many).facts(peerNumber(1))?.addresses).toEqual(many.slice(0, 3))
  })
})
