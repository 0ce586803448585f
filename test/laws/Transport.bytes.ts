/** What is promised of bytes on a stream. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { type Backend } from "../support/Backend.ts"
import { concat, openPair, pattern, watch, watchedPair } from "../support/streams.ts"
import { roundTrip, transportCourt, writeAll } from "./Transport.support.ts"

export const byteLaws = (backend: Backend): void => {
  const { law, linked } = transportCourt(backend)

  describe("bytes", () => {
    law(
      "arrive in order, both ways at once, whatever their chunks",
      Effect.gen(function*() {
        const { far, near, streams } = yield* linked
        const [one, other] = yield* watchedPair({ far, near, streams })
        const [there, back] = [pattern(300_000, 1), pattern(200_000, 2)]
        yield* Effect.all([writeAll(one, there, 7_001), writeAll(other, back, 65_536)], { concurrency: "unbounded" })
        one.finish()
        other.finish()
        yield* Effect.all([one.ended, other.ended])
        assert.deepStrictEqual(other.received(), there)
        assert.deepStrictEqual(one.received(), back)
      })
    )

    law(
      "come through in large pieces",
      Effect.gen(function*() {
        const [one, other] = yield* Effect.flatMap(linked, watchedPair)
        const large = pattern(4 * 1024 * 1024)
        yield* writeAll(one, large, large.length)
        yield* writeAll(one, pattern(10), 10)
        yield* other.size(large.length + 10)
        assert.deepStrictEqual(other.received(), concat([large, pattern(10)]))
      })
    )

    law(
      "that come before somebody attaches are kept, in order, with the end",
      Effect.gen(function*() {
        const world = yield* linked
        const [opened, accepted] = yield* openPair(world)
        const near = watch(opened)
        for (let i = 0; i < 50; i++) near.write(pattern(100, i))
        near.finish()
        yield* roundTrip(world)
        const far = watch(accepted)
        yield* far.size(5000)
        assert.deepStrictEqual(far.received(), concat(Array.from({ length: 50 }, (_, i) => pattern(100, i))))
        assert.strictEqual(far.ends().length, 0)
        far.finish()
        yield* Effect.all([near.ended, far.ended])
      })
    )

    law(
      "wait for drain after a false, and 64 KiB more may go before it",
      Effect.gen(function*() {
        const [near, far] = yield* Effect.flatMap(linked, watchedPair)
        const written: Array<Uint8Array> = []
        for (let round = 0; round < 3; round++) {
          const drains = near.drains()
          let room = true
          for (let i = 0; room && i < 10_000; i++) {
            const piece = pattern(16_384, written.length)
            written.push(piece)
            room = near.write(piece)
          }
          assert.isFalse(room, "a writer that never waits is told to")
          for (let i = 0; i < 64; i++) {
            written.push(pattern(1024, i))
            near.write(pattern(1024, i))
          }
          yield* near.until(() => near.drains() > drains)
        }
        near.finish()
        const all = concat(written)
        yield* far.size(all.length)
        assert.deepStrictEqual(far.received(), all)
        // One drain per false: nobody is told of room that nobody waited for.
        assert.strictEqual(near.drains(), 3)
      })
    )

    law(
      "that are written after finish are dropped, and no drain follows",
      Effect.gen(function*() {
        const [near, far] = yield* Effect.flatMap(linked, watchedPair)
        near.write(pattern(100))
        near.finish()
        for (let i = 0; i < 200; i++) near.write(pattern(16_384))
        far.write(pattern(7))
        far.finish()
        yield* Effect.all([near.ended, far.ended])
        assert.deepStrictEqual(far.received(), pattern(100))
        assert.deepStrictEqual(near.received(), pattern(7))
        assert.strictEqual(near.drains(), 0)
      })
    )

    law(
      "that were written before a finish or an abort bring no drain after it",
      Effect.gen(function*() {
        const world = yield* linked
        for (const leave of ["finish", "abort"] as const) {
          const [near, far] = yield* watchedPair(world)
          let room = true
          for (let i = 0; room && i < 10_000; i++) room = near.write(pattern(16_384))
          const drains = near.drains()
          near[leave]()
          // Time for the other end to have read it all, and for the news of it to come.
          yield* Effect.repeat(roundTrip(world), { times: 2 })
          far.finish()
          yield* Effect.all([near.ended, far.ended])
          assert.deepStrictEqual([room, near.drains()], [false, drains])
        }
      })
    )

    law(
      "that are written after abort or end are dropped, and no drain follows",
      Effect.gen(function*() {
        const world = yield* linked
        const [near, far] = yield* watchedPair(world)
        near.abort()
        for (let i = 0; i < 200; i++) near.write(pattern(16_384))
        yield* Effect.all([near.ended, far.ended])
        for (let i = 0; i < 200; i++) far.write(pattern(16_384))
        yield* roundTrip(world)
        assert.deepStrictEqual([near.drains(), far.drains(), far.received().length], [0, 0, 0])
      })
    )
  })
}
