/** The laws of a connection, as written in `signatures/README.md`, for any backend. Tests wait for events only. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Option, type Scope } from "effect"
import { type CloseCode, type ConnectionFailed, type P2pConnection, Transport } from "../../signatures/index.ts"
import { chainKey } from "../../src/wire/chainKey.ts"
import { batchBytes, frame, FrameType, messageOverhead } from "../../src/wire/frames.ts"
import { encodeHello } from "../../src/wire/openingFrames.ts"
import { type Backend } from "../support/Backend.ts"
import { watch } from "../support/streams.ts"
import { chainOf, duo, flood, limits, numbered, numberOf, receiveAll, target, waiting } from "./connections.ts"

const closedBy = (by: "local" | "remote", code: CloseCode = "closed") =>
  ({ _tag: "ConnectionClosed", by, code }) as const
const failedAs = (reason: ConnectionFailed["reason"]) => ({ _tag: "ConnectionFailed", reason }) as const

/** What `receive`, `tryReceive` and `send` fail with. */
const failures = (connection: P2pConnection) =>
  Effect.all([
    Effect.flip(connection.receive),
    Effect.flip(connection.tryReceive),
    Effect.flip(connection.send(numbered(0)))
  ])

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** More than both ends hold together. */
const plenty = 100

export const connectionLaws = (backend: Backend): void => {
  const test = duo(backend)
  // oxlint-disable-next-line vitest/valid-title -- every law below has its own
  const law = <A, E>(name: string, effect: Effect.Effect<A, E, Scope.Scope>) => it(name, () => backend.run(effect))

  describe(`connection: ${backend.name}`, () => {
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

    describe("L4 close", () => {
      law(
        "what was accepted before is delivered, then the peer sees the end, with its code",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          for (const n of numbers(50)) yield* near.connection.send(numbered(n, 1000))
          near.end("rotated")
          const { messages, ended } = yield* receiveAll(far.connection)
          assert.deepStrictEqual(messages.map(numberOf), numbers(50))
          assert.deepInclude(ended, closedBy("remote", "rotated"))
          yield* Effect.all([near.released, far.released])
        })
      )

      law(
        "a close on a full buffer doesn't fail the connection (trap of 2018)",
        Effect.gen(function*() {
          const { meet, roundTrips } = yield* test
          const { near, far } = yield* meet("x")
          const { sent, run } = flood(near.connection, (n) => numbered(n, 10_000))
          const flooding = yield* waiting(run)
          yield* roundTrips(20)
          yield* near.connection.close
          assert.deepInclude(yield* Fiber.join(flooding), closedBy("local"))
          const { messages, ended } = yield* receiveAll(far.connection)
          assert.deepStrictEqual(messages.map(numberOf), numbers(sent.count))
          assert.deepInclude(ended, closedBy("remote"))
        })
      )

      law(
        "after a close the operations fail with it; a second close is no error (trap of 2018)",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          yield* far.connection.send(numbered(1))
          yield* near.connection.close
          for (const error of yield* failures(near.connection)) assert.deepInclude(error, closedBy("local"))
          yield* near.connection.close
          near.end("shutdown")
          yield* near.released
          yield* near.connection.close
          for (const error of yield* failures(near.connection)) assert.deepInclude(error, closedBy("local"))
          assert.deepInclude(yield* near.ended, closedBy("local"))
        })
      )

      law(
        "a peer that keeps sending after our close fails nobody (trap of 2018)",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          const { run } = flood(far.connection, (n) => numbered(n, 5000))
          const flooding = yield* waiting(run)
          yield* near.connection.receive
          yield* near.connection.close
          assert.deepInclude(yield* Fiber.join(flooding), closedBy("remote"))
          yield* Effect.all([near.released, far.released])
          assert.deepInclude(yield* near.ended, closedBy("local"))
          assert.deepInclude(yield* far.ended, closedBy("remote"))
        })
      )

      law(
        "closes of both ends at once are orderly for both",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          yield* near.connection.send(numbered(1))
          yield* far.connection.send(numbered(2))
          near.end("closed")
          far.end("draining")
          yield* Effect.all([near.released, far.released])
          assert.deepInclude(yield* near.ended, closedBy("local"))
          assert.deepInclude(yield* far.ended, closedBy("local", "draining"))
        })
      )
    })

    describe("L5 remote close", () => {
      law(
        "what was sent before it is received first; then every operation fails with it",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          for (const n of numbers(3)) yield* near.connection.send(numbered(n))
          yield* near.connection.close
          yield* far.ended
          assert.deepInclude(yield* Effect.flip(far.connection.send(numbered(9))), closedBy("remote"))
          assert.deepStrictEqual(yield* far.connection.receive, numbered(0))
          assert.deepStrictEqual(yield* far.connection.tryReceive, Option.some(numbered(1)))
          assert.deepStrictEqual(yield* far.connection.receive, numbered(2))
          for (const error of yield* failures(far.connection)) assert.deepInclude(error, closedBy("remote"))
        })
      )

      law(
        "an end that was received wins over the loss of the link after it",
        Effect.gen(function*() {
          const { meet, cut } = yield* test
          const { near, far } = yield* meet("x")
          yield* near.connection.send(numbered(1))
          yield* near.connection.close
          yield* far.ended
          yield* cut
          yield* Effect.all([near.released, far.released])
          assert.deepStrictEqual(yield* far.connection.receive, numbered(1))
          for (const error of yield* failures(far.connection)) assert.deepInclude(error, closedBy("remote"))
        })
      )

      law(
        "operations that were waiting wake up with it",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          const receiving = yield* waiting(Effect.flip(far.connection.receive))
          const { run } = flood(far.connection, (n) => numbered(n, 10_000))
          const sending = yield* waiting(run)
          yield* near.connection.receive
          near.end("shutdown")
          assert.deepInclude(yield* Fiber.join(receiving), closedBy("remote", "shutdown"))
          assert.deepInclude(yield* Fiber.join(sending), closedBy("remote", "shutdown"))
        })
      )
    })

    describe("L6 failure", () => {
      law(
        "both ends see that the link is lost; what was received is a prefix of what was sent",
        Effect.gen(function*() {
          const { meet, cut, roundTrips } = yield* test
          const { near, far } = yield* meet("x")
          const { sent, run } = flood(near.connection, (n) => numbered(n, 500))
          const flooding = yield* waiting(run)
          const received = yield* waiting(receiveAll(far.connection))
          const receiving = yield* waiting(Effect.flip(near.connection.receive))
          yield* roundTrips(2)
          yield* cut
          const lost = failedAs("link-lost")
          assert.deepInclude(yield* Fiber.join(flooding), lost)
          const { messages, ended } = yield* Fiber.join(received)
          assert.deepInclude(ended, lost)
          assert.isAtMost(messages.length, sent.count)
          assert.deepStrictEqual(messages.map(numberOf), numbers(messages.length))
          assert.deepInclude(yield* Fiber.join(receiving), lost)
          yield* Effect.all([near.released, far.released])
        })
      )

      law(
        "a session's failure is seen at both ends, and stays",
        Effect.gen(function*() {
          const { meet, cut } = yield* test
          const { near, far } = yield* meet("x")
          const receiving = yield* waiting(Effect.flip(near.connection.receive))
          near.fail("session-failed")
          assert.deepInclude(yield* Fiber.join(receiving), failedAs("local-session-failed"))
          assert.deepInclude(yield* far.ended, failedAs("remote-session-failed"))
          yield* cut
          yield* Effect.all([near.released, far.released])
          near.end("closed")
          near.fail("protocol-violation")
          for (const error of yield* failures(near.connection)) {
            assert.deepInclude(error, failedAs("local-session-failed"))
          }
          for (const error of yield* failures(far.connection)) {
            assert.deepInclude(error, failedAs("remote-session-failed"))
          }
        })
      )

      law(
        "what had arrived before it is received first",
        Effect.gen(function*() {
          const { meet, roundTrips } = yield* test
          const { near, far } = yield* meet("x")
          for (const n of numbers(3)) yield* near.connection.send(numbered(n))
          yield* roundTrips(3)
          // Something of it has arrived by now, or the failure comes right after it.
          const first = yield* far.connection.receive
          far.fail("session-failed")
          const { messages, ended } = yield* receiveAll(far.connection)
          assert.deepStrictEqual([first, ...messages].map(numberOf), numbers(messages.length + 1))
          assert.deepInclude(ended, failedAs("local-session-failed"))
          assert.deepInclude(yield* near.ended, failedAs("remote-session-failed"))
        })
      )
    })

    describe("L8 interruption", () => {
      law(
        "of a waiting receive loses no message",
        Effect.gen(function*() {
          const { meet, roundTrips } = yield* test
          const { near, far } = yield* meet("x")
          const seen: Array<number> = []
          for (const n of numbers(30)) {
            const receiving = yield* waiting(
              Effect.tap(far.connection.receive, (message) => Effect.sync(() => seen.push(numberOf(message))))
            )
            yield* near.connection.send(numbered(n))
            if (n % 3 > 0) yield* roundTrips(n % 3)
            yield* Fiber.interrupt(receiving)
          }
          while (seen.length < 30) seen.push(numberOf(yield* far.connection.receive))
          assert.deepStrictEqual(seen, numbers(30))
          assert.deepStrictEqual(yield* far.connection.tryReceive, Option.none())
        })
      )

      law(
        "of a waiting send sends nothing, and leaves the others in their order",
        Effect.gen(function*() {
          const { meet, roundTrips } = yield* test
          const { near, far } = yield* meet("x", { window: 1000 })
          yield* near.connection.send(numbered(0, 2000))
          const sending = yield* Effect.forEach([1, 2, 3, 4], (n) => waiting(near.connection.send(numbered(n, 2000))))
          yield* roundTrips(3)
          yield* Fiber.interruptAll(sending.slice(1, 3))
          for (const n of [0, 1, 4]) assert.deepStrictEqual(yield* far.connection.receive, numbered(n, 2000))
          yield* near.connection.close
          assert.deepInclude(yield* Effect.flip(far.connection.receive), closedBy("remote"))
        })
      )
    })

    describe("L9 concurrency", () => {
      law(
        "each message goes to one receiver; who began to wait first is served first",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          const served: Array<readonly [number, number]> = []
          const receivers = yield* Effect.forEach(
            numbers(20),
            (who) =>
              waiting(
                Effect.tap(
                  far.connection.receive,
                  (message) => Effect.sync(() => served.push([who, numberOf(message)]))
                )
              )
          )
          for (const n of numbers(20)) yield* near.connection.send(numbered(n))
          yield* Effect.forEach(receivers, Fiber.join)
          assert.deepStrictEqual(served.toSorted(([a], [b]) => a - b), numbers(20).map((n) => [n, n] as const))
        })
      )

      law(
        "waiting senders are served in the order in which they began to wait",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x", { window: 100 })
          yield* Effect.forEach(numbers(20), (n) => waiting(near.connection.send(numbered(n, n % 2 === 0 ? 500 : 10))))
          for (const n of numbers(20)) assert.strictEqual(numberOf(yield* far.connection.receive), n)
        })
      )

      law(
        "many fibers send at once, and what each of them sent stays in order",
        Effect.gen(function*() {
          const { near, far } = yield* (yield* test).meet("x")
          const [fibers, each] = [8, 100]
          yield* Effect.forEach(
            numbers(fibers),
            (fiber) =>
              waiting(Effect.forEach(numbers(each), (n) => near.connection.send(numbered(fiber * each + n, 2000))))
          )
          const heard = new Map<number, Array<number>>()
          for (let heardOf = 0; heardOf < fibers * each; heardOf++) {
            const number = numberOf(yield* far.connection.receive)
            const fiber = Math.floor(number / each)
            heard.set(fiber, [...heard.get(fiber) ?? [], number % each])
          }
          for (const fiber of numbers(fibers)) assert.deepStrictEqual(heard.get(fiber), numbers(each))
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
            assert.isAtMost(overtook, floods.length * batchBytes)
          }
        })
      )
    })
  })
}
