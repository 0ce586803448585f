import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import type { ControlEvent, PeerId } from "../../../signatures/index.ts"
import { Subscribers } from "../../../src/wire/Subscribers.ts"
import { peerId } from "../node/world.ts"

const goodbye = (i: number): ControlEvent => ({ _tag: "Goodbye", peer: peerId(i), reason: "idle" })

/** Whom the first so many events are of. */
const firstOf = (stream: Stream.Stream<ControlEvent>, count: number) =>
  stream.pipe(
    Stream.take(count),
    Stream.runCollect,
    Effect.map((events) => events.map(({ peer }) => peer)),
    Effect.forkChild({ startImmediately: true })
  )

const peers = (from: number, count: number): Array<PeerId> => Array.from({ length: count }, (_, i) => peerId(from + i))

describe("the subscribers of control events", () => {
  it.effect("hear what is first, then what comes after they came, each in its own time", () =>
    Effect.gen(function*() {
      const subscribers = new Subscribers()
      subscribers.tell(goodbye(0))
      const early = yield* firstOf(subscribers.stream(() => [goodbye(1)]), 3)
      subscribers.tell(goodbye(2))
      const late = yield* firstOf(subscribers.stream(() => []), 1)
      subscribers.tell(goodbye(3))
      assert.deepStrictEqual(yield* Fiber.join(early), peers(1, 3))
      assert.deepStrictEqual(yield* Fiber.join(late), peers(3, 1))
    }))

  it.effect("lose the oldest of what they are 4,096 behind", () =>
    Effect.gen(function*() {
      const subscribers = new Subscribers()
      const behind = yield* firstOf(subscribers.stream(() => []), 4096)
      for (let i = 0; i < 4100; i++) subscribers.tell(goodbye(i))
      assert.deepStrictEqual(yield* Fiber.join(behind), peers(4, 4096))
    }))
})
