/** Header sync through whole nodes on a simulated network: with its links, sessions, disks, and what befalls them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { type Chain, Disk } from "../../../../signatures/index.ts"
import { type HeaderParams, headerSync } from "../../../../src/sessions/index.ts"
import { process } from "../../../laws/nodes.ts"
import type { Host } from "../../../support/Backend.ts"
import { after, countOf, easyParams, genesisOf, growBy, realChains } from "../../../support/headers.ts"
import { inprocess } from "../../../support/inprocess.ts"

interface Ledger {
  readonly chain: Chain
  readonly params: HeaderParams
}

const real = realChains().map((chain) => ({
  ...chain,
  chain: { network: "test", name: chain.name, genesis: chain.genesis }
}))
const easy: Ledger = { chain: { network: "test", name: "easy", genesis: "00" }, params: easyParams() }

/** Headers in a host's file before it starts. */
const copyTo = (host: Host, { chain }: Ledger, bytes: Uint8Array) =>
  Effect.flatMap(Disk, (disk) => Effect.andThen(disk.append(chain.name, bytes), disk.sync(chain.name))).pipe(
    Effect.provide(host.services)
  )

/** A process with one node per ledger. */
const start = Effect.fnUntraced(function*(host: Host, knows: ReadonlyArray<Host>, ledgers: ReadonlyArray<Ledger>) {
  const { node } = yield* process(host, knows)
  return yield* Effect.forEach(ledgers, ({ chain, params }) =>
    Effect.gen(function*() {
      const headers = yield* headerSync({ path: chain.name, params }).pipe(Effect.provide(host.services))
      yield* node({ chain, sessionCount: 3 }, headers.session)
      return headers
    }))
})

describe("header sync on a simulated network", () => {
  it("brings two real chains from one node to three others within seconds", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { hosts } = yield* inprocess.world(4, { latency: "20 millis" })
        const [source = assert.fail("there are four hosts")] = hosts
        for (const chain of real) yield* copyTo(source, chain, chain.bytes)
        const nodes = yield* Effect.forEach(hosts, (host) => start(host, hosts.filter((other) => other !== host), real))
        yield* Effect.all(
          nodes.flatMap((headers) =>
            headers.map((chain, i) =>
              Effect.map(chain.awaitHeight(9_999), ({ hash }) => assert.strictEqual(hash, real[i]?.tip))
            )
          ),
          { concurrency: "unbounded" }
        ).pipe(Effect.timeout("20 seconds"))
      }),
      { seed: 5 }
    ))

  it("agrees on the chain with most work after a partition in which both sides made headers", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { hosts, network } = yield* inprocess.world(4)
        const nodes = yield* Effect.forEach(
          hosts,
          (host) =>
            Effect.map(
              start(host, hosts.filter((other) => other !== host), [easy]),
              ([chain]) => chain ?? assert.fail()
            )
        )
        const [a = assert.fail(), b = assert.fail(), c = assert.fail(), d = assert.fail()] = nodes
        const trunk = growBy(easy.params, genesisOf(easy.params), 20)
        yield* a.add(after(trunk, 0))
        yield* Effect.forEach([b, c, d], (chain) => chain.awaitHeight(20))
        yield* network.partition(hosts.slice(0, 2))
        yield* a.add(after(growBy(easy.params, trunk, 10, 2), 20))
        yield* c.add(after(growBy(easy.params, trunk, 25, 3), 20))
        yield* Effect.all([b.awaitHeight(30), d.awaitHeight(45)])
        assert.strictEqual((yield* b.tip).height, 30)
        yield* network.heal
        const tips = yield* Effect.forEach([a, b, c, d], (chain) => chain.awaitHeight(45), { concurrency: "unbounded" })
        for (const { hash } of tips) assert.strictEqual(hash, tips[0]?.hash)
      }),
      { seed: 3 }
    ))

  it("resumes with a whole chain after power failures at any moment", () =>
    inprocess.run(
      Effect.gen(function*() {
        const world = yield* inprocess.world(2)
        const [source = assert.fail(), first = assert.fail()] = world.hosts
        const chain = growBy(easy.params, genesisOf(easy.params), 9_000)
        yield* copyTo(source, easy, chain)
        yield* start(source, [], [easy])
        let host = first
        let height = 0
        const lives = new Set<number>()
        for (let life = 1; height < 9_000; life++) {
          const scope = yield* Scope.make()
          yield* Effect.forkIn(Scope.provide(start(host, [source], [easy]), scope), scope)
          // Each life is a little longer than the one before, so that every stage of a sync is hit.
          yield* Effect.sleep(100 + life * 3)
          yield* world.network.kill(host)
          // Nothing of a dead process completes, so nobody waits for its end.
          yield* Effect.forkDetach(Scope.close(scope, Exit.void))
          host = yield* world.network.restart(first)
          const found = yield* Effect.scoped(
            headerSync({ path: easy.chain.name, params: easy.params }).pipe(
              Effect.flatMap((headers) => headers.headers(0, 9_999)),
              Effect.provide(host.services)
            )
          )
          assert.deepStrictEqual(found, chain.slice(0, found.length))
          assert.isTrue(countOf(found) - 1 >= height, "what was durable is lost")
          height = countOf(found) - 1
          lives.add(height)
        }
        assert.isTrue(lives.size > 3, "every life did nothing, or everything")
      }),
      { seed: 13 }
    ))
})
