/** What readers of a book are shown while it changes. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { CandidateFacts } from "../../../signatures/index.ts"
import { Views } from "../../../src/peers/views.ts"
import { addressOf, chain, endedBy, failedBy, other, peerNumber, TestBook } from "./book.ts"
import { happen, steps } from "./happen.ts"

const byPeer = (candidates: ReadonlyArray<CandidateFacts>) => new Map(candidates.map((one) => [one.peer, one]))

const peer = peerNumber(1)
const candidatesOf = (book: TestBook, on = chain) => book.views.candidates(book.state, on, book.now)

describe("the candidates of a chain", () => {
  it("are what the book says now, however much has happened since they were asked for", () => {
    const asked = fc.func(fc.constantFrom([], [chain], [other], [chain, other]))
    fc.assert(fc.property(steps, asked, fc.integer({ min: 1, max: 20 }), (steps, asked, maxChanges) => {
      const book = new TestBook({}, new Views(maxChanges))
      for (const [index, one] of steps.entries()) {
        happen(book, one)
        for (const on of asked(index)) {
          const fresh = new Views().candidates(book.state, on, book.now)
          expect(byPeer(candidatesOf(book, on))).toEqual(byPeer(fresh))
        }
        for (const entry of book.state.peers.values()) {
          expect(book.views.factsOf(entry)).toEqual(new Views().factsOf(entry))
        }
      }
    }))
  })

  it("are the same list while nothing changes, whoever else is asked about", () => {
    const book = new TestBook().learn(peer, [addressOf(1)]).chains(peer, { set: [chain] })
    book.learn(peerNumber(2), [addressOf(2)]).chains(peerNumber(2), { set: [other] })
    const before = candidatesOf(book)
    book.wait(1000).ended(peerNumber(2), endedBy("remote", "closed"), other)
    expect(candidatesOf(book)).toBe(before)
    book.stick(peer, "somebody")
    expect(candidatesOf(book)).not.toBe(before)
  })

  it("are told again of a peer only when its wait begins or ends", () => {
    const book = new TestBook().learn(peer, [addressOf(1)]).chains(peer, { set: [chain, other] })
    const [clear] = candidatesOf(book)
    expect(candidatesOf(book, other)[0]).toBe(clear)
    book.ended(peer, failedBy("stream-lost"))
    const [waiting] = candidatesOf(book)
    expect(waiting?.standing._tag).toBe("Cooling")
    expect(candidatesOf(book.wait(1000))[0]).toBe(waiting)
    expect(candidatesOf(book.wait(10_000))[0]?.standing._tag).toBe("Clear")
  })

  it("are what the book says now while it suspects itself, and after", () => {
    const pause = fc.integer({ min: 0, max: 1500 })
    const what = fc.constantFrom("dial", "up", "down", "good", "failed")
    const deed = fc.record({ peer: fc.nat(8), what, pause, n: fc.constant(0) })
    let suspicions = 0
    fc.assert(fc.property(fc.array(deed, { minLength: 20, maxLength: 60 }), (deeds) => {
      const book = new TestBook()
      for (let n = 0; n < 9; n++) book.learn(peerNumber(n), [addressOf(n)])
      for (const one of deeds) {
        happen(book, one)
        if (book.suspects) suspicions++
        const fresh = new Views().candidates(book.state, chain, book.now)
        expect(byPeer(candidatesOf(book))).toEqual(byPeer(fresh))
      }
    }))
    expect(suspicions).toBeGreaterThan(0)
  })
})
