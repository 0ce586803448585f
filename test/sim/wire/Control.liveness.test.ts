import { assert, describe, it, vi } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { decodeControl } from "../../../src/wire/controlMessages.ts"
import { headerBytes } from "../../../src/wire/frames.ts"
import { alice, duo } from "./duo.ts"
import { listen, settled, start } from "./hosts.ts"
import { bobAndStranger, info } from "./stranger.ts"

/** Wakes all that is due at once and late, as when a process was stopped. */
const stoppedClock = () => {
  let millis = 0
  let sleepers: ReadonlyArray<{ readonly at: number; readonly wake: () => void }> = []
  const pauses: Array<number> = []
  const nanos = () => BigInt(Math.round(millis * 1_000_000))
  return {
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    /** How long each sleep was to be, in milliseconds. */
    pauses,
    sleep: (duration: Duration.Duration) =>
      Effect.callback<void>((resume) => {
        pauses.push(Duration.toMillis(duration))
        sleepers = [...sleepers, { at: millis + Duration.toMillis(duration), wake: () => resume(Effect.void) }]
      }),
    jump: (to: number) => {
      millis = to
      const due = sleepers.filter(({ at }) => at <= to)
      sleepers = sleepers.filter(({ at }) => at > to)
      for (const { wake } of due) wake()
    }
  }
}

/** What a host's subscriber has heard. */
describe("a link's life", () => {
  it.effect("answers pings, and pings every six seconds a peer that has dialled and does not", () =>
    Effect.gen(function*() {
      const { host, peer } = yield* bobAndStranger
      assert.isDefined(host)
      peer.say(info)
      peer.say({ type: "ping", id: 77 })
      yield* settled
      assert.deepStrictEqual(peer.ids, [77])
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(peer.heard.filter((type) => type === "ping").length, i)
        yield* TestClock.adjust("1 second")
        peer.say({ type: "pong", id: 0 })
        yield* settled
      }
      assert.strictEqual(peer.heard.filter((type) => type === "ping").length, 3)
    }))

  it.effect("has its dialler ping every five seconds, and the other end answer", () =>
    Effect.gen(function*() {
      const pools = duo()
      yield* start(pools.alice)
      yield* start(pools.bob)
      yield* settled
      const said = [pools.alice, pools.bob].map(({ link }) =>
        vi.spyOn(link.streams[0] ?? assert.fail("no stream"), "write")
      )
      yield* settled
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust("5 seconds")
        yield* settled
      }
      const types = said.map((writes) =>
        writes.mock.calls.map(([bytes]) => Option.getOrThrow(decodeControl(bytes.slice(headerBytes))).type)
      )
      assert.deepStrictEqual(types, [["ping", "ping", "ping"], ["pong", "pong", "pong"]])
    }))

  it.effect("leaves the pinging to a peer that pings more often, and pings one that falls silent", () =>
    Effect.gen(function*() {
      const { host, peer } = yield* bobAndStranger
      assert.isDefined(host)
      peer.say(info)
      const pings = () => peer.heard.filter((type) => type === "ping").length
      for (let id = 0; id < 6; id++) {
        peer.say({ type: "ping", id })
        yield* settled
        yield* TestClock.adjust("4 seconds")
      }
      assert.strictEqual(pings(), 0)
      yield* TestClock.adjust("2 seconds")
      yield* settled
      assert.strictEqual(pings(), 1)
    }))

  it.effect("has a link on which nothing arrives for twelve seconds reported as silent, and none before", () =>
    Effect.gen(function*() {
      const { pools, peer } = yield* bobAndStranger
      peer.say(info)
      yield* settled
      yield* TestClock.adjust("11 seconds")
      // Any byte on any stream counts.
      pools.alice.link.raw("/chain-p2p/1").write(Uint8Array.of(4))
      yield* settled
      for (let i = 0; i < 11; i++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(pools.bob.dead, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(pools.bob.dead, ["silent"])
    }))

  it("does not call a peer silent because this process stood still", () => {
    const clock = stoppedClock()
    return Effect.runPromise(
      Effect.scoped(Effect.gen(function*() {
        const { pools, peer } = yield* bobAndStranger
        peer.say(info)
        yield* settled
        clock.jump(60_000)
        yield* settled
        assert.deepStrictEqual(pools.bob.dead, [])
        // It has some seconds to be heard, as it was not asked all the time.
        clock.jump(61_000)
        yield* settled
        clock.jump(66_900)
        yield* settled
        assert.deepStrictEqual(pools.bob.dead, [])
        clock.jump(67_100)
        yield* settled
        assert.deepStrictEqual(pools.bob.dead, ["silent"])
      })).pipe(Effect.provideService(Clock.Clock, clock))
    )
  })

  it("never sleeps for no time at all, however the times are rounded", () => {
    const clock = stoppedClock()
    // So much later it is not twelve seconds later, and yet later by twelve seconds.
    const heard = 6070.783029
    return Effect.runPromise(
      Effect.scoped(Effect.gen(function*() {
        clock.jump(heard)
        const { peer } = yield* bobAndStranger
        peer.say(info)
        yield* settled
        for (const at of [heard + 5_001, heard + 10_002, 18070.783029]) {
          clock.jump(at)
          yield* settled
        }
        assert.isAtLeast(Math.min(...clock.pauses), 1)
      })).pipe(Effect.provideService(Clock.Clock, clock))
    )
  })

  it.effect("completes a probe with the answer to a ping that was sent after it", () =>
    Effect.gen(function*() {
      const pools = duo()
      yield* start(pools.alice)
      const attendant = pools.alice.attendant()
      const probe = yield* Effect.forkChild(attendant.probe(pools.alice.link), { startImmediately: true })
      yield* settled
      assert.isUndefined(probe.pollUnsafe())
      yield* start(pools.bob)
      yield* Fiber.join(probe)
    }))

  it.effect.each(["idle", "shutdown", "banned"] as const)(
    "says goodbye (%s), and knows when the peer has heard it",
    (reason) =>
      Effect.gen(function*() {
        const pools = duo()
        yield* start(pools.alice)
        const bobs = yield* start(pools.bob)
        const heard = yield* listen(bobs)
        yield* settled
        yield* pools.alice.attendant().farewell(pools.alice.link, reason)
        assert.deepStrictEqual(pools.bob.leaving, [reason])
        yield* settled
        assert.deepStrictEqual(heard.slice(1), [{ _tag: "Goodbye", peer: alice, reason }])
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
      })
  )
})
