import { assert, describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { batchBytes, headerBytes, messageOverhead } from "../../../src/wire/frames.ts"
import { ReceiveWaiter } from "../../../src/wire/SessionCore.ts"
import { type Peer, peers, quiesce } from "./pipe.ts"

type Step =
  | { readonly do: "send"; readonly who: 0 | 1; readonly size: number }
  | {
    readonly do: "receive" | "interruptSend" | "interruptReceive" | "close" | "fail" | "violate"
    readonly who: 0 | 1
  }
  | { readonly do: "turn" | "drain" | "end" | "expire"; readonly who: 0 | 1 }
  | { readonly do: "deliver"; readonly who: 0 | 1; readonly bytes: number }
  | { readonly do: "cut"; readonly linkEnded: boolean }

const who = fc.constantFrom<0 | 1>(0, 1)
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(80) },
  { weight: 2, arbitrary: fc.nat(5000) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 70_000 }) }
)
const moving: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), who, size }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("receive" as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("interruptSend" as const, "interruptReceive" as const), who })
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("turn" as const, "drain" as const), who }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("deliver" as const), who, bytes: fc.oneof(fc.nat(9), fc.nat(9000)) })
  }
)
const ending: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("close" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("fail" as const, "violate" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), linkEnded: fc.boolean() }) }
)
const terms = fc.record({
  max: fc.constantFrom(100, 6000, 80_000),
  windows: fc.tuple(fc.constantFrom(1, 300, 10_000, 100_000), fc.constantFrom(1, 300, 10_000, 100_000)),
  room: fc.constantFrom(1, 500, 64 * 1024)
})

let serial = 0
/** Every message can be told from every other. */
const message = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  serial++
  for (let i = 0; i < size; i++) bytes[i] = (serial >> (8 * (i % 3))) + i
  return bytes
}

/** Neither end holds more than it may: all that was accepted is with the sender, underway, or with the receiver. */
const boundsHold = (receiver: Peer, sender: Peer): void => {
  const { maxMessageBytes, window } = receiver.core.terms
  const unread = sum(sender.accepted, messageOverhead) - sum(receiver.received, messageOverhead)
  expect(unread).toBeLessThan(window + maxMessageBytes + messageOverhead)
  const unwritten = sum(sender.accepted, headerBytes) - sender.end.writes.reduce((total, bytes) => total + bytes, 0)
  expect(unwritten).toBeLessThanOrEqual(Math.max(batchBytes, maxMessageBytes + headerBytes))
}

const sum = (messages: ReadonlyArray<Uint8Array>, overhead: number): number =>
  messages.reduce((total, message) => total + message.length + overhead, 0)

const run = (a: Peer, b: Peer, step: Step): void => {
  if (step.do === "cut") {
    a.end.reset(step.linkEnded)
    b.end.reset(step.linkEnded)
    return
  }
  const peer = step.who === 0 ? a : b
  switch (step.do) {
    case "send":
      return peer.send(message(step.size))
    case "deliver":
      return void peer.end.deliver(step.bytes)
    case "turn":
      return void peer.end.turn()
    case "drain":
      return void peer.end.drain()
    case "end":
      return void peer.end.end()
    case "close":
      return peer.core.end("closed")
    case "fail":
      return peer.core.fail("session-failed")
    case "violate":
      return peer.core.fail("protocol-violation")
    case "expire":
      return peer.deadlines.length > 0 ? peer.core.expire() : undefined
    default:
      return peer[step.do]()
  }
}

const isPrefix = (received: ReadonlyArray<Uint8Array>, accepted: ReadonlyArray<Uint8Array>): void => {
  expect(received.length).toBeLessThanOrEqual(accepted.length)
  for (let i = 0; i < received.length; i++) expect(received[i]).toEqual(accepted[i])
}

type Terms = typeof terms extends fc.Arbitrary<infer T> ? T : never

const world = (given: Terms) => {
  const [a, b] = peers(given)
  a.end.room = given.room
  b.end.room = given.room
  return [a, b] as const
}

