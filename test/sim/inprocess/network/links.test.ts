import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { type NetworkOptions, type TraceEvent } from "../../../../inprocess/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { connect, isPrefix, type Linked, pattern, watchedPair } from "../../../support/streams.ts"

const exactly = { latency: "10 millis", jitter: "0 millis", splitting: 0 } as const

const linked = (options?: NetworkOptions) =>
  Effect.gen(function*() {
    const { hosts: [a, b], network } = yield* inprocess.world(2, options)
    if (a === undefined || b === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
    return { a, b, network, ...(yield* connect(a, b)) }
  })

const pairs = (world: Linked, count: number) => Effect.forEach(Array.from({ length: count }), () => watchedPair(world))

const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1000n) / 1000)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* millis
    yield* effect
    return (yield* millis) - before
  })

describe("a bandwidth", () => {
  it("lets bytes arrive as they are through, and a latency later", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* linked({ ...exactly, bandwidth: 100_000 })
      const [near, far] = yield* watchedPair(world)
      near.write(pattern(50_000))
      assert.strictEqual(yield* timed(far.size(50_000)), 510)
      for (let i = 0; i < 1000; i++) near.write(pattern(7, i))
      assert.approximately(yield* timed(far.size(57_000)), 80, 0.01)
      far.write(pattern(1000))
      assert.strictEqual(yield* timed(near.size(1000)), 20)
    })))

  it("is shared evenly by streams: whoever has little waits for one piece of each other at most", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* linked({ ...exactly, bandwidth: 1_000_000 })
      const streams = yield* pairs(world, 5)
      for (const [i, [near]] of streams.entries()) near.write(pattern(i === 4 ? 100 : 200_000, i))
      const [small] = streams.slice(4)
      assert.isBelow(yield* timed(small?.[1].size(100) ?? assert.fail()), 10 + 5 * 4.1)
      yield* Effect.sleep("400 millis")
      const got = streams.slice(0, 4).map(([, far]) => far.received().length)
      assert.isAtMost(Math.max(...got) - Math.min(...got), 4096)
      assert.isAbove(Math.min(...got), 95_000)
      yield* Effect.forEach(streams, ([, far], i) => far.size(i === 4 ? 100 : 200_000))
      for (const [i, [, far]] of streams.entries()) {
        assert.deepStrictEqual(far.received(), pattern(far.received().length, i))
      }
    })))

  it("may change while bytes wait, and end: then all of them go", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network, ...world } = yield* linked(exactly)
      const [near, far] = yield* watchedPair(world)
      yield* network.setBandwidth(a, b, 1000)
      near.write(pattern(100_000))
      near.finish()
      far.finish()
      yield* Effect.sleep("10 seconds")
      assert.isTrue(far.received().length > 4000 && far.received().length <= 10_000)
      yield* network.setBandwidth(a, b, 10_000)
      yield* Effect.sleep("4 seconds")
      assert.isTrue(far.received().length > 40_000 && far.received().length <= 50_000)
      yield* network.setBandwidth(a, b)
      assert.strictEqual(yield* timed(far.ended), 10)
      assert.deepStrictEqual(far.received(), pattern(100_000))
    })))

  it("keeps a link that closes waiting for the last bytes of streams that have ended here", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* linked({ ...exactly, bandwidth: 50_000 })
      const [near, far] = yield* watchedPair(world)
      near.write(pattern(200_000))
      near.finish()
      far.finish()
      yield* near.ended
      yield* world.near.close
      yield* far.ended
      assert.deepStrictEqual(far.received(), pattern(200_000))
    })))
})

