import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Chain, type ConnectionLimits, Connections, Control, type PeerId } from "../../../signatures/index.ts"
import { alice, bob, chainOf, duo } from "./duo.ts"
import { announced, limits, settled, start } from "./hosts.ts"
import { bobAndStranger, info } from "./stranger.ts"

const record = (n: number, size = 3): Uint8Array => Uint8Array.from({ length: size }, () => n)

const both = Effect.gen(function*() {
  const pools = duo()
  const alices = yield* start(pools.alice)
  const bobs = yield* start(pools.bob)
  yield* announced
  return { pools, alices, bobs }
})

/** Asks, and lets the question arrive. */
const asking = (host: Context.Context<Control>, peer: PeerId) =>
  Effect.tap(Effect.forkChild(Context.get(host, Control).askPeers(peer), { startImmediately: true }), settled)

const ask = (host: Context.Context<Control>, peer: PeerId) => Effect.flatMap(asking(host, peer), Fiber.join)

/** Bob has asked a stranger. */
const strangerAsked = Effect.gen(function*() {
  const { host, peer, pools } = yield* bobAndStranger
  peer.say(info)
  yield* settled
  return { peer, pools, asked: yield* asking(host, alice) }
})

describe("a question for peers", () => {
  it.effect("is answered with the records that the other end gives, by either end of the link", () =>
    Effect.gen(function*() {
      const { alices, bobs } = yield* both
      const askers: Array<PeerId> = []
      const answerWith = (n: number) => (asker: PeerId) => {
        askers.push(asker)
        return [record(n), record(n + 1)]
      }
      yield* Context.get(bobs, Control).answerPeers(answerWith(10))
      yield* Context.get(alices, Control).answerPeers(answerWith(20))
      assert.deepStrictEqual(yield* ask(alices, bob), Option.some([record(10), record(11)]))
      assert.deepStrictEqual(yield* ask(bobs, alice), Option.some([record(20), record(21)]))
      assert.deepStrictEqual(askers, [alice, bob])
    }))

  it.effect("hears of nobody where nobody answers for the process", () =>
    Effect.gen(function*() {
      const { alices } = yield* both
      assert.deepStrictEqual(yield* ask(alices, bob), Option.some([]))
    }))

  it.effect("hears of eight at most, and of no more than fit into a message", () =>
    Effect.gen(function*() {
      const { alices, bobs, pools } = yield* both
      let size = 100
      yield* Context.get(bobs, Control).answerPeers(() => Array.from({ length: 20 }, (_, n) => record(n, size)))
      assert.lengthOf(Option.getOrThrow(yield* ask(alices, bob)), 8)
      size = 8 * 1024
      assert.lengthOf(Option.getOrThrow(yield* ask(alices, bob)), 7)
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("to a peer without a link is not asked", () =>
    Effect.gen(function*() {
      const { alices } = yield* both
      assert.deepStrictEqual(yield* ask(alices, "QmCCCC" as PeerId), Option.none())
    }))

  it.effect("is asked once at a time, and given up after ten seconds without an answer, to nobody's charge", () =>
    Effect.gen(function*() {
      const { host, peer, pools } = yield* bobAndStranger
      const control = Context.get(host, Control)
      // Before the stranger has said who it is, it isn't asked.
      assert.deepStrictEqual(yield* control.askPeers(alice), Option.none())
      peer.say(info)
      yield* settled
      const first = yield* Effect.forkChild(control.askPeers(alice), { startImmediately: true })
      assert.deepStrictEqual(yield* control.askPeers(alice), Option.none())
      for (let i = 0; i < 2; i++) {
        yield* settled
        peer.say({ type: "pong", id: 0 })
        yield* TestClock.adjust("5 seconds")
      }
      assert.deepStrictEqual(yield* Fiber.join(first), Option.none())
      assert.lengthOf(peer.heard.filter((type) => type === "get-peers"), 1)
      // What comes too late is not the answer to the next question.
      const again = yield* asking(host, alice)
      const ids = peer.messages.flatMap((message) => message.type === "get-peers" ? [message.id] : [])
      peer.say({ type: "peers", id: ids[0], records: [record(1)] })
      peer.say({ type: "peers", id: ids[1], records: [record(2)] })
      peer.say({ type: "peers", id: ids[1], records: [record(3)] })
      assert.deepStrictEqual(yield* Fiber.join(again), Option.some([record(2)]))
      assert.deepStrictEqual(pools.bob.dead, [])
    }))

  it.effect("ends without an answer when the link does", () =>
    Effect.gen(function*() {
      const { asked, pools } = yield* strangerAsked
      pools.alice.link.abort()
      assert.deepStrictEqual(yield* Fiber.join(asked), Option.none())
    }))

  it.effect("that is asked too often goes unheard for a while, and charges nobody", () =>
    Effect.gen(function*() {
      const { host, peer, pools } = yield* bobAndStranger
      yield* Context.get(host, Control).answerPeers(() => [record(1)])
      const answers = () => peer.messages.flatMap((message) => message.type === "peers" ? [message.id] : [])
      peer.say(info)
      for (let id = 1; id <= 50; id++) peer.say({ type: "get-peers", id })
      yield* settled
      assert.deepStrictEqual(answers(), [1, 2, 3, 4, 5, 6, 7, 8])
      yield* TestClock.adjust("1 second")
      peer.say({ type: "get-peers", id: 51 })
      yield* settled
      assert.strictEqual(answers().at(-1), 51)
      assert.deepStrictEqual(pools.bob.dead, [])
    }))

  it.effect.each([
    ["an answer to no question", { type: "peers", id: 2, records: [] }],
    ["nine records", { type: "peers", id: 1, records: Array.from({ length: 9 }, () => record(1)) }],
    ["a record of more than 8 KiB", { type: "peers", id: 1, records: [record(1, 8 * 1024 + 1)] }],
    ["an empty record", { type: "peers", id: 1, records: [new Uint8Array(0)] }],
    ["a question without an id", { type: "get-peers" }]
  ])("takes %s for a violation", ([, message]) =>
    Effect.gen(function*() {
      const { asked, peer, pools } = yield* strangerAsked
      peer.say(message)
      yield* settled
      assert.deepStrictEqual(pools.bob.dead, ["violation"])
      pools.bob.link.abort()
      assert.deepStrictEqual(yield* Fiber.join(asked), Option.none())
    }))
})

describe("a rejection", () => {
  const rejecting = (reason: "full" | "draining" | "banned", over: Partial<ConnectionLimits> = {}, size = 3) =>
    Effect.gen(function*() {
      const { alices, bobs, pools } = yield* both
      const asked: Array<readonly [PeerId, Chain | undefined]> = []
      yield* Context.get(bobs, Control).answerPeers((asker, chain) => {
        asked.push([asker, chain])
        return Array.from({ length: 8 }, (_, n) => record(n, n === 0 ? size : 3))
      })
      Context.get(bobs, Connections).serve(chainOf("a"), { ...limits, ...over }, () => ({
        reject: reason,
        retryAfter: Duration.zero
      }))
      const events: Array<unknown> = []
      yield* Effect.forkScoped(
        Context.get(alices, Control).events.pipe(
          Stream.runForEach((event) => Effect.sync(() => event._tag === "Alternatives" ? events.push(event) : 0))
        ),
        { startImmediately: true }
      )
      const error = yield* Effect.flip(Context.get(alices, Connections).open(bob, chainOf("a"), limits))
      yield* settled
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
      return { asked, events, alternatives: error._tag === "Rejected" ? error.alternatives : [] }
    })

  it.effect.each(["full", "draining"] as const)(
    "for want of room (%s) names four peers to ask instead",
    (reason) =>
      Effect.gen(function*() {
        const { alternatives, asked, events } = yield* rejecting(reason)
        assert.deepStrictEqual(alternatives, [0, 1, 2, 3].map((n) => record(n)))
        assert.deepStrictEqual(asked, [[alice, chainOf("a")]])
        assert.deepStrictEqual(events, [{ _tag: "Alternatives", peer: bob, records: alternatives }])
      })
  )

  it.effect("leaves out records that are too long for it", () =>
    Effect.gen(function*() {
      const { alternatives } = yield* rejecting("full", {}, 2001)
      assert.deepStrictEqual(alternatives, [1, 2, 3, 4].map((n) => record(n)))
      const { alternatives: four } = yield* rejecting("full", {}, 2000)
      assert.strictEqual(four[0]?.length, 2000)
    }))

  it.effect("for another reason, or on a private chain, names nobody", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* rejecting("banned")).alternatives, [])
      const hidden = yield* rejecting("full", { private: true })
      assert.deepStrictEqual([hidden.alternatives, hidden.asked, hidden.events], [[], [], []])
    }))
})
