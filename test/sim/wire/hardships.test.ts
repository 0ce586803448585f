import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { duo, flood, numbered, numberOf, receiveAll, waiting } from "../../laws/connections.ts"
import { inprocess } from "../../support/inprocess.ts"

describe("connections under hardships", () => {
  it("a peer that reads nothing after a close sees a timeout when it wakes up, and a prefix of what was sent (L4)", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const { meet, b } = yield* duo({ ...inprocess, world: () => Effect.succeed(world) })
      const { near, far } = yield* meet("x", { window: 10_000_000 })
      const host = world.hosts.find(({ peer }) => peer === b.peer) ?? assert.fail("no such host")
      yield* world.network.freeze(host)
      const { sent, run } = flood(near.connection, (n) => numbered(n, 50_000))
      const flooding = yield* waiting(run)
      yield* Effect.sleep("100 millis")
      yield* near.connection.close
      yield* Fiber.join(flooding)
      yield* Effect.sleep("10100 millis")
      yield* world.network.thaw(host)
      const { messages, ended } = yield* receiveAll(far.connection)
      assert.deepInclude(ended, { _tag: "ConnectionFailed", reason: "timeout" })
      assert.isBelow(messages.length, sent.count)
      assert.deepStrictEqual(messages.map(numberOf), messages.map((_, n) => n))
      assert.deepInclude(yield* near.ended, { _tag: "ConnectionClosed", by: "local" })
      yield* Effect.all([near.released, far.released])
    })))

  it("a session that ends when its link is lost gives its lease back at once, at both ends", () =>
    inprocess.run(Effect.gen(function*() {
      const { meet, cut } = yield* duo(inprocess)
      const { near, far } = yield* meet("x")
      yield* cut
      const [lasted] = yield* Effect.timed(Effect.all([near.released, far.released]))
      assert.isBelow(Duration.toMillis(lasted), 1000)
    })))
})
