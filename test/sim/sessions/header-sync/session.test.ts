import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Disk, type ProtocolViolated } from "../../../../signatures/index.ts"
import {
  type HeaderChain,
  headerSync,
  type HeaderSyncOptions
} from "../../../../src/sessions/header-sync/headerSync.ts"
import { decodeMessage, encodeMessage } from "../../../../src/sessions/header-sync/messages.ts"
import { workOfBits } from "../../../../src/sessions/header-sync/target.ts"
import { MemoryDisk } from "../../../support/headers-disk.ts"
import { connectionPair, type PairEnd, runAsNode } from "../../../support/headers-pair.ts"
import { after, countOf, easyParams, genesisOf, growBy, headerAt, realChains, upTo } from "../../../support/headers.ts"

const path = "/data/headers.bin"
const params = easyParams()
const genesis = genesisOf(params)

/** A chain whose file holds these headers. */
const chainWith = (
  bytes: Uint8Array,
  options: Partial<HeaderSyncOptions> = {},
  disk: MemoryDisk = new MemoryDisk()
) => {
  if (bytes.length > 0) disk.put(path, bytes)
  return Effect.provideService(headerSync({ path, params, ...options }), Disk, disk.service)
}

/** A session on each end; gives the fibers, which end with what the session failed with. */
const connect = (a: HeaderChain, b: HeaderChain, options: { readonly maxMessageBytes?: number } = {}) =>
  Effect.gen(function*() {
    const [x, y] = yield* connectionPair(options)
    return {
      ends: [x, y] as const,
      fibers: [
        yield* Effect.forkScoped(runAsNode(a.session, x)),
        yield* Effect.forkScoped(runAsNode(b.session, y))
      ] as const
    }
  })

const now2026 = TestClock.setTime(1_780_000_000_000)

