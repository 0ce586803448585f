/** The laws of a transport, as written in `signatures/README.md`, for any backend. Tests wait for events only. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Queue, Ref, Scope } from "effect"
import { type DialFailed, isSmaller, type Link, type RawStream, Transport } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import {
  accept,
  concat,
  connect,
  dial,
  isPrefix,
  type Linked,
  listen,
  openPair,
  pattern,
  watch,
  type Watched,
  watchedPair
} from "../support/streams.ts"
import { streamProperties } from "./Transport.properties.ts"

/** Writes in pieces, waiting for drain as told. */
const writeAll = (stream: Watched, bytes: Uint8Array, piece: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let from = 0; from < bytes.length; from += piece) {
      const drains = stream.drains()
      if (!stream.write(bytes.slice(from, from + piece))) {
        yield* stream.until(() => stream.drains() > drains || stream.ends().length > 0)
      }
    }
  })

/** Bytes from one end to the other and back: what was under way before has arrived by now, or never will. */
const roundTrip = (linked: Linked) =>
  Effect.gen(function*() {
    const [near, far] = yield* watchedPair(linked)
    near.write(pattern(8))
    yield* far.size(8)
    far.write(pattern(8))
    yield* near.size(8)
    near.finish()
    far.finish()
    yield* Effect.all([near.ended, far.ended])
  })