/** A message and an end arrive; who has them closes before it receives the message. */
const closedAfterTheEndOfTheOther: [Terms, [Array<Step>, Step, Array<Step>]] = [
  { max: 100, windows: [1, 1], room: 1 },
  [[{ do: "send", who: 0, size: 0 }], { do: "close", who: 0 }, [
    { do: "turn", who: 0 },
    { do: "deliver", who: 0, bytes: 4 },
    { do: "deliver", who: 0, bytes: 5 },
    { do: "close", who: 1 }
  ]]
]

describe("the session core", () => {
  it("delivers a prefix of what was sent, and all of it once everything moves (L1, L3)", () => {
    fc.assert(
      fc.property(terms, fc.array(moving, { maxLength: 120 }), (given, steps) => {
        const [a, b] = world(given)
        for (const step of steps) {
          run(a, b, step)
          for (const [peer, other] of [[a, b], [b, a]] as const) {
            isPrefix(peer.received, other.accepted)
            boundsHold(peer, other)
          }
        }
        quiesce([a, b], true)
        for (const [peer, other] of [[a, b], [b, a]] as const) {
          expect(peer.outcomes).toEqual([])
          expect(peer.sending.size).toBe(0)
          expect(peer.received).toEqual(other.accepted)
        }
      }),
      { numRuns: 300 }
    )
  })

  it("ends once, tells everybody, and keeps the order of what had arrived (L4, L5, L6)", () => {
    const steps = fc.tuple(
      fc.array(moving, { maxLength: 60 }),
      ending,
      fc.array(fc.oneof({ weight: 5, arbitrary: moving }, ending), { maxLength: 40 })
    )
    fc.assert(
      fc.property(terms, steps, (given, [before, end, after]) => {
        const [a, b] = world(given)
        let cut = false
        let aborted = false
        const atClose = new Map<Peer, number>()
        // Who closes, even after the other end's end, gives up what it has not received.
        const gaveUp = new Set<Peer>()
        for (const step of [...before, end, ...after]) {
          const closing = step.do === "close" ? (step.who === 0 ? a : b) : undefined
          if (closing !== undefined) gaveUp.add(closing)
          if (closing !== undefined && closing.core.outcome === undefined) atClose.set(closing, closing.accepted.length)
          cut ||= step.do === "cut"
          aborted ||= step.do === "fail" || step.do === "violate" || step.do === "expire"
          run(a, b, step)
        }
        quiesce([a, b], true)
        for (const [peer, other] of [[a, b], [b, a]] as const) {
          isPrefix(peer.received, other.accepted)
          const outcome = peer.core.outcome
          expect(peer.outcomes.length).toBeLessThanOrEqual(1)
          expect(peer.outcomes[0]).toBe(outcome)
          if (outcome === undefined) {
            // Only an `expire` that came before any deadline did nothing.
            assert.deepStrictEqual([cut, atClose.size, other.core.outcome], [false, 0, undefined])
            continue
          }
          expect(peer.sending.size + peer.receiving.size).toBe(0)
          for (const told of peer.told) expect(told).toBe(outcome)
          // The other end knows too, and nobody stays on the stream.
          expect(other.core.outcome).toBeDefined()
          expect(peer.releases).toBe(1)
          // An orderly close of one end loses nothing, and fails nobody.
          const closedAt = atClose.get(other)
          if (!cut && !aborted) {
            assert.strictEqual(outcome._tag, "ConnectionClosed")
            if (closedAt !== undefined && !atClose.has(peer)) {
              if (!gaveUp.has(peer)) assert.strictEqual(peer.received.length, closedAt)
              assert.deepInclude(outcome, { by: "remote", code: "closed" })
            }
          }
        }
      }),
      { numRuns: 500, examples: [closedAfterTheEndOfTheOther] }
    )
  })

  it("fails the connection of who breaks the wire format, in bounded memory, and never throws (L11)", () => {
    const hostile = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.tuple(fc.nat(8), fc.nat(300), fc.nat(120)).map(([type, length, sent]) =>
          Uint8Array.from([type, length >> 16, length >> 8, length, ...Array.from({ length: sent }, () => 0)])
        ),
        fc.constantFrom(Uint8Array.of(0, 0xff, 0xff, 0xff), Uint8Array.of(1, 0, 0, 4, 0xff, 0xff, 0xff, 0xff))
      ),
      { maxLength: 30 }
    )
    fc.assert(
      fc.property(hostile, fc.nat(20), (chunks, reads) => {
        const [a] = peers({ max: 200, windows: [500, 500] })
        let arrived = 0
        for (const chunk of chunks) {
          a.end.sink?.bytes(chunk)
          arrived += chunk.length
          a.send(message(10))
          a.end.turn()
        }
        for (let i = 0; i < reads; i++) a.receive()
        expect(sum(a.received, 0)).toBeLessThanOrEqual(arrived)
        expect(sum(a.received, messageOverhead)).toBeLessThanOrEqual(Math.max(1, reads) * (500 + 200 + messageOverhead))
        expect(a.violations).toBeLessThanOrEqual(1)
        if (a.violations > 0) assert.isDefined(a.core.outcome)
      }),
      { numRuns: 1000 }
    )
  })

  const calm = { max: 100_000, windows: [1_000_000, 1_000_000] } as const

  it("writes many small messages as one fresh buffer, in the stream's own time", () => {
    const [a, b] = peers(calm)
    for (let i = 0; i < 500; i++) a.send(message(64))
    expect(a.end.writes).toEqual([])
    a.end.turn()
    expect(a.end.writes).toEqual([500 * (64 + headerBytes)])
    const first = a.end.underway[0]
    a.send(message(64))
    a.end.turn()
    expect(a.end.underway[1]?.buffer).not.toBe(first?.buffer)
    quiesce([a, b], true)
    expect(b.received).toEqual(a.accepted)
  })

  it("writes a message that is larger than a batch by itself", () => {
    const [a, b] = peers(calm)
    a.send(message(10))
    a.send(message(90_000))
    a.send(message(10))
    expect(a.accepted.length).toBe(1)
    quiesce([a, b], true)
    expect(a.end.writes).toEqual([14, 90_004, 14])
    expect(b.received).toEqual(a.accepted)
  })

  it("gives at most one batch to the transport in a turn, however much waits (L13)", () => {
    const [a] = peers(calm)
    a.end.room = Number.POSITIVE_INFINITY
    for (let i = 0; i < 300; i++) a.send(message(1000))
    for (let turn = 1; turn <= 4; turn++) {
      a.end.turn()
      expect(a.end.writes.length).toBe(turn)
      expect(a.end.writes[turn - 1]).toBeLessThanOrEqual(batchBytes)
    }
  })

  it("accepts up to one batch more while the transport is blocked, then makes senders wait (L3)", () => {
    const [a, b] = peers(calm)
    a.end.room = 1
    for (let i = 0; i < 200; i++) a.send(message(1000))
    a.end.turn()
    a.end.turn()
    expect(sum(a.accepted, headerBytes)).toBeLessThanOrEqual(2 * batchBytes)
    expect(a.end.writes.length).toBe(1)
    expect(a.sending.size).toBeGreaterThan(0)
    quiesce([a, b], true)
    expect(b.received.length).toBe(200)
  })

  it("closes on a full buffer without failing, and delivers what was accepted (L4)", () => {
    const [a, b] = peers(calm)
    a.end.room = 1
    for (let i = 0; i < 200; i++) a.send(message(1000))
    a.end.turn()
    a.core.end("rotated")
    expect(a.told.length).toBe(200 - a.accepted.length)
    expect(a.told[0]).toMatchObject({ _tag: "ConnectionClosed", by: "local", code: "rotated" })
    quiesce([a, b], true)
    expect(b.received).toEqual(a.accepted)
    expect(b.core.outcome).toMatchObject({ _tag: "ConnectionClosed", by: "remote", code: "rotated" })
    expect([a.releases, b.releases]).toEqual([1, 1])
  })

  it("aborts with a timeout in place of what was not written, when the peer reads nothing after a close (L4)", () => {
    const [a, b] = peers(calm)
    a.end.room = 1
    a.send(message(10))
    a.end.turn()
    a.send(message(10))
    a.core.end("closed")
    a.core.expire()
    expect(a.deadlines).toEqual(["flush", "reset"])
    quiesce([a, b], true)
    expect(b.received.length).toBe(1)
    expect(b.core.outcome).toMatchObject({ _tag: "ConnectionFailed", reason: "timeout" })
    expect(a.core.outcome).toMatchObject({ _tag: "ConnectionClosed", by: "local" })
  })

  it("lets a peer that goes on sending after our close end in order (L4)", () => {
    const [a, b] = peers({ max: 1000, windows: [500, 500] })
    a.core.end("closed")
    for (let i = 0; i < 20; i++) b.send(message(400))
    quiesce([a, b], false)
    expect(b.core.outcome).toMatchObject({ _tag: "ConnectionClosed", by: "remote" })
    expect([a.releases, b.releases]).toEqual([1, 1])
  })

  it("serves waiting receivers in order, and leaves the message of one that gave up to the next (L8, L9)", () => {
    const [a, b] = peers(calm)
    const seen: Array<string> = []
    const wait = (name: string) => {
      const waiter = new ReceiveWaiter(() => seen.push(`${name} ${b.core.take(waiter)[0]}`))
      b.core.waitToReceive(waiter)
    }
    // The first is woken but interrupted before it takes its message.
    const first = new ReceiveWaiter(() => seen.push("first woken"))
    b.core.waitToReceive(first)
    wait("second")
    wait("third")
    a.send(Uint8Array.of(1))
    a.end.turn()
    a.end.deliver(100)
    b.core.cancelReceive(first)
    a.send(Uint8Array.of(2))
    quiesce([a, b], false)
    expect(seen).toEqual(["first woken", "second 1", "third 2"])
  })

  it("keeps no large chunk alive for a small message, and none of the transport's types (L12)", () => {
    const [a, b] = peers(calm)
    const large = new Uint8Array(60_000)
    large.set([0, 0, 0, 5, 1, 2, 3, 4, 5])
    b.end.sink?.bytes(Buffer.from(large.buffer, 0, 9))
    b.receive()
    expect(b.received[0]).toEqual(Uint8Array.of(1, 2, 3, 4, 5))
    expect(b.received[0]?.buffer.byteLength).toBeLessThan(100)
    expect(a.core.outcome).toBeUndefined()
  })

  it.each([
    ["data above the maximum", [0, 0, 1, 45]],
    ["data without credit", [0, 0, 0, 200, ...Array.from({ length: 200 }, () => 1), 0, 0, 0, 0, 0, 0, 0, 0]],
    ["credit beyond the window", [1, 0, 0, 4, 0, 0, 0, 1]],
    ["credit of a wrong length", [1, 0, 0, 3]],
    ["an end with an unknown code", [2, 0, 0, 1, 4]],
    ["an end without a code", [2, 0, 0, 0]],
    ["an abort with an unknown code", [3, 0, 0, 1, 3]],
    ["a hello in a session", [4, 0, 0, 1]],
    ["a type that doesn't exist", [7, 0, 0, 0]]
  ])("takes %s for a violation", (_, bytes) => {
    const [a, b] = peers({ max: 300, windows: [100, 100] })
    a.end.sink?.bytes(Uint8Array.from(bytes))
    expect(a.violations).toBe(1)
    expect(a.core.outcome).toMatchObject({ _tag: "ConnectionFailed", reason: "protocol-violation" })
    quiesce([a, b], false)
    expect(b.core.outcome).toMatchObject({ _tag: "ConnectionFailed", reason: "protocol-violation" })
    expect(b.violations).toBe(0)
  })
})
