/** The book on a simulated disk, that is torn by crashes, runs full, and holds what nobody wrote. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Logger, type Scope } from "effect"
import * as fc from "fast-check"
import { type SimulatedHost } from "../../../inprocess/index.ts"
import { type Chain, Disk, monotonicMillis, PeerBook, PeerId } from "../../../signatures/index.ts"
import { layerStoredPeerBook } from "../../../src/peers/index.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { addressOf } from "./book.ts"

const inprocess = inprocessBackend(3)
const path = "data/peers.book"
const chain: Chain = { network: "test", name: "alpha", genesis: "00" }
const peers = Array.from("ABCDEFGHJK", (letter) => PeerId.make(`1Peer${letter}`))
const learn = (book: PeerBook["Service"], n: number) =>
  book.learn({ peer: peers[n] ?? assert.fail("a peer"), sequence: 1n, addresses: [addressOf(n)] }, "info")
const known = (book: PeerBook["Service"]) => book.all().map(({ peer }) => peers.indexOf(peer)).toSorted()

/** The book of one process; ends with the scope, in order. */
const open = Effect.fnUntraced(function*(
  host: SimulatedHost,
  logs: Array<string> = []
): Effect.fn.Return<PeerBook["Service"], never, Scope.Scope> {
  const layer = layerStoredPeerBook(path).pipe(
    Layer.provide(Layer.succeedContext(host.services)),
    Layer.provide(Logger.layer([Logger.make(({ message }) => void logs.push(String(message)))]))
  )
  return Context.get(yield* Layer.build(Layer.fresh(layer)), PeerBook)
})

const world = Effect.map(inprocess.world(1), ({ hosts: [host], network }) => ({
  host: host ?? assert.fail("a host"),
  network
}))

/** What is written on a disk, as if by nobody. */
const put = (host: SimulatedHost, bytes: Uint8Array) => Context.get(host.services, Disk).replace(path, bytes)

/** When the book is written from now on, in milliseconds since then. */
const watchWrites = (host: SimulatedHost) =>
  Effect.map(monotonicMillis, (clock) => {
    const began = clock()
    const now = () => clock() - began
    const at: Array<number> = []
    host.disk.refuse = (operation) => {
      if (operation === "replace") at.push(now())
      return undefined
    }
    return { at, now }
  })

