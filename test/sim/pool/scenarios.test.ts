import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { type Chain, ListenFailed } from "../../../signatures/index.ts"
import { inprocess, type InprocessWorld } from "../../support/inprocess.ts"
import { type PoolHost, poolHost } from "../../support/poolHost.ts"

const chain = (name: string): Chain => ({ network: "test", name, genesis: "00" })

const knowing = (hosts: ReadonlyArray<PoolHost>) => {
  for (const host of hosts) {
    for (const other of hosts) if (other !== host) host.knows(other, other.pool.addresses)
  }
}
const hostOf = (world: InprocessWorld, n: number) => world.hosts[n] ?? assert.fail("not so many hosts")

describe("pools in a simulated network", () => {
  it("let a peer that was killed unnoticed and restarted back in, on the link that answers", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const a = yield* poolHost(hostOf(world, 0))
      const before = yield* poolHost(hostOf(world, 1), { pool: { closeTimeout: "10 millis" } })
      knowing([a, before])
      const { link } = yield* a.pool.lease(before.peer, chain("alpha"))
      yield* before.until(() => before.pool.links().has(a.peer))
      yield* world.network.kill(hostOf(world, 1), { noticedAfter: "1 hour" })
      const after = yield* poolHost(yield* world.network.restart(hostOf(world, 1)))
      knowing([a, after])
      const back = yield* after.pool.lease(a.peer, chain("alpha"))
      yield* link.ended
      assert.isTrue(after.attendance.live.has(back.link))
      yield* Effect.sleep("1 minute")
      assert.strictEqual(a.attendance.live.size, 1)
      assert.strictEqual(a.pool.links().get(after.peer)?.direction, "inbound")
      assert.deepStrictEqual(a.chargesOf("LinkLost"), [])
    })))

  it("come down to one link per pair when all dial all at once, and nobody is charged", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(6)
      const hosts = yield* Effect.forEach(world.hosts, (host) => poolHost(host))
      knowing(hosts)
      const leases = hosts.flatMap((host) =>
        hosts.filter((other) => other !== host).map((other) => host.pool.lease(other.peer, chain("alpha")))
      )
      yield* Effect.all(leases, { concurrency: "unbounded" })
      yield* Effect.sleep("10 seconds")
      for (const host of hosts) {
        assert.strictEqual(host.pool.links().size, 5)
        assert.strictEqual(host.attendance.live.size, 5)
        assert.deepStrictEqual(host.charges.filter(({ _tag }) => _tag !== "LinkUp" && _tag !== "LinkDown"), [])
      }
    })))

  it("give a dial up after five seconds when nobody answers", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const [a, b] = [yield* poolHost(hostOf(world, 0)), yield* poolHost(hostOf(world, 1))]
      knowing([a, b])
      yield* world.network.freeze(hostOf(world, 1))
      const before = yield* Clock.currentTimeMillis
      const failed = yield* Effect.flip(a.pool.lease(b.peer, chain("alpha")))
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 5_000)
      assert.deepStrictEqual(failed.dials.map(({ reason }) => reason), ["timeout"])
      assert.deepStrictEqual(a.charges.map(({ _tag }) => _tag), ["DialFailed", "Unreachable"])
    })))

  it("start the next address in time, though something later was waited for before", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(3)
      const [a, b, c] = yield* Effect.forEach(world.hosts, (host) => poolHost(host))
      if (a === undefined || b === undefined || c === undefined) return assert.fail("three hosts")
      knowing([a, b])
      const idle = yield* a.pool.lease(b.peer, chain("alpha"))
      idle.release()
      yield* world.network.freeze(hostOf(world, 1))
      a.knows(c, [...b.pool.addresses, ...c.pool.addresses])
      const before = yield* Clock.currentTimeMillis
      yield* a.pool.lease(c.peer, chain("alpha"))
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 500)
    })))

  it("end within their deadline though the peer neither answers nor closes", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const a = yield* poolHost(hostOf(world, 0))
      yield* Effect.scoped(Effect.gen(function*() {
        const b = yield* poolHost(hostOf(world, 1))
        knowing([a, b])
        yield* b.pool.lease(a.peer, chain("alpha"))
        yield* world.network.freeze(hostOf(world, 0))
      })).pipe(Effect.timeout("10 seconds"))
    })))

  it("do nothing while nothing happens", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const [a, b] = [yield* poolHost(hostOf(world, 0)), yield* poolHost(hostOf(world, 1))]
      knowing([a, b])
      const { link } = yield* a.pool.lease(b.peer, chain("alpha"))
      yield* Effect.sleep("1 second")
      assert.strictEqual(b.pool.links().size, 1)
      let changes = 0
      yield* a.pool.watch(() => void changes++)
      yield* b.pool.watch(() => void changes++)
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(changes, 0)
      assert.isTrue(a.attendance.live.has(link))
    })))

  it("tell links that come and go from leases on those that stay", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const a = yield* poolHost(hostOf(world, 0), { pool: { linger: "1 second" } })
      const b = yield* poolHost(hostOf(world, 1))
      knowing([a, b])
      const told: Array<string> = []
      yield* a.pool.watch((what) => void told.push(`${what} ${a.pool.links().size}`))
      const first = yield* a.pool.lease(b.peer, chain("alpha"))
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(told.splice(0), ["links 1"])
      const second = yield* a.pool.lease(b.peer, chain("beta"))
      first.release()
      second.release()
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(told.splice(0), ["leases 1", "leases 1", "leases 1"])
      yield* second.link.ended
      yield* a.until(() => a.pool.links().size === 0)
      assert.deepStrictEqual(new Set(told), new Set(["links 0"]))
    })))

  it("work without anybody who speaks on their links", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const a = yield* poolHost(hostOf(world, 0), { attended: false, pool: { linger: "1 second" } })
      const b = yield* poolHost(hostOf(world, 1), { attended: false })
      knowing([a, b])
      const lease = yield* a.pool.lease(b.peer, chain("alpha"))
      lease.release()
      yield* lease.link.ended
      yield* b.until(() => b.pool.links().size === 0)
    })))

  it("tell an attendant that comes late of the links that are up", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(2)
      const a = yield* poolHost(hostOf(world, 0), { attended: false })
      const b = yield* poolHost(hostOf(world, 1))
      knowing([a, b])
      const { link } = yield* a.pool.lease(b.peer, chain("alpha"))
      yield* Effect.scoped(a.pool.attend(a.attendance.attendant))
      assert.deepStrictEqual(a.attendance.links, [link])
      // With its scope the links end too, in order.
      yield* b.until(() => b.pool.links().size === 0)
      assert.deepStrictEqual(b.attendance.goodbyes, ["shutdown"])
    })))

  it("fail to start with the address that is in use", () =>
    inprocess.run(Effect.gen(function*() {
      const world = yield* inprocess.world(1)
      const taken = hostOf(world, 0)
      yield* poolHost(taken)
      const twin = yield* world.network.host({ addresses: taken.addresses })
      const failed = yield* Effect.flip(poolHost(twin))
      assert.instanceOf(failed, ListenFailed)
    })))
})
