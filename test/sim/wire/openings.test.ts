import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { Connections, type RawStream } from "../../../signatures/index.ts"
import { chainKey } from "../../../src/wire/chainKey.ts"
import { frame, FrameType } from "../../../src/wire/frames.ts"
import { decodeHello, encodeAccept } from "../../../src/wire/openingFrames.ts"
import { bob, chainOf, duo } from "./duo.ts"
import { limits, settled, start } from "./hosts.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** So many openings at once, to a peer that answers only when it is told to. */
const openings = (count: number) =>
  Effect.gen(function*() {
    const pools = duo()
    const alice = Context.get(yield* start(pools.alice), Connections)
    // The peer says nothing on the control stream either.
    yield* Effect.addFinalizer(() => Effect.sync(pools.alice.link.abort))
    const names = new Map(numbers(count).map((i) => [chainKey(chainOf(`c${i}`)).join(), i]))
    const asked: Array<number> = []
    const streams: Array<RawStream> = []
    pools.bob.link.accept((stream) => {
      if (stream.protocol !== "/chain-p2p/1") return
      stream.attach({
        bytes: (chunk) => {
          if (chunk[0] !== FrameType.hello) return
          const hello = Option.getOrThrow(decodeHello(chunk.subarray(4)))
          asked.push(names.get(hello.chain.join()) ?? -1)
          streams.push(stream)
        },
        drain: () => {},
        end: () => stream.finish()
      })
    })
    const fibers = yield* Effect.forEach(numbers(count), (i) =>
      Effect.forkChild(Effect.result(alice.open(bob, chainOf(`c${i}`), limits)), { startImmediately: true }))
    yield* settled
    const accept = Effect.suspend(() => {
      streams.shift()?.write(frame(FrameType.accept, encodeAccept({ maxMessageBytes: 100_000, window: 50_000 })))
      return settled
    })
    return { pools, fibers, asked, accept }
  })

describe("the openings of a link", () => {
  it.effect("ask eight at once, and the others in their order as answers come", () =>
    Effect.gen(function*() {
      const { asked, accept, fibers, pools } = yield* openings(20)
      assert.deepStrictEqual(asked, numbers(8))
      assert.strictEqual(pools.alice.leases.size, 20)
      for (let i = 9; i <= 20; i++) {
        yield* accept
        assert.deepStrictEqual(asked, numbers(i))
      }
      for (let i = 0; i < 8; i++) yield* accept
      for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber))._tag, "Success")
    }))

  it.effect("may be interrupted while they wait, or while they are asked, and keep nobody waiting", () =>
    Effect.gen(function*() {
      const { asked, accept, fibers, pools } = yield* openings(20)
      const interrupted = fibers.filter((_, i) => i === 3 || (i >= 9 && i < 18))
      yield* Fiber.interruptAll(interrupted)
      yield* settled
      assert.deepStrictEqual(asked, numbers(9))
      assert.strictEqual(pools.alice.leases.size, 10)
      yield* accept
      yield* accept
      assert.deepStrictEqual(asked, [...numbers(9), 18, 19])
    }))

  it.effect.each(numbers(8))(
    "lose no turn to an interruption that comes just then (%i)",
    (turns) =>
      Effect.gen(function*() {
        const { asked, accept, fibers } = yield* openings(10)
        yield* Effect.forkChild(accept, { startImmediately: true })
        for (let turn = 0; turn < turns; turn++) yield* Effect.promise(() => Promise.resolve())
        yield* Fiber.interruptAll(fibers.slice(8, 9))
        yield* settled
        yield* accept
        assert.strictEqual(asked.at(-1), 9)
      })
  )

  it.effect("have five seconds each, from their turn on", () =>
    Effect.gen(function*() {
      const { accept, asked, fibers } = yield* openings(9)
      yield* TestClock.adjust("4 seconds")
      yield* accept
      assert.deepStrictEqual(asked, numbers(9))
      yield* TestClock.adjust("1 second")
      yield* settled
      const over = () => fibers.map((fiber) => fiber.pollUnsafe() !== undefined)
      assert.deepStrictEqual(over(), [...numbers(8).map(() => true), false])
      yield* TestClock.adjust("4 seconds")
      yield* settled
      assert.deepStrictEqual(over(), numbers(9).map(() => true))
    }))

  it.effect("don't wait for a peer that answers nobody", () =>
    Effect.gen(function*() {
      const { asked, fibers, pools } = yield* openings(30)
      yield* TestClock.adjust("5 seconds")
      for (const fiber of fibers) {
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Failure" })
      }
      assert.deepStrictEqual(asked, numbers(8))
      assert.strictEqual(pools.alice.leases.size, 0)
    }))

  it.effect("are superseded and lost together, those that wait too", () =>
    Effect.gen(function*() {
      const superseded = yield* openings(20)
      const { link } = superseded.pools.alice
      const farewell = yield* Effect.forkChild(superseded.pools.alice.attendant().farewell(link, "superseded"))
      const lost = yield* openings(20)
      lost.pools.alice.link.abort()
      for (const [{ fibers }, reason] of [[superseded, "superseded"], [lost, "link-lost"]] as const) {
        for (const fiber of fibers) {
          const result = yield* Fiber.join(fiber)
          assert.deepInclude(result._tag === "Failure" ? result.failure : {}, { _tag: "OpenFailed", reason })
        }
      }
      yield* Fiber.interrupt(farewell)
    }))
})
