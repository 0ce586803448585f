/** What is promised of how a connection ends. */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { type ConnectionClosed, type ConnectionFailed } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import {
  closedBy,
  connectionCourt,
  failedAs,
  failures,
  flood,
  numbered,
  numberOf,
  numbers,
  receiveAll,
  waiting
} from "./connections.ts"

export const endLaws = (backend: Backend): void => {
  const { law, test } = connectionCourt(backend)

  /** What one end sees of the other session's failure: that itself, unless the news is so late that the reset overtakes it. */
  const toldOfFailure = (seen: ConnectionClosed | ConnectionFailed) => {
    const isLate = backend.isSlow === true && "reason" in seen && seen.reason === "stream-lost"
    const expected = failedAs(isLate ? "stream-lost" : "remote-session-failed")
    assert.deepInclude(seen, expected)
    return expected
  }

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
        const seen = toldOfFailure(yield* far.ended)
        yield* cut
        yield* Effect.all([near.released, far.released])
        near.end("closed")
        near.fail("protocol-violation")
        for (const error of yield* failures(near.connection)) {
          assert.deepInclude(error, failedAs("local-session-failed"))
        }
        for (const error of yield* failures(far.connection)) {
          assert.deepInclude(error, seen)
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
        toldOfFailure(yield* near.ended)
      })
    )
  })
}
