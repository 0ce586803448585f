/** The public entry as a program uses it. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { ConnectionPool, fromAsync, Identity, ListenFailed, P2p, p2pNode, type P2pSession } from "../../src/index.ts"

const chain = (name: string) => ({ network: "devnet", name, genesis: "0".repeat(64) })
const loopback = ["/ip4/127.0.0.1/tcp/0"]

describe("P2p.layer", () => {
  it.live("carries the nodes of two chains over one link to a peer", () =>
    Effect.gen(function*() {
      // Each process builds it once, in a scope of its own.
      const process = (bootstrap: ReadonlyArray<string>) =>
        Layer.build(Layer.fresh(P2p.layer({ listen: loopback, bootstrap })))
      const there = yield* process([])
      const { addresses } = yield* ConnectionPool.pipe(Effect.provideContext(there))
      const { self } = yield* Identity.pipe(Effect.provideContext(there))
      const here = yield* process(addresses.map((address) => `${address}/p2p/${self}`))
      const heard = { one: yield* Deferred.make<string>(), two: yield* Deferred.make<string>() }
      const listening = (name: "one" | "two"): P2pSession<unknown> => (connection) =>
        Effect.flatMap(
          connection.receive,
          (message) => Deferred.succeed(heard[name], new TextDecoder().decode(message))
        )
      const greeting = fromAsync((connection) => connection.send(new TextEncoder().encode("hello")))
      yield* Effect.all([
        p2pNode({ chain: chain("one") }, listening("one")),
        p2pNode({ chain: chain("two") }, listening("two"))
      ], { concurrency: "unbounded" }).pipe(Effect.provideContext(there), Effect.forkScoped)
      yield* Effect.all([
        p2pNode({ chain: chain("one") }, greeting),
        p2pNode({ chain: chain("two") }, greeting)
      ], { concurrency: "unbounded" }).pipe(Effect.provideContext(here), Effect.forkScoped)
      assert.strictEqual(yield* Deferred.await(heard.one), "hello")
      assert.strictEqual(yield* Deferred.await(heard.two), "hello")
      const pool = yield* ConnectionPool.pipe(Effect.provideContext(there))
      assert.strictEqual(pool.links().size, 1)
    }))

  it.live("keeps the name that its key gives, and takes another without one", () =>
    Effect.gen(function*() {
      const nameOf = (key?: Uint8Array) =>
        Identity.pipe(
          Effect.map(({ self }) => self),
          Effect.provide(Layer.fresh(P2p.layer({ listen: [], ...(key === undefined ? {} : { key }) })))
        )
      const key = new Uint8Array(32).fill(7)
      assert.strictEqual(yield* nameOf(key), yield* nameOf(key))
      assert.notStrictEqual(yield* nameOf(), yield* nameOf())
    }))

  it.live("fails with the address on which it can't listen", () =>
    Effect.gen(function*() {
      const first = yield* Layer.build(Layer.fresh(P2p.layer({ listen: loopback })))
      const { addresses } = yield* ConnectionPool.pipe(Effect.provideContext(first))
      const error = yield* Effect.flip(Layer.build(Layer.fresh(P2p.layer({ listen: addresses }))))
      assert.instanceOf(error, ListenFailed)
      assert.strictEqual(error.reason, "in-use")
      assert.strictEqual(error.address, addresses[0])
    }))
})