describe("loss", () => {
  it("delays packets and nothing else: no draw changes, no byte is missing", () =>
    inprocess.run(Effect.gen(function*() {
      const arrivals = (loss: number) => {
        const times: Array<number> = []
        inprocess.runSync(
          Effect.gen(function*() {
            const world = yield* linked({
              seed: 5,
              loss,
              splitting: 0,
              trace: (event) => event._tag === "Bytes" && void times.push(event.at - event.sentAt)
            })
            const [near, far] = yield* watchedPair(world)
            for (let i = 0; i < 200; i++) {
              near.write(pattern(10, i))
              yield* Effect.sleep("20 seconds")
            }
            assert.strictEqual(far.received().length, 2000)
          }),
          { seed: 1 }
        )
        return times
      }
      const [whole, lossy] = [arrivals(0), arrivals(0.3)]
      const delays = lossy.map((time, i) => time - (whole[i] ?? 0))
      // After 220 ms the first loss is noticed, and each further one takes twice as long.
      const kinds = new Set(delays.map((delay) => delay / 220_000))
      assert.isTrue([...kinds].every((kind) => [0, 1, 3, 7, 15, 31].includes(kind)))
      const lost = delays.filter((delay) => delay > 0).length
      assert.isTrue(lost > 40 && lost < 80)
      assert.isAbove(kinds.size, 3)
    })))

  it("never reorders a stream", () =>
    inprocess.run(Effect.gen(function*() {
      const [near, far] = yield* Effect.flatMap(linked({ loss: 0.5 }), watchedPair)
      near.write(pattern(100))
      for (let i = 100; i < 3000; i += 29) {
        near.write(pattern(3000).slice(i, i + 29))
        yield* Effect.sleep("1 millis")
      }
      yield* far.size(3000)
      assert.deepStrictEqual(far.received(), pattern(3000))
    })))
})

describe("a hold", () => {
  it("keeps what is on its way, one way, and gives it in order a latency after the release", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network, ...world } = yield* linked(exactly)
      const [near, far] = yield* watchedPair(world)
      near.write(pattern(10))
      yield* network.hold(a, b)
      for (let i = 10; i < 100; i += 10) near.write(pattern(100).slice(i, i + 10))
      far.write(pattern(10))
      yield* near.size(10)
      yield* Effect.sleep("1 hour")
      assert.strictEqual(far.received().length, 0)
      yield* network.heal
      yield* Effect.sleep("1 minute")
      assert.strictEqual(far.received().length, 0, "a hold is no partition")
      yield* network.release
      assert.strictEqual(yield* timed(far.size(100)), 10)
      assert.deepStrictEqual(far.received(), pattern(100))
      yield* network.partition([a])
      near.write(pattern(10))
      yield* Effect.sleep("1 minute")
      yield* network.heal
      yield* far.size(110)
      yield* network.hold(a, b)
      near.write(pattern(10))
      yield* Effect.sleep("1 minute")
      yield* network.release
      assert.strictEqual(yield* timed(far.size(120)), 10, "nothing of it was lost")
    })))
})

describe("a partition that is healed", () => {
  it("lets what was lost come when it is sent again: as much later as it lasted at most, and 3 s", () => {
    for (const [lasted, most] of [[100, 100], [2000, 2000], [60_000, 3000]] as const) {
      const delays = new Set<number>()
      for (let seed = 1; seed <= 20; seed++) {
        inprocess.runSync(
          Effect.gen(function*() {
            const { a, network, ...world } = yield* linked(exactly)
            const [near, far] = yield* watchedPair(world)
            yield* network.partition([a])
            near.write(pattern(10))
            yield* Effect.sleep(lasted + 10)
            yield* network.heal
            const delay = yield* timed(far.size(10))
            assert.isTrue(delay >= 10 && delay <= 10 + most)
            delays.add(delay)
          }),
          { seed }
        )
      }
      assert.isAbove(Math.max(...delays), most / 2)
      assert.isAbove(delays.size, 15)
    }
  })
})

describe("a slow reader", () => {
  it("reads as fast as it can, all streams in turn, and lets writers wait", () =>
    inprocess.run(Effect.gen(function*() {
      const { b, network, ...world } = yield* linked(exactly)
      const [[near, far], [near2, far2]] = yield* Effect.all([watchedPair(world), watchedPair(world)])
      yield* network.setReading(b, 100_000)
      let room = true
      for (let i = 0; room && i < 100; i++) room = near.write(pattern(10_000, i))
      assert.isFalse(room)
      near2.write(pattern(50_000))
      yield* Effect.sleep("510 millis")
      assert.approximately(far.received().length, 25_000, 4096)
      assert.approximately(far2.received().length, 25_000, 4096)
      assert.strictEqual(near.drains(), 0)
      assert.approximately(yield* timed(near.until(() => near.drains() === 1)), 1410, 50)
      far.write(pattern(100_000))
      assert.strictEqual(yield* timed(near.size(100_000)), 10)
      yield* network.setReading(b)
      yield* Effect.yieldNow
      yield* far.size(260_000)
      near.finish()
      far.finish()
      yield* Effect.all([near.ended, far.ended])
    })))

  it("gets all that was written before a finish, and a link that closes waits for that", () =>
    inprocess.run(Effect.gen(function*() {
      const { b, network, ...world } = yield* linked(exactly)
      const [near, far] = yield* watchedPair(world)
      yield* network.setReading(b, 100_000)
      near.write(pattern(200_000))
      near.finish()
      far.finish()
      yield* near.ended
      yield* world.near.close
      yield* far.ended
      assert.deepStrictEqual(far.received(), pattern(200_000))
      assert.deepStrictEqual(far.ends().length, 1)
    })))
})