describe("a header sync session", () => {
  for (const real of realChains()) {
    it.effect(`brings all of ${real.name} to a node that has nothing, verified and durable`, () =>
      Effect.gen(function*() {
        yield* now2026
        const disk = new MemoryDisk()
        const full = yield* chainWith(real.bytes, { params: real.params })
        const empty = yield* chainWith(new Uint8Array(0), { params: real.params }, disk)
        const before = yield* Effect.forkScoped(Stream.runCollect(Stream.take(empty.changes, 2)))
        yield* Effect.yieldNow
        yield* connect(empty, full)
        const tip = yield* empty.awaitHeight(real.height)
        assert.strictEqual(tip.hash, real.tip)
        assert.strictEqual(tip.work, (yield* full.tip).work)
        yield* empty.saved
        assert.deepStrictEqual(disk.get(path), real.bytes)
        const seen = yield* Fiber.join(before)
        assert.strictEqual(seen[0]?.height, 0)
        assert.isTrue((seen[1]?.height ?? 0) > 0)
        const { best, downloading, saved, sessions } = yield* empty.progress
        assert.deepStrictEqual({ best, downloading, saved, sessions }, {
          best: real.height,
          downloading: false,
          saved: real.height,
          sessions: 1
        })
      }))
  }

  it.effect("works with the smallest messages that a chain may agree on", () =>
    Effect.gen(function*() {
      const chain = growBy(params, genesis, 2500)
      const [full, empty] = [yield* chainWith(chain), yield* chainWith(genesis)]
      yield* TestClock.setTime(10_000_000_000)
      yield* connect(empty, full, { maxMessageBytes: 64 * 1024 })
      yield* empty.awaitHeight(2500)
      assert.deepStrictEqual(yield* empty.headers(0, 9999), chain)
    }))

  it.effect("reorganises to the peer's chain when that has more work, and the file follows", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const trunk = growBy(params, genesis, 100)
      const [ours, theirs] = [growBy(params, trunk, 40, 2), growBy(params, trunk, 60, 3)]
      const disk = new MemoryDisk()
      const [a, b] = [yield* chainWith(ours, {}, disk), yield* chainWith(theirs)]
      yield* connect(a, b)
      yield* a.awaitHeight(160)
      yield* a.saved
      assert.deepStrictEqual(disk.get(path), theirs)
      assert.deepStrictEqual(yield* b.headers(0, 999), theirs)
    }))

  it.effect("passes a new header on through a line of nodes, and takes none that is invalid", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const chains = yield* Effect.all(Array.from({ length: 6 }, () => chainWith(genesis)))
      for (const [i, chain] of chains.entries()) {
        const next = chains[i + 1]
        if (next !== undefined) yield* connect(chain, next)
      }
      const grown = growBy(params, genesis, 1)
      const [first, last] = [chains[0], chains.at(-1)]
      if (first === undefined || last === undefined) return assert.fail("there are six")
      const bad = yield* Effect.flip(first.add(headerAt(growBy(params, grown, 1), 2)))
      assert.match(bad.message, /height 1 is invalid: it does not name the header before it/)
      assert.match((yield* Effect.flip(first.add(new Uint8Array(79)))).message, /79 bytes/)
      const tip = yield* first.add(after(grown, 0))
      assert.deepStrictEqual(yield* last.awaitHeight(1), tip)
    }))

  it.effect("fails as a violation when the peer sends an invalid header, and the node sees no other failure", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const chain = growBy(params, genesis, 3)
      const a = yield* chainWith(genesis)
      const [mine, theirs] = yield* connectionPair()
      const run = yield* Effect.forkScoped(runAsNode(a.session, mine))
      yield* theirs.send(encodeMessage({ _tag: "Hello", version: 1 }))
      yield* theirs.send(encodeMessage({
        _tag: "Announce",
        height: 3,
        work: 8n,
        headers: headerAt(growBy(params, genesis, 3, 9), 3)
      }))
      yield* theirs.send(encodeMessage({ _tag: "Headers", headers: headerAt(chain, 2) }))
      const error = yield* Fiber.join(run)
      assert.strictEqual(error?._tag, "ProtocolViolated")
      assert.match((error as ProtocolViolated).what, /follows no header of the locator/)
      assert.strictEqual((yield* a.progress).sessions, 0)
    }))

  it.effect("ends when the other end closes, without a failure", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* chainWith(genesis), yield* chainWith(genesis)]
      const { ends, fibers } = yield* connect(a, b)
      yield* Effect.yieldNow
      yield* ends[1].close
      assert.isUndefined(yield* Fiber.join(fibers[0]))
    }))

  it.effect("speaks only when there is something to say", () =>
    Effect.gen(function*() {
      const chain = growBy(params, genesis, 10)
      const [a, b] = [yield* chainWith(chain), yield* chainWith(chain)]
      const { ends } = yield* connect(a, b)
      yield* TestClock.adjust("10 minutes")
      for (const { sent } of ends) {
        assert.deepStrictEqual(sent.map((bytes) => decodeMessage(bytes)._tag), ["Hello", "Announce"])
      }
    }))
})

/** The other end of a session, by hand: announces a chain, and answers what the test lets it. */
const scripted = (chain: HeaderChain, announced: Uint8Array) =>
  Effect.gen(function*() {
    const [mine, theirs] = yield* connectionPair()
    const run = yield* Effect.forkScoped(runAsNode(chain.session, mine))
    yield* theirs.send(encodeMessage({ _tag: "Hello", version: 1 }))
    yield* theirs.send(encodeMessage({
      _tag: "Announce",
      height: countOf(announced) - 1,
      work: BigInt(countOf(announced)) * workOfBits(params.limitBits),
      headers: headerAt(announced, countOf(announced) - 1)
    }))
    return { theirs, run }
  })

const requests = (end: PairEnd) =>
  Effect.gen(function*() {
    let count = 0
    while (true) {
      const message = yield* end.tryReceive
      if (message._tag === "None") return count
      if (decodeMessage(message.value)._tag === "Get") count++
    }
  })

