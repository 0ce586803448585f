import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Queue, Random } from "effect"
import { TestClock } from "effect/testing"
import { makeNetwork, type NetworkOptions } from "../../../../inprocess/index.ts"
import { Address, addressFacts, Disk, Identity, Transport } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { accept, connect, dial, isPrefix, listen, pattern, watch, watchedPair } from "../../../support/streams.ts"

const two = (options?: NetworkOptions) =>
  Effect.map(inprocess.world(2, options), ({ hosts: [a, b], network }) => {
    if (a === undefined || b === undefined) throw new Error("two hosts were asked for")
    return { a, b, network }
  })

const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1000n) / 1000)

/** How long it takes, in virtual milliseconds. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* millis
    const value = yield* effect
    return [(yield* millis) - before, value] as const
  })

const exactly = { latency: "10 millis", jitter: "0 millis" } as const

describe("latency", () => {
  it("is what was asked for, exactly", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b } = yield* two(exactly)
      const linked = yield* connect(a, b)
      const [near, far] = yield* watchedPair(linked)
      near.write(pattern(10))
      assert.strictEqual((yield* timed(far.size(10)))[0], 10)
      near.write(pattern(10))
      yield* far.size(20)
      far.write(pattern(5))
      assert.strictEqual((yield* timed(near.size(5)))[0], 10)
    })))

  it("is within base and jitter, varies, and never reorders a stream", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b } = yield* two({ latency: "10 millis", jitter: "5 millis" })
      const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
      const times = new Set<number>()
      for (let i = 1; i <= 50; i++) {
        near.write(Uint8Array.of(i))
        const [time] = yield* timed(far.size(i))
        assert.isTrue(time >= 10 && time <= 15)
        times.add(time)
      }
      assert.isAbove(times.size, 20)
      assert.deepStrictEqual(far.received(), Uint8Array.from({ length: 50 }, (_, i) => i + 1))
    })))

  it("can be set for two hosts", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two(exactly)
      const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
      yield* network.setLatency(a, b, "1 second")
      near.write(pattern(1))
      assert.strictEqual((yield* timed(far.size(1)))[0], 1000)
    })))

  it("of one stream doesn't depend on what another does", () => {
    const arrivals = (noise: number) =>
      inprocess.runSync(
        Effect.gen(function*() {
          const { a, b } = yield* two()
          const linked = yield* connect(a, b)
          const [noisy] = yield* watchedPair(linked)
          const [near, far] = yield* watchedPair(linked)
          const times: Array<number> = []
          for (let i = 1; i <= 20; i++) {
            for (let j = 0; j < noise; j++) noisy.write(pattern(100))
            near.write(pattern(1))
            yield* far.size(i)
            times.push(yield* millis)
          }
          return times
        }),
        { seed: 1 }
      )
    assert.deepStrictEqual(arrivals(7), arrivals(0))
  })
})

describe("dialling a simulated host", () => {
  it("takes two to three round trips", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b } = yield* two(exactly)
      yield* listen(b)
      assert.include([40, 60], (yield* timed(dial(a, b)))[0])
    })))

  it("fails as refused where no process listens, and as unreachable where there is no host", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b } = yield* two()
      const refused = yield* Effect.flip(dial(a, b))
      const transport = Context.get(a.services, Transport)
      const unreachable = yield* Effect.flip(transport.dial(b.peer, Address.make("/ip4/21.0.0.1/tcp/1")))
      assert.deepStrictEqual([refused.reason, unreachable.reason], ["refused", "unreachable"])
    })))

  it("fails, or gives a link that is lost, where the process dies meanwhile", () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 30; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { a, b, network } = yield* two(exactly)
          yield* listen(b)
          const dialling = yield* Effect.forkChild(dial(a, b), { startImmediately: true })
          yield* Effect.sleep(`${seed * 2} millis`)
          yield* network.kill(b)
          const exit = yield* Fiber.await(dialling)
          if (Exit.isSuccess(exit)) outcomes.add((yield* exit.value.ended).by)
          else outcomes.add((yield* Effect.flip(exit)).reason)
          assert.strictEqual(network.linkCount(a), 0)
        }),
        { seed }
      )
    }
    assert.deepStrictEqual([...outcomes].toSorted(), ["handshake", "lost", "refused"])
  })

  it("ends where the link is cut before both ends have it", () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 30; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { a, b, network } = yield* two(exactly)
          yield* listen(b)
          const dialling = yield* Effect.forkChild(dial(a, b), { startImmediately: true })
          yield* Effect.sleep("45 millis")
          yield* network.cut(a, b)
          const exit = yield* Fiber.await(dialling)
          if (Exit.isSuccess(exit)) outcomes.add((yield* exit.value.ended).by)
          else outcomes.add((yield* Effect.flip(exit)).reason)
          assert.strictEqual(network.linkCount(a), 0)
        }),
        { seed }
      )
    }
    assert.deepStrictEqual([...outcomes].toSorted(), ["handshake", "lost"])
  })

  it("fails to listen where another host does", () =>
    inprocess.run(Effect.gen(function*() {
      const network = yield* makeNetwork()
      const address = "/ip4/20.9.9.9/tcp/1"
      const [one, other] = yield* Effect.all([
        network.host({ addresses: [address] }),
        network.host({ addresses: [address] })
      ])
      yield* listen(one)
      const failure = yield* Effect.flip(listen(other))
      assert.deepStrictEqual([failure.reason, failure.address], ["in-use", Address.make(address)])
    })))

  it("finds each host at a globally routable address of its own group", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { hosts } = yield* inprocess.world(300)
        const facts = hosts.flatMap((host) => host.addresses).map(addressFacts)
        assert.isTrue(facts.every((fact) => fact.scope === "global"))
        assert.strictEqual(new Set(facts.map((fact) => JSON.stringify(fact.group))).size, 300)
      }),
      { seed: 1 }
    ))
})

describe("a cut", () => {
  it("loses any suffix of what was under way: none, all or a part", () => {
    const sizes = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { a, b, network } = yield* two()
          const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
          const sent = pattern(1000)
          near.write(sent.slice(0, 400))
          near.write(sent.slice(400))
          yield* network.cut(a, b)
          yield* Effect.all([near.ended, far.ended])
          assert.isTrue(isPrefix(far.received(), sent))
          sizes.add(far.received().length)
        }),
        { seed }
      )
    }
    assert.isTrue(sizes.has(0) && sizes.has(1000) && sizes.size > 6)
  })

  it("leaves the hosts' other links up", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b, c], network } = yield* inprocess.world(3)
      if (a === undefined || b === undefined || c === undefined) return assert.fail("three hosts were asked for")
      const [lost, kept] = [yield* connect(a, b), yield* connect(a, c)]
      yield* network.cut(a, b)
      yield* Effect.all([lost.near.ended, lost.far.ended])
      const [near, far] = yield* watchedPair(kept)
      near.write(pattern(1))
      yield* far.size(1)
    })))
})

describe("a partition", () => {
  it("holds everything, dials too, and lets it go on when it is healed", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two(exactly)
      const linked = yield* connect(a, b)
      const [near, far] = yield* watchedPair(linked)
      yield* network.partition([a])
      near.write(pattern(100))
      far.write(pattern(50))
      const dialling = yield* Effect.forkChild(dial(a, b), { startImmediately: true })
      yield* Effect.sleep("1 hour")
      assert.deepStrictEqual([far.received().length, near.received().length], [0, 0])
      assert.isUndefined(dialling.pollUnsafe())
      near.write(pattern(7, 1))
      yield* network.heal
      yield* Effect.all([far.size(107), near.size(50)])
      yield* Fiber.join(dialling)
      assert.deepStrictEqual([near.ends().length, far.ends().length], [0, 0])
    })))

  it("in one direction lets the other way pass", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
      yield* network.block(a, b)
      far.write(pattern(3))
      near.write(pattern(3))
      yield* near.size(3)
      yield* Effect.sleep("1 minute")
      assert.strictEqual(far.received().length, 0)
    })))

  it("lets an opening time out, and then the link go on", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const linked = yield* connect(a, b)
      yield* network.partition([b])
      const [time, failure] = yield* timed(Effect.flip(linked.near.open("/chain-p2p/1")))
      assert.deepStrictEqual([time, failure._tag], [10_000, "StreamRefused"])
      yield* network.heal
      const near = watch(yield* linked.near.open("/chain-p2p/1"))
      near.write(pattern(1))
      const far = watch(yield* Queue.take(linked.streams))
      yield* far.size(1)
      assert.strictEqual(yield* Queue.size(linked.streams), 0)
    })))

  it("doesn't keep a link from closing", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const linked = yield* connect(a, b)
      const [near] = yield* watchedPair(linked)
      yield* network.partition([b])
      near.write(pattern(10))
      near.finish()
      const [time] = yield* timed(linked.near.close)
      assert.strictEqual(time, 5000)
    })))
})

describe("a frozen host", () => {
  it("keeps its links up, and silent, until it is thawed", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const linked = yield* connect(a, b)
      const [near, far] = yield* watchedPair(linked)
      yield* network.freeze(b)
      let room = true
      for (let i = 0; room && i < 100; i++) room = near.write(pattern(10_000, i))
      assert.isFalse(room)
      yield* Effect.sleep("1 hour")
      assert.deepStrictEqual([far.received().length, near.drains(), near.ends().length], [0, 0, 0])
      yield* network.thaw(b)
      yield* near.until(() => near.drains() === 1)
      assert.isAbove(far.received().length, 256_000)
    })))
})

describe("a killed host", () => {
  it("is noticed when the caller says, refuses dials, and calls back no more", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const linked = yield* connect(a, b)
      const [near, far] = yield* watchedPair(linked)
      near.write(pattern(10))
      yield* network.kill(b, { noticedAfter: "3 seconds" })
      const [time, end] = yield* timed(near.ended)
      assert.deepStrictEqual([time, end.linkEnded], [3000, true])
      assert.strictEqual((yield* linked.near.ended).by, "lost")
      assert.strictEqual((yield* Effect.flip(dial(a, b))).reason, "refused")
      yield* Effect.sleep("1 hour")
      assert.deepStrictEqual([far.received().length, far.ends().length], [0, 0])
    })))

  it("is told nothing that was about to be told", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const links = yield* listen(b)
      const near = yield* dial(a, b)
      const far = yield* Queue.take(links)
      const streams = yield* accept(far)
      const opened = watch(yield* near.open("/chain-p2p/1"))
      opened.write(pattern(10))
      yield* near.open("/chain-p2p/1")
      yield* Effect.sleep("1 second")
      const reader = watch(yield* Queue.take(streams))
      const late = yield* Queue.take(streams)
      const writer = watch(late)
      yield* network.kill(b)
      yield* near.ended
      assert.deepStrictEqual([reader.received().length, reader.ends().length, writer.ends().length], [0, 0, 0])
      assert.isTrue(writer.write(pattern(10)))
    })))

  it("comes back as the same peer, at the same addresses, with its disk, and a higher sequence", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      yield* listen(b)
      const disk = Context.get(b.services, Disk)
      yield* disk.replace("book", pattern(10))
      yield* disk.append("log", pattern(10))
      yield* disk.sync("log")
      const identity = Context.get(b.services, Identity)
      const before = yield* Effect.flatMap(identity.seal(b.addresses), identity.open)
      const again = yield* network.restart(b)
      assert.deepStrictEqual([again.peer, again.addresses], [b.peer, b.addresses])
      yield* connect(a, again)
      const after = Context.get(again.services, Identity)
      const record = yield* Effect.flatMap(after.seal(b.addresses), Context.get(a.services, Identity).open)
      assert.isTrue(record.sequence > before.sequence)
      const files = Context.get(again.services, Disk)
      assert.deepStrictEqual(yield* files.read("book", 0, 99), pattern(10))
      assert.deepStrictEqual(yield* files.read("log", 0, 99), pattern(10))
    })))
})

describe("a simulated network", () => {
  it("resets a stream whose writer never waits for drain", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b, network } = yield* two()
      const linked = yield* connect(a, b)
      const [near, far] = yield* watchedPair(linked)
      yield* network.freeze(b)
      for (let i = 0; i < 200; i++) near.write(pattern(10_000))
      assert.isFalse((yield* near.ended).linkEnded)
      yield* network.thaw(b)
      yield* far.ended
      yield* watchedPair(linked)
    })))

  it("gives each host randomness of its own", () =>
    inprocess.run(Effect.gen(function*() {
      const { a, b } = yield* two({ seed: 3 })
      const draws = yield* Effect.all([
        Random.next.pipe(Effect.provide(a.services)),
        Random.next.pipe(Effect.provide(b.services))
      ])
      assert.notStrictEqual(draws[0], draws[1])
    })))

  it.effect("runs under a test clock too", () =>
    Effect.gen(function*() {
      const network = yield* makeNetwork({ ...exactly, seed: 1 })
      const [a, b] = yield* Effect.all([network.host(), network.host()])
      const links = yield* listen(b)
      const dialling = yield* Effect.forkChild(dial(a, b), { startImmediately: true })
      yield* TestClock.adjust("100 millis")
      const near = yield* Fiber.join(dialling)
      const far = yield* Queue.take(links)
      const streams = yield* accept(far)
      const opening = yield* Effect.forkChild(near.open("/chain-p2p/1"), { startImmediately: true })
      yield* TestClock.adjust("20 millis")
      watch(yield* Fiber.join(opening)).write(pattern(5))
      const reader = watch(yield* Queue.take(streams))
      yield* TestClock.adjust("9 millis")
      assert.strictEqual(reader.received().length, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(reader.received().length, 5)
    }))
})
