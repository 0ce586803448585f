/** What is promised to those who wait: that they may be interrupted, and are served in their order. */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { type Backend } from "../support/Backend.ts"
import { closedBy, connectionCourt, numbered, numberOf, numbers, waiting } from "./connections.ts"

export const waitingLaws = (backend: Backend): void => {
  const { law, test } = connectionCourt(backend)

  /**
   * Forked, and it waits already before the next one begins. Forking alone says nothing of an order: under a schedule that lets
   * others go first, a fiber that was forked early may begin to wait late.
   */
  const inTurn = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.tap(waiting(effect), () => backend.virtual ? Effect.sleep("1 millis") : Effect.void)

  describe("L8 interruption", () => {
    law(
      "of a waiting receive loses no message",
      Effect.gen(function*() {
        const { meet, roundTrips } = yield* test
        const { near, far } = yield* meet("x")
        const seen: Array<number> = []
        for (const n of numbers(30)) {
          const receiving = yield* waiting(
            // Received is what `receive` has come to: from then on it is up to the session not to lose it between two steps.
            Effect.map(far.connection.receive, (message) => void seen.push(numberOf(message)))
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
        const sending = yield* Effect.forEach([1, 2, 3, 4], (n) => inTurn(near.connection.send(numbered(n, 2000))))
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
            inTurn(
              Effect.map(far.connection.receive, (message) => void served.push([who, numberOf(message)]))
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
        yield* Effect.forEach(numbers(20), (n) => inTurn(near.connection.send(numbered(n, n % 2 === 0 ? 500 : 10))))
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
}
