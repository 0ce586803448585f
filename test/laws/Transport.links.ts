/** How links end, and what of their streams. */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue } from "effect"
import { type Link, type RawStream } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { dial, isPrefix, listen, openPair, pattern, watch, type Watched, watchedPair } from "../support/streams.ts"
import { roundTrip, transportCourt, writeAll } from "./Transport.support.ts"

export const linkLaws = (backend: Backend): void => {
  const { law, linked, two } = transportCourt(backend)

  describe("a link", () => {
    /** Two streams, one with bytes on their way, and what of them had ended when each end of the link was told of its own end. */
    const busy = Effect.gen(function*() {
      const world = yield* linked
      const [near, far] = yield* watchedPair(world)
      const [near2, far2] = yield* watchedPair(world)
      const sent = pattern(60_000)
      near.write(sent)
      // What is promised is an order of two events at one end: which fiber goes first of those that are told of them is open.
      const told = (link: Link, ...streams: ReadonlyArray<Watched>) =>
        Effect.map(link.ended, () => streams.map((stream) => stream.ends().length))
      const fiber = yield* Effect.forkChild(
        Effect.all([told(world.near, near, near2), told(world.far, far, far2)], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      const over = Effect.gen(function*() {
        assert.deepStrictEqual(yield* Fiber.join(fiber), [[1, 1], [1, 1]], "a link ends after its streams")
        for (const stream of [near, near2, far, far2]) {
          assert.deepStrictEqual(stream.ends().map((end) => end.linkEnded), [true])
        }
        assert.isTrue(isPrefix(far.received(), sent))
        const failures = yield* Effect.all([
          Effect.flip(world.near.open("/chain-p2p/1")),
          Effect.flip(world.far.open("/chain-p2p/control/1"))
        ])
        assert.deepStrictEqual(failures.map((failure) => failure._tag), ["LinkLost", "LinkLost"])
      })
      return { ...world, over }
    })

    law(
      "that is aborted ends its streams, then itself, at both ends, and opens no more",
      Effect.gen(function*() {
        const { far, near, over } = yield* busy
        near.abort()
        near.abort()
        yield* over
        assert.strictEqual((yield* near.ended).by, "local")
        assert.notStrictEqual((yield* far.ended).by, "local")
      })
    )

    law(
      "that is cut ends its streams, then itself, at both ends, and opens no more",
      Effect.gen(function*() {
        const { a, b, cut, far, near, over } = yield* busy
        yield* cut(a, b)
        yield* over
        if (!backend.virtual) return
        assert.deepStrictEqual([(yield* near.ended).by, (yield* far.ended).by], ["lost", "lost"])
      })
    )

    law(
      "that is closed flushes finished streams first",
      Effect.gen(function*() {
        const world = yield* linked
        const pairs = yield* Effect.all([watchedPair(world), watchedPair(world)])
        const sent = pattern(200_000)
        for (const [near, far] of pairs) {
          yield* writeAll(near, sent, 50_000)
          near.finish()
          far.finish()
        }
        yield* Effect.all([world.near.close, world.near.close], { concurrency: 2 })
        yield* world.near.close
        yield* world.far.ended
        for (const [near, far] of pairs) {
          assert.deepStrictEqual(far.received(), sent)
          assert.deepStrictEqual([near.ends().length, far.ends().length], [1, 1])
        }
        assert.notStrictEqual((yield* world.far.ended).by, "local")
      })
    )

    law(
      "that is closed ends streams that were not finished",
      Effect.gen(function*() {
        const { far, near, over } = yield* busy
        yield* near.close
        yield* over
        assert.strictEqual((yield* near.ended).by, "local")
        yield* far.close
      })
    )

    law(
      "that ended still gives late sinks what had come, then the end",
      Effect.gen(function*() {
        const world = yield* linked
        const [opened, accepted] = yield* openPair(world)
        const near = watch(opened)
        near.write(pattern(500))
        yield* roundTrip(world)
        world.near.abort()
        yield* world.far.ended
        const far = watch(accepted)
        assert.isTrue((yield* far.ended).linkEnded)
        assert.isTrue(isPrefix(far.received(), pattern(500)))
      })
    )

    law(
      "fails openings under way when it ends, at either end's wish",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const links = yield* listen(b)
        for (const which of ["near", "far"] as const) {
          const near = yield* dial(a, b)
          const far = yield* Queue.take(links)
          const opening = yield* Effect.forkChild(Effect.exit(near.open("/chain-p2p/1")), { startImmediately: true })
          if (which === "near") near.abort()
          else far.abort()
          yield* near.ended
          const exit = yield* Fiber.join(opening)
          if (Exit.isSuccess(exit)) assert.isTrue((yield* watch(exit.value).ended).linkEnded)
          else assert.strictEqual((yield* Effect.flip(exit))._tag, "LinkLost")
        }
      })
    )

    law(
      "outlives an opening that is interrupted",
      Effect.gen(function*() {
        const world = yield* linked
        for (let i = 0; i < 5; i++) {
          const opening = yield* Effect.forkChild(world.near.open("/chain-p2p/1"), { startImmediately: true })
          if (backend.virtual) yield* Effect.sleep(`${i * 5} millis`)
          yield* Fiber.interrupt(opening)
        }
        const last = watch(yield* world.near.open("/chain-p2p/control/1"))
        last.write(pattern(9))
        // Streams of openings that were given up, where they arrive at all, end.
        while (true) {
          const stream: RawStream = yield* Queue.take(world.streams)
          if (stream.protocol === "/chain-p2p/control/1") {
            const far = watch(stream)
            yield* far.size(9)
            return
          }
          const far = watch(stream)
          far.finish()
          yield* far.ended
        }
      })
    )

    law(
      "ends only once, whoever aborts and closes it at the same time",
      Effect.gen(function*() {
        const { far, near, over } = yield* busy
        far.abort()
        yield* Effect.all([near.close, far.close], { concurrency: 2 })
        yield* over
        assert.strictEqual((yield* far.ended).by, "local")
      })
    )
  })
}