describe("a book in a file", () => {
  it("is written a second after news, and then at most every five", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      const book = yield* open(host)
      const { at } = yield* watchWrites(host)
      for (let i = 0; i < 100; i++) {
        learn(book, i % peers.length)
        yield* Effect.sleep("100 millis")
        book.ban(peers[0] ?? assert.fail("a peer"), Duration.hours(i + 1))
      }
      assert.isAtLeast(at.length, 2)
      assert.isAtMost(at.length, 3)
      assert.isAtMost(at[0] ?? Infinity, 1_010)
      yield* Effect.sleep("20 seconds")
      const written = at.length
      yield* Effect.sleep("1 hour")
      assert.strictEqual(at.length, written, "nothing is written while nothing changes")
    })))

  it("is written every thirty seconds at most while nothing changes but how it went, and for news as soon as ever", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      const book = yield* open(host)
      const peer = peers[1] ?? assert.fail("a peer")
      const link = { peer, address: addressOf(1), direction: "outbound" } as const
      const succeeds = () => {
        book.record({ _tag: "LinkUp", ...link })
        book.record({ _tag: "LinkDown", ...link })
      }
      learn(book, 1)
      succeeds()
      yield* Effect.sleep("1 minute")
      const { at, now } = yield* watchWrites(host)
      for (let i = 0; i < 60; i++) {
        succeeds()
        yield* Effect.sleep("1 second")
      }
      assert.strictEqual(at.length, 2)
      assert.isAtLeast((at[1] ?? 0) - (at[0] ?? 0), 29_000)
      yield* Effect.sleep("6 seconds")
      book.ban(peers[2] ?? assert.fail("a peer"), Duration.hours(1))
      const bannedAt = now()
      yield* Effect.sleep("6 seconds")
      assert.isAtMost((at.at(-1) ?? 0) - bannedAt, 1_010)
      assert.isAbove(at.at(-1) ?? 0, bannedAt)
    })))

  it("is there after a restart in order, however short the process was", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      yield* Effect.scoped(Effect.map(open(host), (book) => {
        learn(book, 1)
        book.ban(peers[2] ?? assert.fail("a peer"), Duration.hours(1))
      }))
      yield* Effect.sleep("10 minutes")
      const book = yield* open(host)
      assert.deepStrictEqual(known(book), [1])
      const standing = book.standing(peers[2] ?? assert.fail("a peer"), chain)
      assert.strictEqual(standing._tag, "Banned")
      assert.strictEqual(
        book.peer(peers[1] ?? assert.fail("a peer")).pipe((facts) =>
          facts._tag === "Some" ? facts.value.remembered : undefined
        ),
        "peer"
      )
    })))

  it("loses at most the last few seconds when the power fails, whenever that is", () => {
    const times = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: peers.length, maxLength: peers.length })
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 25_000 }), fc.nat(1_000_000), (at, crashAt, seed) => {
        inprocess.runSync(
          Effect.gen(function*() {
            const { host, network } = yield* world
            const logs: Array<string> = []
            const life = Effect.scoped(Effect.gen(function*() {
              const book = yield* open(host)
              yield* Effect.forEach(
                at,
                (time, n) => Effect.andThen(Effect.sleep(time), Effect.sync(() => learn(book, n))),
                { concurrency: "unbounded" }
              )
              return yield* Effect.never
            }))
            yield* Effect.raceFirst(life, Effect.andThen(Effect.sleep(crashAt), network.restart(host)))
            const [again = host] = yield* network.hosts
            const book = yield* open(again, logs)
            const sure = at.flatMap((time, n) => time <= crashAt - 7_000 ? [n] : [])
            assert.includeMembers(known(book), sure)
            assert.deepStrictEqual(logs, [])
          }),
          { seed }
        )
      }),
      { numRuns: 50 }
    )
  })

  it("is set aside when it is damaged, with a word that says where it is", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      for (const bytes of [new Uint8Array(0), new Uint8Array(5000).fill(7)]) {
        yield* put(host, bytes).pipe(Effect.orDie)
        const logs: Array<string> = []
        yield* Effect.scoped(Effect.map(open(host, logs), (book) => {
          assert.deepStrictEqual(known(book), [])
          learn(book, 3)
        }))
        assert.match(logs.join(), /data\/peers\.book is damaged: it is kept as data\/peers\.book\.damaged-\d/)
        assert.deepStrictEqual(yield* Effect.scoped(Effect.map(open(host), known)), [3])
      }
      assert.includeMembers([...host.disk.files().keys()], [path, `${path}.damaged-1`, `${path}.damaged-2`])
    })))

  it("is set aside when another version wrote it", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      yield* put(host, new TextEncoder().encode("chain-p2p peer book 2 of the future\n")).pipe(Effect.orDie)
      const logs: Array<string> = []
      yield* Effect.scoped(open(host, logs))
      assert.match(logs.join(), /was written by another version: it is kept as/)
    })))

  it("goes on in memory while the disk can't be written, complains once, and is written when it can", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      const logs: Array<string> = []
      yield* Effect.scoped(Effect.gen(function*() {
        const book = yield* open(host, logs)
        host.disk.refuse = (operation) => operation === "replace" ? "full" : undefined
        learn(book, 1)
        yield* Effect.sleep("5 minutes")
        learn(book, 2)
        yield* Effect.sleep("4 minutes")
        assert.deepStrictEqual(known(book), [1, 2])
        assert.strictEqual(logs.length, 1)
        assert.match(logs.join(), /can't be written.*data\/peers\.book: the disk is full/)
        yield* Effect.sleep("2 minutes")
        assert.strictEqual(logs.length, 2, "it is said again now and then")
        host.disk.refuse = () => undefined
        yield* Effect.sleep("31 seconds")
        assert.isTrue(host.disk.files().has(path))
      }))
      assert.deepStrictEqual(yield* Effect.scoped(Effect.map(open(host), known)), [1, 2])
    })))

  it("that can't be read is set aside, and if that fails too the node starts all the same", () =>
    inprocess.run(Effect.gen(function*() {
      const { host } = yield* world
      yield* Effect.scoped(Effect.map(open(host), (book) => learn(book, 1)))
      const logs: Array<string> = []
      host.disk.refuse = (operation) => operation === "read" ? "io" : undefined
      yield* Effect.scoped(Effect.map(open(host, logs), known))
      assert.match(logs.join(), /can't be read .* kept as/)
      logs.length = 0
      host.disk.refuse = () => "denied"
      yield* Effect.scoped(Effect.map(open(host, logs), (book) => {
        learn(book, 1)
        assert.deepStrictEqual(known(book), [1])
      }))
      assert.match(logs.join(), /can't be put aside/)
    })))
})
