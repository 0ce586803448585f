import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type ChainHost, Chains } from "../../../chains/index.ts"
import {
  type Chain,
  chainId,
  ConnectionClosed,
  type ConnectionFailed,
  type P2pSession,
  PeerBook
} from "../../../signatures/index.ts"
import { FakeNet, introduce } from "../node/FakeNet.ts"
import { idle, witness } from "../node/town.ts"
import { peerId, testChain } from "../node/world.ts"

const alpha = testChain
const beta: Chain = { ...alpha, name: "beta" }

/** Hosts that know each other, without chains. */
const hosts = Effect.fnUntraced(function*(n: number) {
  const net = new FakeNet(yield* Effect.context<never>())
  const all: Array<ChainHost> = []
  for (let i = 0; i < n; i++) {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) =>
      Effect.gen(function*() {
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(closing)
      }))
    const services = yield* Layer.build(Layer.provideMerge(Chains.layer, net.services(i))).pipe(Scope.provide(scope))
    introduce(Context.get(services, PeerBook), Array.from({ length: n }, (_, k) => k).filter((k) => k !== i))
    all.push(Context.get(services, Chains))
  }
  return { net, all }
}, Random.withSeed("hosts"))

const pair = Effect.map(hosts(2), ({ all: [first, second], net }) => {
  if (first === undefined || second === undefined) throw new Error("there are two")
  return { net, first, second }
})

describe("a chain host", () => {
  it.effect("runs a node for each chain, and tells which", () =>
    Effect.gen(function*() {
      const { first, second } = yield* pair
      for (const chain of [alpha, beta]) {
        yield* first.add({ chain }, idle)
        yield* second.add({ chain }, idle)
      }
      yield* TestClock.adjust("2 seconds")
      const list = yield* first.list
      assert.deepStrictEqual(list.map(({ chain, isLeaving }) => [chain.name, isLeaving]), [
        ["alpha", false],
        ["beta", false]
      ])
      for (const { node } of list) assert.strictEqual((yield* node.sessions).length, 1)
      assert.strictEqual((yield* first.get("beta")).chain, beta)
    }))

  it.effect("refuses a chain twice, and two chains of one name", () =>
    Effect.gen(function*() {
      const { first } = yield* pair
      yield* first.add({ chain: alpha }, idle)
      const twice = yield* Effect.flip(first.add({ chain: { ...alpha } }, idle))
      assert.deepInclude(twice, { _tag: "ChainRefused", reason: "already-added" })
      assert.include(twice.message, "alpha")
      const taken = yield* Effect.flip(first.add({ chain: { ...alpha, genesis: "01" } }, idle))
      assert.deepInclude(taken, { _tag: "ChainRefused", reason: "name-taken" })
      const missing = yield* Effect.flip(first.remove("gamma"))
      assert.deepInclude(missing, { _tag: "ChainMissing", name: "gamma", running: ["alpha"] })
    }))

  it.effect("lets one of many that add the same chain at once do so", () =>
    Effect.gen(function*() {
      const { first } = yield* pair
      const add = Effect.result(first.add({ chain: alpha }, idle))
      const results = yield* Effect.all([add, add, add], { concurrency: "unbounded" })
      assert.strictEqual(results.filter(({ _tag }) => _tag === "Success").length, 1)
    }))

  it.effect("removes a chain by draining it, and other chains notice nothing", () =>
    Effect.gen(function*() {
      const { first, net, second } = yield* pair
      const end = Deferred.makeUnsafe<ConnectionClosed | ConnectionFailed>()
      const other = yield* first.add({ chain: beta }, idle)
      yield* second.add({ chain: beta }, idle)
      yield* first.add({ chain: alpha }, idle)
      yield* second.add({ chain: alpha }, witness(end))
      yield* TestClock.adjust("2 seconds")
      const before = yield* other.sessions
      const removals = yield* Effect.forkChild(
        Effect.all([first.remove("alpha"), first.remove("alpha")], { concurrency: 2 })
      )
      yield* Effect.yieldNow
      const again = yield* Effect.flip(first.add({ chain: alpha }, idle))
      assert.deepInclude(again, { _tag: "ChainRefused", reason: "leaving" })
      assert.isTrue((yield* first.get("alpha")).isLeaving)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(removals)
      assert.deepStrictEqual(yield* Deferred.await(end), new ConnectionClosed({ by: "remote", code: "draining" }))
      assert.deepStrictEqual((yield* first.list).map(({ chain }) => chain.name), ["beta"])
      assert.isFalse(net.serving.has(`${peerId(0)} ${chainId(alpha)}`))
      assert.strictEqual(before.length, 1)
      assert.deepStrictEqual(yield* other.sessions, before)
      yield* first.add({ chain: alpha }, idle)
    }))

  it.effect("goes on removing though the caller is interrupted", () =>
    Effect.gen(function*() {
      const { first } = yield* pair
      yield* first.add({ chain: alpha }, idle)
      const removal = yield* Effect.forkChild(first.remove("alpha"), { startImmediately: true })
      yield* Fiber.interrupt(removal)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* first.list, [])
    }))

  it.effect("keeps nothing of a chain whose config is wrong", () =>
    Effect.gen(function*() {
      const { first } = yield* pair
      const exit = yield* Effect.exit(first.add({ chain: alpha, sessionCount: 0 }, idle))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* first.list, [])
      yield* first.add({ chain: alpha }, idle)
    }))

  it.effect("shuts its chains down side by side", () =>
    Effect.gen(function*() {
      const net = new FakeNet(yield* Effect.context<never>())
      const scope = yield* Scope.make()
      const slow: P2pSession = ({ receive }) =>
        Effect.ensuring(Effect.forever(receive), Effect.sleep("4 seconds")).pipe(Effect.ignore)
      const build = (i: number) =>
        Effect.gen(function*() {
          const services = yield* Layer.build(Layer.provideMerge(Chains.layer, net.services(i)))
          introduce(Context.get(services, PeerBook), [1 - i])
          const host = Context.get(services, Chains)
          for (const name of ["a", "b", "c", "d"]) yield* host.add({ chain: { ...alpha, name } }, slow)
          return host
        }).pipe(Scope.provide(scope))
      const host = yield* build(0)
      yield* build(1)
      yield* TestClock.adjust("2 seconds")
      for (const { node } of yield* host.list) assert.strictEqual((yield* node.sessions).length, 1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual(net.serving.size, 0)
    }))
})
