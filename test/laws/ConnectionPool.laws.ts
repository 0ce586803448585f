/** What the pool does over any transport. Tests wait for events only; times that they must sit out are made short. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Latch, Scope } from "effect"
import { type Chain, ConnectionPool, type GoodbyeReason, isSmaller } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { type PoolHost, poolHost, type PoolHostOptions } from "../support/poolHost.ts"
import { process } from "./nodes.ts"

const chain = (name: string): Chain => ({ network: "test", name, genesis: "00" })
const [alpha, beta, gamma] = [chain("alpha"), chain("beta"), chain("gamma")]

const hasLink = (host: PoolHost, other: PoolHost) => () => host.pool.links().has(other.peer)
const hasNoLink = (host: PoolHost, other: PoolHost) => () => !host.pool.links().has(other.peer)
const names = (host: PoolHost, other: PoolHost) =>
  (host.pool.links().get(other.peer)?.chains ?? []).map(({ name }) => name).toSorted()

export const poolLaws = (backend: Backend): void => {
  const law = <A, E>(name: string, test: Effect.Effect<A, E, Scope.Scope>) =>
    it(`${backend.name}: ${name}`, () => backend.run(test))

  /** Hosts that know each other's addresses. */
  const town = Effect.fnUntraced(function*(...options: ReadonlyArray<PoolHostOptions>) {
    const world = yield* backend.world(options.length + 1)
    const hosts: Array<PoolHost> = []
    for (const [n, host] of world.hosts.slice(0, -1).entries()) hosts.push(yield* poolHost(host, options[n]))
    for (const host of hosts) {
      for (const other of hosts) if (other !== host) host.knows(other, other.pool.addresses)
    }
    const at = (n: number): PoolHost => hosts[n] ?? assert.fail("not so many hosts")
    return {
      at,
      /** One who doesn't listen, and whom nobody knows. */
      stranger: world.hosts.at(-1) ?? assert.fail("no stranger"),
      cut: (a: number, b: number) => {
        const [one, other] = [world.hosts[a], world.hosts[b]]
        return one === undefined || other === undefined ? Effect.void : world.cut(one, other)
      }
    }
  })

  /**
   * A goodbye takes a second at most. Whoever hears it charges nobody for the end of the link; whoever is too far away to hear
   * it in time may take the link for lost, once.
   */
  const saidGoodbye = (host: PoolHost, ...reasons: ReadonlyArray<GoodbyeReason>): void => {
    const { goodbyes } = host.attendance
    if (!backend.isSlow || goodbyes.length > 0) assert.deepStrictEqual(goodbyes, reasons)
    assert.isAtMost(host.chargesOf("LinkLost").length, reasons.length - goodbyes.length)
  }

  /** As wire does it for a session that the peer opened. */
  const leaseInbound = Effect.fnUntraced(function*(host: PoolHost, other: PoolHost, name: Chain) {
    yield* host.until(hasLink(host, other))
    const link = host.attendance.links.findLast(({ peer }) => peer === other.peer) ?? assert.fail("no link")
    return host.pool.leaseOn(link, name)
  })

  describe("connection pool", () => {
    law(
      "two leases of different chains to one peer share one link",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        const [one, other] = yield* Effect.all([a.pool.lease(b.peer, alpha), a.pool.lease(b.peer, beta)], {
          concurrency: "unbounded"
        })
        assert.strictEqual(one.link, other.link)
        assert.strictEqual((yield* a.pool.lease(b.peer, gamma)).link, one.link)
        assert.deepStrictEqual(names(a, b), ["alpha", "beta", "gamma"])
        yield* b.until(hasLink(b, a))
        assert.strictEqual(a.attendance.links.length, 1)
        assert.strictEqual(b.attendance.links.length, 1)
      })
    )

    law(
      "a lease takes the link that the peer dialled",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        yield* a.pool.lease(b.peer, alpha)
        yield* b.until(hasLink(b, a))
        assert.strictEqual((yield* b.pool.lease(a.peer, beta)).link.direction, "inbound")
        assert.strictEqual(a.attendance.links.length, 1)
      })
    )

    law(
      "crossed dials settle on one link at both ends, and nobody is charged",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        yield* Effect.all([a.pool.lease(b.peer, alpha), b.pool.lease(a.peer, alpha)], { concurrency: "unbounded" })
        const both = [a, b]
        const directions = () => [a.pool.links().get(b.peer)?.direction, b.pool.links().get(a.peer)?.direction]
        // Whichever link was superseded at one end ends at the other too; then each end has one, of opposite directions.
        const isSettled = () =>
          both.every(({ attendance }) => attendance.live.size === 1) &&
          directions().toSorted().join() === "inbound,outbound"
        yield* Effect.raceFirst(a.until(isSettled), b.until(isSettled))
        const crossed = both.some(({ attendance }) => attendance.links.length > 1)
        if (crossed) assert.strictEqual(directions()[0] === "outbound", isSmaller(a.peer, b.peer))
        assert.deepStrictEqual(both.flatMap((host) => host.chargesOf("LinkLost")), [])
        assert.isTrue(a.attendance.live.has((yield* a.pool.lease(b.peer, beta)).link))
      })
    )

    law(
      "a link whose dialler gives up in the moment in which it comes about is charged to nobody",
      Effect.gen(function*() {
        const { hosts: [a, b] } = yield* backend.world(2)
        if (a === undefined || b === undefined) return assert.fail("two hosts")
        const dialled = yield* process(b)
        const pool = Context.get(dialled.services, ConnectionPool)
        const changed = Latch.makeUnsafe()
        yield* pool.watch(() => void changed.openUnsafe())
        yield* Effect.scoped(Effect.gen(function*() {
          const dialler = Context.get((yield* process(a, [b])).services, ConnectionPool)
          const dialling = yield* Effect.forkChild(dialler.lease(b.peer, alpha), { startImmediately: true })
          yield* changed.await
          yield* pool.lease(a.peer, alpha)
          yield* Fiber.interrupt(dialling)
          yield* dialler.lease(b.peer, alpha)
        }))
        while (pool.links().size > 0) yield* Effect.andThen(changed.close, changed.await)
        assert.notInclude(dialled.book.history(a.peer).map(({ what }) => what), "link lost")
      })
    )

    law(
      "a lost link is charged once, at each end that leased it, however many leases it had",
      Effect.gen(function*() {
        const { at, cut } = yield* town({}, {}, {})
        const [a, b, c] = [at(0), at(1), at(2)]
        yield* Effect.all([a.pool.lease(b.peer, alpha), a.pool.lease(b.peer, beta), a.pool.lease(c.peer, alpha)])
        yield* leaseInbound(b, a, alpha)
        yield* c.until(hasLink(c, a))
        yield* Effect.all([cut(0, 1), cut(0, 2)])
        yield* Effect.all([
          a.until(() => a.pool.links().size === 0),
          b.until(hasNoLink(b, a)),
          c.until(hasNoLink(c, a))
        ])
        yield* a.pool.lease(b.peer, alpha)
        yield* b.until(hasLink(b, a))
        assert.deepStrictEqual(
          a.chargesOf("LinkLost").map(({ peer }) => peer).toSorted(),
          [b.peer, c.peer].toSorted()
        )
        assert.deepStrictEqual(b.chargesOf("LinkLost").map(({ peer }) => peer), [a.peer])
        assert.deepStrictEqual(c.chargesOf("LinkLost"), [])
      })
    )

    law(
      "a link without leases lingers, and is closed by the dialler alone, with a goodbye that charges nobody",
      Effect.gen(function*() {
        const { at } = yield* town({ pool: { linger: "300 millis" } }, { pool: { linger: "1 millis" } })
        const [a, b] = [at(0), at(1)]
        const first = yield* a.pool.lease(b.peer, alpha)
        const theirs = yield* leaseInbound(b, a, alpha)
        theirs.release()
        first.release()
        first.release()
        const second = yield* a.pool.lease(b.peer, alpha)
        assert.strictEqual(second.link, first.link)
        second.release()
        const { by } = yield* first.link.ended
        assert.strictEqual(by, "local")
        yield* Effect.all([a.until(hasNoLink(a, b)), b.until(hasNoLink(b, a))])
        saidGoodbye(b, "idle")
        assert.deepStrictEqual(a.chargesOf("LinkLost"), [])
      })
    )

    law(
      "an interrupted lease is given back, whenever the interruption comes",
      Effect.gen(function*() {
        const { at } = yield* town({ pool: { linger: "1 millis" } }, {})
        const [a, b] = [at(0), at(1)]
        for (let pause = 0; pause < 8; pause++) {
          const fiber = yield* Effect.forkChild(a.pool.lease(b.peer, alpha), { startImmediately: true })
          if (pause > 0) yield* Effect.sleep(pause * 5)
          yield* Fiber.interrupt(fiber)
          // Nobody who was interrupted still holds one; who was faster got a lease, and gives it back.
          if (fiber.pollUnsafe()?._tag === "Success") (yield* Fiber.join(fiber)).release()
          assert.deepStrictEqual(names(a, b), [])
        }
        yield* a.until(hasNoLink(a, b))
        assert.deepStrictEqual(a.charges.filter(({ _tag }) => _tag !== "LinkUp" && _tag !== "LinkDown"), [])
      })
    )

    law(
      "a lease that waits for a dial of its turn can be interrupted",
      Effect.gen(function*() {
        const { at } = yield* town({ pool: { maxDials: 0 } }, {})
        const [a, b] = [at(0), at(1)]
        const waiting = yield* Effect.forkChild(a.pool.lease(b.peer, alpha), { startImmediately: true })
        const other = yield* Effect.forkChild(a.pool.lease(b.peer, beta), { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        const link = yield* b.pool.lease(a.peer, alpha)
        // The inbound link serves who still waits.
        assert.strictEqual((yield* Fiber.join(other)).link.direction, "inbound")
        assert.deepStrictEqual(names(a, b), ["beta"])
        link.release()
      })
    )

    law(
      "each address is charged for what it did, and the peer when all have failed",
      Effect.gen(function*() {
        const { at, stranger } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        // At the first somebody else answers, at the others nobody.
        const addresses = [...b.pool.addresses, ...stranger.addresses]
        a.knows(stranger, addresses)
        const failed = yield* Effect.flip(a.pool.lease(stranger.peer, alpha))
        assert.strictEqual(failed.reason, "unreachable")
        assert.strictEqual(failed.dials.length, addresses.length)
        assert.strictEqual(failed.dials.find(({ address }) => address === addresses[0])?.reason, "wrong-peer")
        const tags = [...addresses.map(() => "DialFailed"), "Unreachable"]
        assert.deepStrictEqual(a.charges.map(({ _tag }) => _tag), tags)
        const found = yield* poolHost(stranger)
        yield* a.pool.lease(found.peer, alpha)
        assert.strictEqual(a.charges.at(-1)?._tag, "LinkUp")
        assert.strictEqual(a.chargesOf("Unreachable").length, 1)
      })
    )

    law(
      "at the limit of links a dial is refused while all are leased, and closes an idle one",
      Effect.gen(function*() {
        const { at } = yield* town({ pool: { maxLinks: 1 } }, {}, {})
        const [a, b, c] = [at(0), at(1), at(2)]
        const lease = yield* a.pool.lease(b.peer, alpha)
        assert.strictEqual((yield* Effect.flip(a.pool.lease(c.peer, alpha))).reason, "limit")
        lease.release()
        yield* a.pool.lease(c.peer, alpha)
        yield* lease.link.ended
        assert.deepStrictEqual([...a.pool.links().keys()], [c.peer])
        assert.deepStrictEqual(a.charges.filter(({ _tag }) => _tag !== "LinkUp" && _tag !== "LinkDown"), [])
      })
    )

    law(
      "at the limit of inbound links a newcomer is turned away, unless one is idle",
      Effect.gen(function*() {
        const { at } = yield* town({ pool: { maxInboundLinks: 1 } }, {}, {})
        const [a, b, c] = [at(0), at(1), at(2)]
        yield* b.pool.lease(a.peer, alpha)
        const held = yield* leaseInbound(a, b, alpha)
        const turnedAway = yield* c.pool.lease(a.peer, alpha)
        yield* turnedAway.link.ended
        assert.deepStrictEqual([...a.pool.links().keys()], [b.peer])
        held.release()
        yield* c.until(hasNoLink(c, a))
        yield* c.pool.lease(a.peer, alpha)
        yield* a.until(hasLink(a, c))
        yield* b.until(hasNoLink(b, a))
        // Which of the two that were turned away was told so.
        saidGoodbye(b, "idle")
        saidGoodbye(c, "idle")
      })
    )

    law(
      "a peer that is banned is neither dialled nor let in",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        a.book.record({ _tag: "Violation", peer: b.peer })
        assert.strictEqual((yield* Effect.flip(a.pool.lease(b.peer, alpha))).reason, "banned")
        const lease = yield* b.pool.lease(a.peer, alpha)
        yield* lease.link.ended
        yield* b.until(hasNoLink(b, a))
        saidGoodbye(b, "banned")
        assert.strictEqual(a.pool.links().size, 0)
      })
    )

    law(
      "a violation is charged once, and ends the link after a farewell",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        const { link } = yield* a.pool.lease(b.peer, alpha)
        yield* leaseInbound(b, a, alpha)
        a.pool.dead(link, "violation")
        a.pool.dead(link, "violation")
        assert.strictEqual(a.pool.links().size, 0)
        yield* b.until(hasNoLink(b, a))
        const charged = a.charges.flatMap(({ _tag }) => _tag === "LinkUp" || _tag === "LinkDown" ? [] : [_tag])
        assert.deepStrictEqual(charged, ["Violation"])
        saidGoodbye(b, "banned")
        assert.strictEqual((yield* Effect.flip(a.pool.lease(b.peer, alpha))).reason, "banned")
      })
    )

    law(
      "a ban by hand ends the peer's link with a farewell, and charges nobody",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        yield* a.pool.lease(b.peer, alpha)
        yield* b.until(hasLink(b, a))
        a.book.ban(b.peer, Duration.minutes(1))
        assert.strictEqual(a.pool.links().size, 0)
        yield* b.until(hasNoLink(b, a))
        assert.deepStrictEqual([...a.chargesOf("LinkLost"), ...a.chargesOf("Violation")], [])
        saidGoodbye(b, "banned")
        a.book.unban(b.peer)
        yield* a.pool.lease(b.peer, alpha)
      })
    )

    law(
      "a silent link is ended at once and charged once",
      Effect.gen(function*() {
        const { at } = yield* town({}, {})
        const [a, b] = [at(0), at(1)]
        const { link } = yield* a.pool.lease(b.peer, alpha)
        yield* b.until(hasLink(b, a))
        a.pool.dead(link, "silent")
        assert.strictEqual(a.pool.links().size, 0)
        yield* link.ended
        yield* b.until(hasNoLink(b, a))
        assert.notStrictEqual((yield* a.pool.lease(b.peer, alpha)).link, link)
        assert.strictEqual(a.chargesOf("LinkLost").length, 1)
      })
    )

    law(
      "every link ends with the pool, with a farewell that charges nobody",
      Effect.gen(function*() {
        const { at, stranger } = yield* town({})
        const b = at(0)
        const scope = yield* Scope.make()
        const a = yield* Scope.provide(poolHost(stranger), scope)
        a.knows(b, b.pool.addresses)
        yield* a.pool.lease(b.peer, alpha)
        yield* leaseInbound(b, a, alpha)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(a.attendance.live.size, 0)
        assert.strictEqual((yield* Effect.flip(a.pool.lease(b.peer, alpha))).reason, "closing")
        yield* b.until(hasNoLink(b, a))
        saidGoodbye(b, "shutdown")
        assert.deepStrictEqual(a.chargesOf("LinkLost"), [])
      })
    )
  })
}