describe("a buffer", () => {
  it("is as large as was asked for", () =>
    inprocess.run(Effect.gen(function*() {
      const [near, far] = yield* Effect.flatMap(linked({ ...exactly, buffer: 1000 }), watchedPair)
      assert.isTrue(near.write(pattern(1000)))
      assert.isFalse(near.write(pattern(1)))
      assert.strictEqual(yield* timed(near.until(() => near.drains() === 1)), 20)
      assert.strictEqual(far.received().length, 1001)
    })))
})

describe("what survives a failure", () => {
  it("comes when it would have come, and no end comes before it", () => {
    const seen = { early: 0, parts: new Set<number>() }
    for (const how of ["cut", "abort", "abort link", "kill"] as const) {
      for (let seed = 1; seed <= 40; seed++) {
        const events: Array<TraceEvent> = []
        const reader = inprocess.runSync(
          Effect.gen(function*() {
            const { a, b, network, ...world } = yield* linked({
              latency: "10 millis",
              jitter: "50 millis",
              trace: (event) => void events.push(event)
            })
            const [near, far] = yield* watchedPair(world)
            for (let i = 0; i < 10; i++) near.write(pattern(1000).slice(i * 100, (i + 1) * 100))
            if (how === "cut") yield* network.cut(a, b)
            else if (how === "abort") near.abort()
            else if (how === "kill") yield* network.kill(a)
            else world.near.abort()
            yield* far.ended
            if (how !== "kill") yield* near.ended
            if (how !== "abort") yield* world.far.ended
            assert.isTrue(isPrefix(far.received(), pattern(1000)))
            seen.parts.add(far.received().length)
            return b.peer
          }),
          { seed }
        )
        for (const event of events) if (event._tag === "Bytes" && event.at < event.sentAt + 10_000) seen.early++
        const end = events.findIndex((event) => event._tag === "LinkEnded" && event.host === reader)
        if (how !== "abort") assert.isTrue(events.slice(end).every((event) => event._tag !== "Bytes"))
      }
    }
    assert.strictEqual(seen.early, 0)
    assert.isTrue(seen.parts.has(0) && seen.parts.has(1000) && seen.parts.size > 10)
  })

  it("is nothing of what a partition or a hold keeps back, so that the end is not kept back either", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network, ...world } = yield* linked(exactly)
      const [near, far] = yield* watchedPair(world)
      near.write(pattern(1000))
      yield* network.hold(a, b)
      yield* network.cut(a, b)
      assert.strictEqual(yield* timed(Effect.all([near.ended, far.ended, world.near.ended, world.far.ended])), 0)
      assert.strictEqual(far.received().length, 0)
    })))

  it("is cut off where the way shuts meanwhile", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { a, b, network, ...world } = yield* linked(exactly)
        const [near, far] = yield* watchedPair(world)
        const ending = yield* Effect.forkChild(Effect.all([near.ended, far.ended]), { startImmediately: true })
        near.write(pattern(1000))
        yield* network.cut(a, b)
        yield* Effect.sleep("1 millis")
        yield* network.hold(a, b)
        yield* Effect.sleep("1 minute")
        yield* Fiber.join(ending)
        assert.strictEqual(far.received().length, 0)
      })
    ))

  it("may be less than what has come, where the process reads slowly", () => {
    const sizes = new Set<number>()
    for (let seed = 1; seed <= 30; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { a, b, network, ...world } = yield* linked(exactly)
          const [near, far] = yield* watchedPair(world)
          yield* network.setReading(b, 1000)
          near.write(pattern(10_000))
          yield* Effect.sleep("1 second")
          yield* network.cut(a, b)
          yield* far.ended
          assert.isTrue(isPrefix(far.received(), pattern(10_000)))
          sizes.add(far.received().length)
        }),
        { seed }
      )
    }
    assert.isTrue(sizes.has(10_000) && sizes.size > 5)
  })
})