export const transportLaws = (backend: Backend): void => {
  const two = Effect.map(backend.world(2), ({ cut, hosts: [a, b] }) => {
    if (a === undefined || b === undefined) throw new Error("two hosts were asked for")
    return { a, b, cut }
  })
  const linked = Effect.flatMap(
    two,
    (world) => Effect.map(connect(world.a, world.b), (made): typeof world & Linked => ({ ...world, ...made }))
  )
  // oxlint-disable-next-line vitest/valid-title -- every law below has its own
  const law = <A, E>(name: string, test: Effect.Effect<A, E, Scope.Scope>) => it(name, () => backend.run(test))

  describe(`transport: ${backend.name}`, () => {
    describe("dialling", () => {
      law(
        "says at both ends who the other is",
        Effect.gen(function*() {
          const { a, b, far, near } = yield* linked
          assert.deepStrictEqual([near.peer, near.direction], [b.peer, "outbound"])
          assert.deepStrictEqual([far.peer, far.direction], [a.peer, "inbound"])
          assert.include(b.addresses, near.remote)
          assert.isFalse(isSmaller(a.peer, b.peer) === isSmaller(b.peer, a.peer))
        })
      )

      law(
        "gives the addresses at which the host can be reached",
        Effect.gen(function*() {
          const { a, b } = yield* two
          const addresses = yield* Context.get(b.services, Transport).listen(() => undefined)
          assert.isAbove(addresses.length, 0)
          yield* Effect.forEach(addresses, (address) => Context.get(a.services, Transport).dial(b.peer, address))
        })
      )

      law(
        "gives a link of its own each time, also where one is up in either direction",
        Effect.gen(function*() {
          const { a, b } = yield* two
          const [atA, atB] = yield* Effect.all([listen(a), listen(b)])
          const links: Array<Link> = []
          for (const [from, to, inbound] of [[a, b, atB], [a, b, atB], [b, a, atA], [a, b, atB]] as const) {
            links.push(yield* dial(from, to), yield* Queue.take(inbound))
          }
          assert.strictEqual(new Set(links).size, 8)
          for (let i = 0; i < links.length; i += 2) {
            const [near, far] = [links[i], links[i + 1]]
            if (near === undefined || far === undefined) return assert.fail("no link")
            yield* roundTrip({ near, far, streams: yield* accept(far) })
          }
        })
      )

      law(
        "gives two links when two hosts dial each other at once, and both carry streams",
        Effect.gen(function*() {
          const { a, b } = yield* two
          const [atA, atB] = yield* Effect.all([listen(a), listen(b)])
          const [ab, ba] = yield* Effect.all([dial(a, b), dial(b, a)], { concurrency: "unbounded" })
          const [toB, toA] = yield* Effect.all([Queue.take(atB), Queue.take(atA)])
          yield* roundTrip({ near: ab, far: toB, streams: yield* accept(toB) })
          yield* roundTrip({ near: ba, far: toA, streams: yield* accept(toA) })
        })
      )

      law(
        "fails with wrong-peer where another peer answers",
        Effect.gen(function*() {
          const { hosts: [a, b, c] } = yield* backend.world(3)
          if (a === undefined || b === undefined || c === undefined) return assert.fail("three hosts were asked for")
          yield* listen(b)
          const [address = assert.fail("no address")] = b.addresses
          const failure = yield* Effect.flip(Context.get(a.services, Transport).dial(c.peer, address))
          assert.deepStrictEqual([failure.reason, failure.peer, failure.address], ["wrong-peer", c.peer, address])
        })
      )

      law(
        "fails where nobody listens",
        Effect.gen(function*() {
          const { a, b } = yield* two
          // A transport that hears nothing at all may wait for ever.
          const failure = yield* Effect.flip(dial(a, b)).pipe(Effect.timeoutOption("3 seconds"))
          if (failure._tag === "Some") assert.include(["refused", "unreachable", "timeout"], failure.value.reason)
        })
      )

      law(
        "fails once the scope of the listening has closed",
        Effect.gen(function*() {
          const { a, b } = yield* two
          const scope = yield* Scope.make()
          yield* Scope.provide(listen(b), scope)
          yield* dial(a, b)
          yield* Scope.close(scope, Exit.void)
          const outcome = yield* Effect.exit(dial(a, b)).pipe(Effect.timeoutOption("3 seconds"))
          assert.isFalse(outcome._tag === "Some" && Exit.isSuccess(outcome.value))
        })
      )

      law(
        "leaves nothing up when it is interrupted",
        Effect.gen(function*() {
          const { a, b } = yield* two
          const links = yield* listen(b)
          const dials: Array<Fiber.Fiber<Link, DialFailed>> = []
          for (let i = 0; i < 8; i++) {
            dials.push(yield* Effect.forkChild(dial(a, b), { startImmediately: true }))
            yield* backend.virtual ? Effect.sleep(`${i * 8} millis`) : Effect.yieldNow
            yield* Effect.forEach(dials, Fiber.interrupt)
          }
          // One that was quicker than its interruption has a link, which is the caller's.
          for (const exit of yield* Effect.forEach(dials, Fiber.await)) if (Exit.isSuccess(exit)) exit.value.abort()
          // What did come up at the other end is ended. One more link shows that dials go on working.
          const last = yield* dial(a, b)
          const stream = watch(yield* last.open("/chain-p2p/1"))
          stream.write(pattern(1))
          const isLast = (link: Link) =>
            Effect.raceFirst(
              Effect.as(link.ended, false),
              Effect.as(Effect.flatMap(accept(link), Queue.take), true)
            )
          while (!(yield* Effect.flatMap(Queue.take(links), isLast))) {
            // The next one.
          }
        })
      )
    })

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
          yield* Effect.callback<void>((resume) => {
            const look = () => {
              if (open.filter((stream) => stream.ends().length === 0).length <= 16) resume(Effect.void)
            }
            const fibers = open.map((stream) => Effect.runFork(Effect.andThen(stream.ended, Effect.sync(look))))
            look()
            return Effect.sync(() => fibers.forEach((fiber) => fiber.interruptUnsafe()))
          })
          const accepted = yield* accept(far)
          const kept = yield* Effect.forEach(Array.from({ length: 16 }), () => Queue.take(accepted))
          assert.strictEqual(new Set(kept).size, 16)
          yield* roundTrip({ near, far, streams: accepted })
          assert.strictEqual(yield* Queue.size(accepted), 0)
        })
      )
    })

    describe("a link", () => {
      /** Two streams, one with bytes on their way, and the order in which ends were told. */
      const busy = Effect.gen(function*() {
        const world = yield* linked
        const [near, far] = yield* watchedPair(world)
        const [near2, far2] = yield* watchedPair(world)
        const sent = pattern(60_000)
        near.write(sent)
        const order = yield* Ref.make<ReadonlyArray<string>>([])
        const note = (name: string) => Ref.update(order, (all) => [...all, name])
        const fiber = yield* Effect.forkChild(
          Effect.all([
            Effect.andThen(Effect.all([near.ended, near2.ended], { concurrency: 2 }), note("streams")),
            Effect.andThen(world.near.ended, note("near")),
            Effect.andThen(Effect.all([far.ended, far2.ended], { concurrency: 2 }), note("far streams")),
            Effect.andThen(world.far.ended, note("far"))
          ], { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        const over = Effect.gen(function*() {
          yield* Fiber.join(fiber)
          const told = yield* Ref.get(order)
          assert.isBelow(told.indexOf("streams"), told.indexOf("near"))
          assert.isBelow(told.indexOf("far streams"), told.indexOf("far"))
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

    if (backend.virtual) streamProperties(backend)
  })
}
