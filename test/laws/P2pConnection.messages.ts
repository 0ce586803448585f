/** What is promised of messages: whole, in order, private, bounded, fair. */
import { assert, describe } from "@effect/vitest"
import { Context, Deferred, Effect, Option } from "effect"
import { type P2pConnection, Transport } from "../../signatures/index.ts"
import { chainKey } from "../../src/wire/chainKey.ts"
import { batchBytes, frame, FrameType, messageOverhead } from "../../src/wire/frames.ts"
import { encodeHello } from "../../src/wire/openingFrames.ts"
import { type Backend } from "../support/Backend.ts"
import { watch } from "../support/streams.ts"
import {
  chainOf,
  connectionCourt,
  failedAs,
  failures,
  flood,
  limits,
  numbered,
  numberOf,
  numbers,
  target,
  waiting
} from "./connections.ts"

/** More than both ends hold together. */
const plenty = 100

export const messageLaws = (backend: Backend): void => {
  const { law, test } = connectionCourt(backend)

  describe("L1 order", () => {
    law(
      "messages of any size arrive whole and in order, both ways at once; empty ones are messages",
      Effect.gen(function*() {
        const { near, far } = yield* (yield* test).meet("x")
        const sizes = [0, 1, 0, 5, 3000, 65_532, 65_536, 0, 199_999, 200_000, 17, 70_000, 1]
        const messages = sizes.map((size, n) => numbered(n, size))
        const send = (connection: P2pConnection) => Effect.forEach(messages, connection.send, { discard: true })
        const receive = (connection: P2pConnection) => Effect.forEach(messages, () => connection.receive)
        const [atFar, atNear] = yield* Effect.all([
          receive(far.connection),
          receive(near.connection),
          send(near.connection),
          send(far.connection)
        ], { concurrency: "unbounded" })
        assert.deepStrictEqual(atFar, messages)
        assert.deepStrictEqual(atNear, messages)
      })
    )

    law(
      "thousands of small messages arrive at most once and without a gap",
      Effect.gen(function*() {
        const { near, far } = yield* (yield* test).meet("x")
        yield* waiting(Effect.forEach(numbers(5000), (n) => near.connection.send(numbered(n, 4 + n % 60))))
        for (const n of numbers(5000)) {
          assert.deepStrictEqual(yield* far.connection.receive, numbered(n, 4 + n % 60))
        }
        assert.deepStrictEqual(yield* far.connection.tryReceive, Option.none())
      })
    )
  })

  describe("L2 privacy", () => {
    law(
      "a connection is four operations, and how it ends says nothing of the other end",
      Effect.gen(function*() {
        const { a, b, meet, cut } = yield* test
        const { near, far } = yield* meet("x")
        assert.sameMembers(Object.keys(near.connection), ["send", "receive", "tryReceive", "close"])
        yield* cut
        for (const { connection } of [near, far]) {
          for (const error of yield* failures(connection)) {
            assert.notProperty(error, "cause")
            const said = `${error.message} ${JSON.stringify(error)}`
            for (const host of [a, b]) {
              for (const fact of [host.peer, ...host.addresses]) assert.notInclude(said, fact)
            }
          }
        }
      })
    )

    law(
      "what is said on one chain is never heard on another",
      Effect.gen(function*() {
        const { meet } = yield* test
        const pairs = yield* Effect.forEach(numbers(4), (n) => meet(`chain-${n}`))
        yield* Effect.forEach(
          pairs,
          ({ near }, chain) => Effect.forEach(numbers(50), (n) => near.connection.send(numbered(chain * 1000 + n))),
          {
            concurrency: "unbounded"
          }
        )
        for (const [chain, { far }] of pairs.entries()) {
          for (const n of numbers(50)) assert.strictEqual(numberOf(yield* far.connection.receive), chain * 1000 + n)
          assert.deepStrictEqual(yield* far.connection.tryReceive, Option.none())
        }
      })
    )
  })

  describe("L3 back-pressure", () => {
    law(
      "a sender waits while nobody receives, within bounds, and loses nothing",
      Effect.gen(function*() {
        const { meet, roundTrips } = yield* test
        const { near, far } = yield* meet("x")
        const { sent, run } = flood(near.connection, (n) => numbered(n, 10_000))
        yield* waiting(run)
        yield* roundTrips(20)
        // The receiver's window, the message that overdraws it, and the sender's batch.
        assert.isAbove(sent.bytes, limits.window / 2)
        assert.isAtMost(sent.bytes, limits.window + limits.maxMessageBytes + messageOverhead + batchBytes)
        const stuck = sent.count
        for (const n of numbers(plenty)) assert.deepStrictEqual(yield* far.connection.receive, numbered(n, 10_000))
        assert.isAtLeast(sent.count, plenty)
        assert.isBelow(stuck, plenty)
      })
    )

    law(
      "any message up to the maximum can be sent, whatever was sent before and however small the window",
      Effect.gen(function*() {
        const { near, far } = yield* (yield* test).meet("x", { window: 100 })
        const sizes = [1, 99, limits.maxMessageBytes, 0, limits.maxMessageBytes, 100, 101]
        yield* waiting(Effect.forEach(sizes, (size, n) => near.connection.send(numbered(n, size))))
        for (const [n, size] of sizes.entries()) {
          assert.deepStrictEqual(yield* far.connection.receive, numbered(n, size))
        }
      })
    )
  })

  describe("openings", () => {
    law(
      "of many chains at once on one link all succeed, however many they are",
      Effect.gen(function*() {
        const { meet } = yield* test
        const pairs = yield* Effect.forEach(numbers(150), (n) => meet(`${n}`), { concurrency: "unbounded" })
        for (const [n, { near, far }] of pairs.entries()) {
          yield* near.connection.send(numbered(n))
          assert.strictEqual(numberOf(yield* far.connection.receive), n)
        }
      })
    )
  })

  describe("L11 size", () => {
    law(
      "a message over the agreed maximum isn't sent, and the connection is as it was",
      Effect.gen(function*() {
        const { near, far } = yield* (yield* test).meet("x", { maxMessageBytes: 5000 })
        const error = yield* Effect.flip(near.connection.send(new Uint8Array(5001)))
        assert.deepInclude(error, { _tag: "MessageTooLarge", size: 5001, limit: 5000 })
        yield* near.connection.send(numbered(1, 5000))
        assert.deepStrictEqual(yield* far.connection.receive, numbered(1, 5000))
        yield* far.connection.send(numbered(2))
        assert.deepStrictEqual(yield* near.connection.receive, numbered(2))
      })
    )

    law(
      "a peer that sends one all the same fails that connection",
      Effect.gen(function*() {
        const { attacker, victim, accepted } = yield* target(backend)
        const [address = assert.fail("no address")] = victim.addresses
        const link = yield* Context.get(attacker.services, Transport).dial(victim.peer, address)
        const stream = watch(yield* link.open("/chain-p2p/1"))
        const { maxMessageBytes, window } = limits
        const hello = { version: 1, chain: chainKey(chainOf("target")), maxMessageBytes, window, features: [] }
        stream.write(frame(FrameType.hello, encodeHello(hello)))
        const { connection, ended } = yield* accepted
        stream.write(frame(FrameType.data, numbered(1)))
        // A header that announces one byte too many; its body never comes.
        stream.write(Uint8Array.of(FrameType.data, 3, 0x0d, 0x41))
        assert.deepInclude(yield* ended, failedAs("protocol-violation"))
        assert.deepStrictEqual(yield* connection.receive, numbered(1))
        for (const error of yield* failures(connection)) assert.deepInclude(error, failedAs("protocol-violation"))
        yield* stream.ended
      })
    )
  })

  describe("L12 bytes", () => {
    law(
      "a message may be kept: it never changes, and a small one keeps no large chunk alive",
      Effect.gen(function*() {
        const { near, far } = yield* (yield* test).meet("x")
        yield* waiting(Effect.forEach(numbers(2000), (n) => near.connection.send(numbered(n, 40))))
        const kept = yield* Effect.forEach(numbers(2000), () => far.connection.receive)
        for (const [n, message] of kept.entries()) {
          assert.deepStrictEqual(message, numbered(n, 40))
          assert.isAtMost(message.buffer.byteLength, 2 * 40)
          assert.strictEqual(message.constructor, Uint8Array)
        }
      })
    )
  })

  describe("L13 fairness", () => {
    law(
      "with sessions flooding the link, another's message waits for at most one batch of each",
      Effect.gen(function*() {
        const { meet } = yield* test
        const floods = yield* Effect.forEach(numbers(4), (n) => meet(`flood-${n}`))
        const quiet = yield* meet("quiet")
        // Every message says when it was sent: those sent later than the quiet one must not come before it.
        let clock = 0
        let sentAt = Number.POSITIVE_INFINITY
        let overtook = 0
        const flowing = yield* Deferred.make<void>()
        for (const { near, far } of floods) {
          yield* waiting(flood(near.connection, () => numbered(clock++, 1000)).run)
          yield* waiting(
            Effect.flip(Effect.forever(Effect.tap(far.connection.receive, (message) =>
              Effect.sync(() => {
                const at = numberOf(message)
                if (at > sentAt) overtook += message.length
                if (at > 1000) Deferred.doneUnsafe(flowing, Effect.void)
              }))))
          )
        }
        yield* Deferred.await(flowing)
        for (const n of numbers(5)) {
          overtook = 0
          sentAt = clock
          yield* quiet.near.connection.send(numbered(n))
          assert.strictEqual(numberOf(yield* quiet.far.connection.receive), n)
          sentAt = Number.POSITIVE_INFINITY
          if (backend.overtakes !== true) assert.isAtMost(overtook, floods.length * batchBytes)
        }
      })
    )
  })
}
