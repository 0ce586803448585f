/** What may happen to a book. */
import * as fc from "fast-check"
import { addressOf, chain, endedBy, failedBy, other, peerNumber, type TestBook } from "./book.ts"

const step = fc.record({
  peer: fc.integer({ min: 0, max: 12 }),
  what: fc.constantFrom("learn", "up", "down", "dial", "unreachable", "good", "failed", "violation", "ban", "chains"),
  n: fc.integer({ min: 0, max: 5 }),
  pause: fc.integer({ min: 0, max: 200_000 })
})

type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

/** Thirteen peers, and whatever is known of them or recorded. */
export const happen = (book: TestBook, { n, pause, peer: number, what }: Step): void => {
  const peer = peerNumber(number)
  const address = addressOf(number, 1 + n)
  book.wait(pause)
  if (what === "learn") {
    const addresses = Array.from({ length: n }, (_, i) => addressOf(number, 1 + i))
    book.learn(peer, addresses, BigInt(book.now) * 10_000_000_000n)
  } else if (what === "up") book.record({ _tag: "LinkUp", peer, address, direction: "outbound" })
  else if (what === "down") book.record({ _tag: "LinkDown", peer, address, direction: "outbound" })
  else if (what === "dial") book.record({ _tag: "DialFailed", peer, address })
  else if (what === "unreachable") book.record({ _tag: "Unreachable", peer })
  else if (what === "good") book.ended(peer, endedBy("remote", "closed"))
  else if (what === "failed") book.ended(peer, failedBy("stream-lost"))
  else if (what === "violation") book.record({ _tag: "Violation", peer })
  else if (what === "ban") book.ban(peer, n * 3_600_000, n % 2 === 0 ? undefined : `reason ${n}`)
  else book.chains(peer, { set: [chain, other].slice(0, n) })
}

export const steps = fc.array(step, { maxLength: 40, size: "max" })
