import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import {
  ConnectionClosed,
  ConnectionFailed,
  MessageTooLarge,
  type P2pConnection,
  ProtocolViolated
} from "../../../signatures/index.ts"
import { type AsyncConnection, AsyncSessionFailed, fromAsync } from "../../../src/promises/index.ts"

const bytes = (...numbers: ReadonlyArray<number>) => Uint8Array.from(numbers)

/** A connection whose other end is the test. */
const connectionForTest = Effect.gen(function*() {
  const inbox = yield* Queue.unbounded<Uint8Array, ConnectionClosed | ConnectionFailed>()
  const sent: Array<ReadonlyArray<number>> = []
  let closed = 0
  const connection: P2pConnection = {
    send: (message) =>
      Effect.suspend(() => {
        if (message.length > 4) return Effect.fail(new MessageTooLarge({ size: message.length, limit: 4 }))
        sent.push([...message])
        return Effect.void
      }),
    receive: Queue.take(inbox),
    tryReceive: Effect.suspend(() =>
      inbox.state._tag === "Done" ? Effect.asSome(Queue.take(inbox)) : Queue.poll(inbox)
    ),
    close: Effect.sync(() => void closed++)
  }
  return { connection, sent, closed: () => closed, inbox }
})
const closedByPeer = new ConnectionClosed({ by: "remote", code: "closed" })
const lost = new ConnectionFailed({ reason: "link-lost" })

describe("a session from an async function", () => {
  it.effect("sends, receives, and returns", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      yield* Queue.offer(world.inbox, bytes(1, 2))
      yield* fromAsync(async (connection) => {
        const message = await connection.receive()
        await connection.send(bytes(...message, 3))
        connection.close()
      })(world.connection)
      assert.deepStrictEqual(world.sent, [[1, 2, 3]])
      assert.strictEqual(world.closed(), 1)
    }))

  it.effect("iterates over the messages until the connection is closed", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      yield* Queue.offerAll(world.inbox, [bytes(1), bytes(2)])
      yield* Queue.fail(world.inbox, closedByPeer)
      const seen: Array<number> = []
      yield* fromAsync(async (connection) => {
        for await (const message of connection) seen.push(...message)
      })(world.connection)
      assert.deepStrictEqual(seen, [1, 2])
    }))

  it.effect("throws from the iteration when the connection fails", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      yield* Queue.fail(world.inbox, lost)
      const exit = yield* Effect.exit(
        fromAsync(async (connection) => {
          for await (const _ of connection) assert.fail("no message was sent")
        })(world.connection)
      )
      assert.deepStrictEqual(exit, Exit.fail(lost))
    }))

  it.effect("gives messages, nothing or the failure at once from tryReceive", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      yield* Queue.offer(world.inbox, bytes(7))
      yield* fromAsync(async (connection) => {
        assert.deepStrictEqual(connection.tryReceive(), bytes(7))
        assert.isUndefined(connection.tryReceive())
        Queue.failCauseUnsafe(world.inbox, Cause.fail(lost))
        assert.throws(() => connection.tryReceive(), lost.message)
      })(world.connection)
    }))

  it.effect("rejects with the very classes of the contract, and passes them on", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const run = (f: (connection: AsyncConnection) => Promise<void>) => Effect.flip(fromAsync(f)(world.connection))
      const large = yield* run((connection) => connection.send(new Uint8Array(5)))
      assert.instanceOf(large, MessageTooLarge)
      const violated = yield* run(() => Promise.reject(new ProtocolViolated({ what: "a bad header" })))
      assert.instanceOf(violated, ProtocolViolated)
      yield* Queue.fail(world.inbox, closedByPeer)
      assert.strictEqual(yield* run(async (connection) => void await connection.receive()), closedByPeer)
    }))

  it.effect("wraps whatever else the function throws, at once or later", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const bug = new RangeError("off by one")
      for (
        const f of [async () => Promise.reject(bug), () => {
          throw bug
        }]
      ) {
        const error = yield* Effect.flip(fromAsync(f)(world.connection))
        assert.instanceOf(error, AsyncSessionFailed)
        assert.strictEqual(error.cause, bug)
        assert.include(error.message, "off by one")
      }
    }))

  it.effect("tells whoever sends a text to encode it", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const error = yield* Effect.flip(
        fromAsync((connection) => Reflect.apply(connection.send, undefined, ["hello"]))(world.connection)
      )
      assert.include(error.message, "Uint8Array")
      assert.deepStrictEqual(world.sent, [])
    }))

  it.effect("survives operations that nobody awaits when the connection fails", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      let unhandled = 0
      const count = () => void unhandled++
      process.on("unhandledRejection", count)
      yield* fromAsync(async (connection) => {
        void connection.receive()
        void connection.send(new Uint8Array(5))
        Queue.failCauseUnsafe(world.inbox, Cause.fail(lost))
        // Unhandled rejections are told after the microtasks of a turn.
        await new Promise((resolve) => setImmediate(resolve))
        await new Promise((resolve) => setImmediate(resolve))
      })(world.connection)
      process.off("unhandledRejection", count)
      assert.strictEqual(unhandled, 0)
    }))
})

describe("an interrupted session from an async function", () => {
  it.effect("fires the signal, gives up what waits, and lets the function send a last word", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const started = yield* Deferred.make<void>()
      const seen: Array<unknown> = []
      const fiber = yield* Effect.forkChild(
        fromAsync(async (connection, signal) => {
          const waiting = connection.receive()
          Deferred.doneUnsafe(started, Effect.void)
          await waiting.catch((error: unknown) => seen.push(signal.aborted, error === signal.reason))
          await connection.receive().catch((error: unknown) => seen.push(error === signal.reason))
          await connection.send(bytes(9))
        })(world.connection)
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(seen, [true, true, true])
      assert.deepStrictEqual(world.sent, [[9]])
    }))

  it.effect("loses no message to a receive that gave up", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const started = yield* Deferred.make<void>()
      const last: Array<Uint8Array | undefined> = []
      const fiber = yield* Effect.forkChild(
        fromAsync(async (connection) => {
          const waiting = connection.receive()
          Deferred.doneUnsafe(started, Effect.void)
          await waiting.catch(() => last.push(undefined))
          Queue.offerUnsafe(world.inbox, bytes(4))
          last.push(connection.tryReceive())
        })(world.connection)
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(last, [undefined, bytes(4)])
    }))

  it.effect("ends without a function that never returns, after its time is over", () =>
    Effect.gen(function*() {
      const world = yield* connectionForTest
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        fromAsync(() => {
          Deferred.doneUnsafe(started, Effect.void)
          return new Promise(() => {})
        }, { finishWithin: "3 seconds" })(world.connection)
      )
      yield* Deferred.await(started)
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(ending.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(ending)
    }))
})
