import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import type { Chain, ControlEvent } from "../../../signatures/index.ts"
import { frame } from "../../../src/wire/frames.ts"
import { alice, bob, chainOf, duo } from "./duo.ts"
import { announced, listen, settled, start } from "./hosts.ts"
import { bobAndStranger, info, serve, stranger } from "./stranger.ts"

const [a, b, c] = [chainOf("a"), chainOf("b"), chainOf("c")]

/** All that a peer was said to serve. */
const chainsOf = (heard: ReadonlyArray<ControlEvent>): ReadonlyArray<Chain> =>
  heard.flatMap((event) => event._tag === "Info" ? event.chains : event._tag === "Chains" ? event.added : [])

describe("the control stream", () => {
  it.effect("tells who we are and which chains we serve, of which the peer recognises its own; never private ones", () =>
    Effect.gen(function*() {
      const pools = duo()
      const alices = yield* start(pools.alice)
      yield* serve(alices, a)
      yield* serve(alices, b, { private: true })
      const bobs = yield* start(pools.bob)
      yield* Effect.forEach([a, b, c], (chain) => serve(bobs, chain))
      const heard = yield* listen(bobs)
      yield* announced
      const info = heard.find((event) => event._tag === "Info")
      assert.deepInclude(info, { peer: alice, record: new TextEncoder().encode(`record of ${alice}`) })
      assert.deepStrictEqual(chainsOf(heard), [a])
      // One who listens later hears it first.
      const later = yield* listen(bobs)
      yield* settled
      assert.deepStrictEqual(later.map(({ _tag }) => _tag), ["Info"])
      assert.deepStrictEqual(chainsOf(later), [a])
    }))

  it.effect("renews our record once a day, and tells connected peers of it", () =>
    Effect.gen(function*() {
      const pools = duo()
      const rare = { pingInterval: "1 hour", silence: "3 hours" } as const
      yield* start(pools.alice, rare)
      const bobs = yield* start(pools.bob, rare)
      yield* serve(bobs, a)
      const heard = yield* listen(bobs)
      yield* announced
      for (const expected of [1, 2, 3]) {
        assert.strictEqual(heard.length, expected)
        for (let hour = 0; hour < 24; hour++) {
          assert.strictEqual(heard.length, expected)
          yield* TestClock.adjust("1 hour")
          yield* announced
        }
      }
      assert.deepStrictEqual(heard.map((event) => event._tag === "Info" ? [event.peer, event.chains] : []), [
        [alice, []],
        [alice, []],
        [alice, []],
        [alice, []]
      ])
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("takes no more renewals than a peer may say, as each is dear to check", () =>
    Effect.gen(function*() {
      const { host, peer, pools } = yield* bobAndStranger
      const heard = yield* listen(host)
      peer.say(info)
      for (let n = 0; n < 100; n++) peer.say({ type: "renewal", record: Uint8Array.of(1, n) })
      yield* settled
      assert.isAtMost(heard.length, 10)
      assert.deepStrictEqual(pools.bob.dead, ["violation"])
    }))

  it.effect("tells connected peers at once of chains that come and go", () =>
    Effect.gen(function*() {
      const pools = duo()
      const alices = yield* start(pools.alice)
      const bobs = yield* start(pools.bob)
      yield* serve(bobs, a)
      const heard = yield* listen(bobs)
      const scope = yield* Scope.make()
      yield* Scope.provide(serve(alices, a), scope)
      yield* announced
      yield* Scope.close(scope, Exit.void)
      yield* announced
      assert.deepStrictEqual(heard.slice(1), [
        { _tag: "Chains", peer: alice, added: [a], removed: [] },
        { _tag: "Chains", peer: alice, added: [], removed: [a] }
      ])
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("gathers what changes again and again, and says no more than a peer takes after twelve silent seconds", () =>
    Effect.gen(function*() {
      const { host, peer, pools } = yield* bobAndStranger
      peer.say(info)
      const deltas = () => peer.heard.filter((type) => type === "chains").length
      for (let i = 0; i < 550; i++) {
        const scope = yield* Scope.make()
        yield* Scope.provide(serve(host, chainOf(`c${i}`)), scope)
        yield* Scope.provide(serve(host, chainOf(`d${i}`)), scope)
        yield* TestClock.adjust("20 millis")
        yield* settled
        if (i < 10) assert.isAbove(deltas(), i)
        yield* Scope.close(scope, Exit.void)
      }
      assert.isAbove(deltas(), 200)
      assert.isBelow(deltas(), 330)
      assert.deepStrictEqual(pools.bob.dead, [])
    }))

  it.effect("recognises a chain that we begin to serve later", () =>
    Effect.gen(function*() {
      const pools = duo()
      const alices = yield* start(pools.alice)
      yield* serve(alices, a)
      const bobs = yield* start(pools.bob)
      const heard = yield* listen(bobs)
      yield* announced
      yield* serve(bobs, a)
      yield* settled
      assert.deepStrictEqual(heard.slice(1), [{ _tag: "Chains", peer: alice, added: [a], removed: [] }])
    }))

  it.effect("tells thousands of chains in messages that fit, without being taken for a flood", () =>
    Effect.gen(function*() {
      const pools = duo()
      const alices = yield* start(pools.alice)
      const chains = Array.from({ length: 4000 }, (_, i) => chainOf(`c${i}`))
      for (const chain of chains) yield* serve(alices, chain)
      const bobs = yield* start(pools.bob)
      const wanted = [chains[0], chains[3999]].flatMap((chain) => chain === undefined ? [] : [chain])
      yield* Effect.forEach(wanted, (chain) => serve(bobs, chain))
      const heard = yield* listen(bobs)
      yield* announced
      assert.deepStrictEqual(chainsOf(heard), wanted)
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("says goodbye on every link when its layer is released, and waits a second at most", () =>
    Effect.gen(function*() {
      const pools = duo()
      const scope = yield* Scope.make()
      yield* Scope.provide(start(pools.alice), scope)
      const peer = stranger(pools.bob.link.raw("/chain-p2p/1"))
      assert.deepStrictEqual(peer.heard, [])
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* settled
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
    }))

  it.effect("that ends while the link lives makes the link dead, a second later", () =>
    Effect.gen(function*() {
      const pools = duo()
      yield* start(pools.bob)
      const stream = pools.alice.link.raw("/chain-p2p/control/1")
      stranger(stream).say(info)
      yield* settled
      stream.abort()
      yield* settled
      assert.deepStrictEqual(pools.bob.dead, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(pools.bob.dead, ["silent"])
    }))

  it.effect("ignores messages of later versions", () =>
    Effect.gen(function*() {
      const { pools, peer } = yield* bobAndStranger
      peer.say({ ...info, version: 7, more: [1, { x: null }] })
      peer.say({ type: "rumours", records: [Uint8Array.of(1)] })
      peer.say({ type: "ping", id: 3, more: true })
      yield* settled
      assert.deepStrictEqual([pools.bob.dead, peer.ids], [[], [3]])
    }))

  const wrong: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    ["a message before the info", [{ type: "ping", id: 1 }]],
    ["a second info", [info, info]],
    ["a salt of a wrong length", [{ ...info, salt: new Uint8Array(15) }]],
    ["a chain of a wrong length", [{ ...info, chains: [new Uint8Array(31)] }]],
    ["a ping without an id", [info, { type: "ping" }]],
    ["a ping with a fraction for an id", [info, { type: "ping", id: 0.5 }]],
    ["a pong to no ping", [info, { type: "pong", id: 9 }]],
    ["a goodbye for no known reason", [info, { type: "goodbye", reason: "boredom" }]],
    ["something that is no map", [info, [1, 2]]],
    ["a message without a type", [info, { id: 1 }]],
    [
      "more bytes than anybody needs",
      [info, ...Array.from({ length: 40 }, () => ({ type: "rumours", more: new Uint8Array(60_000) }))]
    ],
    ["more messages than anybody needs", [info, ...Array.from({ length: 520 }, (_, id) => ({ type: "ping", id }))]]
  ]
  it.effect.each(wrong)("takes %s for a violation", ([, messages]) =>
    Effect.gen(function*() {
      const { pools, peer } = yield* bobAndStranger
      for (const message of messages) peer.say(message)
      yield* settled
      assert.deepStrictEqual(pools.bob.dead, ["violation"])
      // The pool says goodbye, then ends the link.
      const farewell = yield* Effect.forkChild(pools.bob.attendant().farewell(pools.bob.link, "banned"), {
        startImmediately: true
      })
      yield* settled
      assert.strictEqual(peer.heard.at(-1), "goodbye")
      pools.bob.link.abort()
      yield* Fiber.join(farewell)
    }))

  it.effect.each(
    [
      ["a second control stream", "alice"],
      ["a control stream of the one who was dialled", "bob"]
    ] as const
  )("takes %s for a violation", ([, who]) =>
    Effect.gen(function*() {
      const pools = duo()
      yield* start(pools.alice)
      yield* start(pools.bob)
      yield* settled
      pools[who].link.raw("/chain-p2p/control/1")
      yield* settled
      assert.deepStrictEqual(pools[who === "alice" ? "bob" : "alice"].dead, ["violation"])
      pools.alice.link.abort()
    }))

  it("never throws, whatever bytes come", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), fc.boolean(), (chunks, framed) =>
        Effect.runPromise(Effect.scoped(Effect.gen(function*() {
          const { pools, peer } = yield* bobAndStranger
          for (const chunk of chunks) {
            peer.bytes(framed ? frame(0, chunk) : chunk)
          }
          yield* settled
          assert.isAtMost(pools.bob.dead.length, 1)
          pools.bob.link.abort()
        })))),
      { numRuns: 100 }
    ))

  it.effect("is not opened by the one who was dialled", () =>
    Effect.gen(function*() {
      const pools = duo()
      yield* start(pools.bob)
      yield* settled
      assert.deepStrictEqual([pools.bob.link.streams.length, pools.bob.link.peer], [0, alice])
      assert.strictEqual(pools.alice.link.peer, bob)
      pools.bob.link.abort()
    }))
})