const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("several header sync sessions", () => {
  const chain = growBy(params, genesis, 3000)

  it.effect("fetch a range once, and hand over to another after the peer of the first falls silent", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const ours = yield* chainWith(genesis)
      const silent = yield* scripted(ours, chain)
      yield* settle
      const full = yield* chainWith(chain)
      const { ends } = yield* connect(ours, full)
      yield* settle
      assert.strictEqual(yield* requests(silent.theirs), 1)
      assert.isFalse(ends[0].sent.some((bytes) => decodeMessage(bytes)._tag === "Get"))
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual((yield* ours.tip).height, 0)
      yield* TestClock.adjust("1 millis")
      yield* ours.awaitHeight(3000)
      // The silent one costs nobody anything, and itself its session.
      assert.isUndefined(silent.run.pollUnsafe())
      yield* TestClock.adjust("55 seconds")
      assert.strictEqual((yield* Fiber.join(silent.run))?._tag, "HeaderSyncStalled")
    }))

  it.effect("hand over at once when the session that fetches ends", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const ours = yield* chainWith(genesis)
      const silent = yield* scripted(ours, chain)
      yield* settle
      yield* connect(ours, yield* chainWith(chain))
      yield* settle
      yield* silent.theirs.close
      yield* ours.awaitHeight(3000)
    }))

  it.effect("bring a network of many nodes to the best chain, from one that has it", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const nodes = yield* Effect.all(
        Array.from({ length: 7 }, (_, i) => chainWith(i === 0 ? chain : upTo(chain, i * 100)))
      )
      for (const [i, a] of nodes.entries()) for (const b of nodes.slice(0, i)) yield* connect(a, b)
      yield* Effect.forEach(nodes, (node) => node.awaitHeight(3000), { concurrency: "unbounded" })
    }))
})

describe("a header chain and its disk", () => {
  it.effect("go on while the disk is full, say so, and catch up once there is room", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const disk = new MemoryDisk()
      const chain = growBy(params, genesis, 20)
      const ours = yield* chainWith(genesis, {}, disk)
      disk.full = true
      yield* ours.add(after(chain, 0))
      yield* TestClock.adjust("25 seconds")
      const { saved, saveFailure, tip } = yield* ours.progress
      assert.strictEqual(tip.height, 20)
      assert.strictEqual(saved, 0)
      assert.strictEqual(saveFailure?.reason, "full")
      disk.full = false
      yield* TestClock.adjust("10 seconds")
      yield* ours.saved
      assert.isUndefined((yield* ours.progress).saveFailure)
      assert.deepStrictEqual(disk.get(path), chain)
    }))

  it.effect("write what is left when the chain ends", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const disk = new MemoryDisk()
      const chain = growBy(params, genesis, 20)
      const scope = yield* Scope.make()
      const ours = yield* Scope.provide(chainWith(genesis, {}, disk), scope)
      yield* ours.add(after(chain, 0))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(disk.crash(() => 0).get(path), chain)
    }))

  it.effect("end within seconds although the disk answers no more", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const disk = new MemoryDisk()
      const scope = yield* Scope.make()
      const ours = yield* Scope.provide(chainWith(genesis, {}, disk), scope)
      disk.hangs = true
      yield* ours.add(after(growBy(params, genesis, 1), 0))
      yield* settle
      const closing = yield* Effect.forkScoped(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      assert.isDefined(closing.pollUnsafe())
    }))

  it.effect("resume after a kill at any moment of a sync, and end with the whole chain", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10_000_000_000)
      const chain = growBy(params, genesis, 4500)
      let disk = new MemoryDisk()
      let state = 7
      const random = () => (state = (state * 16807) % 2147483647) / 2147483647
      let kills = 0
      for (let height = -1; height < 4500; kills++) {
        // Every start gets one write further than the last.
        disk.dieAt = Math.floor(kills / 2)
        const life = Effect.scoped(Effect.gen(function*() {
          const ours = yield* chainWith(new Uint8Array(0), {}, disk)
          yield* connect(ours, yield* chainWith(chain))
          yield* ours.awaitHeight(4500)
          yield* ours.saved
        }))
        const killed = Effect.repeat(Effect.yieldNow, { until: () => disk.writes > disk.dieAt })
        yield* Effect.exit(Effect.raceFirst(life, killed))
        disk = disk.crash(random)
        // Never fails: whatever was torn, a start finds a whole chain.
        const found = yield* Effect.scoped(
          Effect.flatMap(chainWith(new Uint8Array(0), {}, disk), (ours) => ours.headers(0, 9999))
        )
        assert.deepStrictEqual(found, chain.slice(0, found.length))
        height = countOf(found) - 1
      }
      assert.isTrue(kills > 3)
    }))
})
