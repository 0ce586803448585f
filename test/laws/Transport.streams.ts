/** How streams begin and end. */
import { assert, describe } from "@effect/vitest"
import { Clock, Effect, Exit, Queue } from "effect"
import { type Link } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { accept, concat, dial, isPrefix, listen, openPair, pattern, watch, watchedPair } from "../support/streams.ts"
import { roundTrip, transportCourt } from "./Transport.support.ts"

export const streamLaws = (backend: Backend): void => {
  const { law, linked, two } = transportCourt(backend)

  describe("a stream", () => {
    law(
      "half-closes: the other end goes on sending, and both end once both have finished",
      Effect.gen(function*() {
        const world = yield* linked
        const [near, far] = yield* watchedPair(world)
        near.write(pattern(10))
        near.finish()
        yield* far.size(10)
        far.write(pattern(20))
        yield* near.size(20)
        yield* roundTrip(world)
        assert.deepStrictEqual([near.ends().length, far.ends().length], [0, 0])
        far.write(pattern(30))
        far.finish()
        const ends = yield* Effect.all([near.ended, far.ended])
        assert.deepStrictEqual(ends.map((end) => end.linkEnded), [false, false])
        assert.deepStrictEqual(near.received(), concat([pattern(20), pattern(30)]))
      })
    )

    law(
      "ends at both ends when one aborts; what arrived is a prefix; the link lives",
      Effect.gen(function*() {
        const world = yield* linked
        const [near, far] = yield* watchedPair(world)
        const sent = pattern(100_000)
        for (let i = 0; i < 10; i++) near.write(sent.slice(i * 10_000, (i + 1) * 10_000))
        near.abort()
        near.abort()
        const ends = yield* Effect.all([near.ended, far.ended])
        assert.deepStrictEqual(ends.map((end) => end.linkEnded), [false, false])
        assert.isTrue(isPrefix(far.received(), sent))
        yield* roundTrip(world)
        assert.deepStrictEqual([near.ends().length, far.ends().length], [1, 1])
      })
    )

    law(
      "may be aborted by the end that accepted it, before it reads",
      Effect.gen(function*() {
        const world = yield* linked
        const [opened, accepted] = yield* openPair(world)
        const near = watch(opened)
        near.write(pattern(1000))
        accepted.abort()
        assert.isFalse((yield* near.ended).linkEnded)
        yield* roundTrip(world)
      })
    )

    law(
      "runs a flush soon: after the call, in order",
      Effect.gen(function*() {
        const [near] = yield* Effect.flatMap(linked, watchedPair)
        const before = yield* Clock.currentTimeNanos
        const order: Array<string> = []
        yield* Effect.callback<void>((resume) => {
          near.soon(() => order.push("first"))
          near.soon(() => {
            order.push("second")
            resume(Effect.void)
          })
          order.push("call")
        })
        assert.deepStrictEqual(order, ["call", "first", "second"])
        if (backend.virtual) assert.strictEqual(yield* Clock.currentTimeNanos, before)
      })
    )

    law(
      "may be one of several hundred on a link, each with bytes of its own",
      Effect.gen(function*() {
        const world = yield* linked
        const pairs = yield* Effect.forEach(
          Array.from({ length: 300 }, (_, i) => i),
          (i) =>
            Effect.map(watchedPair(world), ([near, far]) => {
              near.write(pattern(50, i))
              far.write(pattern(60, i))
              return { near, far, i }
            })
        )
        for (const { far, i, near } of pairs) {
          yield* Effect.all([far.size(50), near.size(60)])
          assert.deepStrictEqual(far.received(), pattern(50, i))
          assert.deepStrictEqual(near.received(), pattern(60, i))
          near.abort()
        }
      })
    )
  })

  describe("streams that come before accept", () => {
    const opened = (link: Link, count: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, i) => i),
        (i) =>
          Effect.exit(link.open("/chain-p2p/1")).pipe(
            Effect.map((exit) => {
              if (Exit.isFailure(exit)) return undefined
              const stream = watch(exit.value)
              stream.write(Uint8Array.of(i))
              return stream
            })
          ),
        { concurrency: backend.virtual ? 1 : "unbounded" }
      )

    law(
      "are kept, up to 16, with their bytes",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const links = yield* listen(b)
        const near = yield* dial(a, b)
        const far = yield* Queue.take(links)
        const streams = yield* opened(near, 16)
        assert.strictEqual(streams.filter((stream) => stream !== undefined).length, 16)
        const accepted = yield* accept(far)
        const first: Array<number> = []
        for (let i = 0; i < 16; i++) {
          const stream = watch(yield* Queue.take(accepted))
          yield* stream.size(1)
          first.push(stream.received()[0] ?? -1)
        }
        assert.deepStrictEqual(first.toSorted((x, y) => x - y), Array.from({ length: 16 }, (_, i) => i))
        if (backend.virtual) assert.deepStrictEqual(first, first.toSorted((x, y) => x - y))
      })
    )

    law(
      "are reset beyond 16, and the link lives",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const links = yield* listen(b)
        const near = yield* dial(a, b)
        const far = yield* Queue.take(links)
        const streams = yield* opened(near, 24)
        const open = streams.filter((stream) => stream !== undefined)
        // Those that were not taken failed to open or end; 16 are left.
        const gone = yield* Queue.unbounded<void>()
        for (const { ended } of open) yield* Effect.forkScoped(Effect.andThen(ended, Queue.offer(gone, undefined)))
        for (let left = open.length; left > 16; left--) yield* Queue.take(gone)
        const accepted = yield* accept(far)
        const kept = yield* Effect.forEach(Array.from({ length: 16 }), () => Queue.take(accepted))
        assert.strictEqual(new Set(kept).size, 16)
        yield* roundTrip({ near, far, streams: accepted })
        assert.strictEqual(yield* Queue.size(accepted), 0)
      })
    )
  })
}
