import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Connections, type Decide, nodeDefaults, type OpenedConnection } from "../../../signatures/index.ts"
import { bob, chainOf, duo } from "./duo.ts"
import { limits, settled, start } from "./hosts.ts"

const chain = chainOf("a")

/** Both hosts, with Bob accepting everything on the chain. */
const both = Effect.gen(function*() {
  const pools = duo()
  const alice = Context.get(yield* start(pools.alice), Connections)
  const bobs = Context.get(yield* start(pools.bob), Connections)
  const inbound: Array<OpenedConnection> = []
  bobs.serve(chain, limits, () => ({ accept: (opened) => inbound.push(opened) }))
  return { pools, alice, bobs, inbound }
})

const text = (message: string) => new TextEncoder().encode(message)

const first = <A>(items: ReadonlyArray<A>): A => {
  const [item] = items
  if (item === undefined) throw new Error("nothing there")
  return item
}

describe("connections", () => {
  it.effect("carry messages both ways, and give their leases back when both have ended", () =>
    Effect.gen(function*() {
      const { pools, alice, inbound } = yield* both
      const ours = yield* alice.open(bob, chain, limits)
      const theirs = first(inbound)
      yield* ours.connection.send(text("hello"))
      assert.deepStrictEqual(yield* theirs.connection.receive, text("hello"))
      yield* theirs.connection.send(text("back"))
      assert.deepStrictEqual(yield* ours.connection.receive, text("back"))
      assert.strictEqual(pools.alice.leases.size + pools.bob.leases.size, 2)
      ours.end("rotated")
      const ended = yield* theirs.ended
      assert.deepInclude(ended, { _tag: "ConnectionClosed", by: "remote", code: "rotated" })
      yield* Effect.all([ours.released, theirs.released])
      assert.strictEqual(pools.alice.leases.size + pools.bob.leases.size, 0)
    }))

  it.effect("are refused for a chain that isn't served, with the reason and the time of the decision", () =>
    Effect.gen(function*() {
      const { pools, alice, bobs } = yield* both
      const unknown = yield* Effect.flip(alice.open(bob, chainOf("b"), limits))
      assert.deepInclude(unknown, { _tag: "Rejected", reason: "unknown-chain", retryAfterMillis: 600_000 })
      bobs.serve(chainOf("full"), limits, () => ({ reject: "full", retryAfter: Duration.seconds(7) }))
      const full = yield* Effect.flip(alice.open(bob, chainOf("full"), limits))
      assert.deepInclude(full, { _tag: "Rejected", reason: "full", retryAfterMillis: 7000 })
      assert.strictEqual(pools.alice.leases.size + pools.bob.leases.size, 0)
    }))

  it.effect("are incompatible when either end's maximum is below the other's minimum", () =>
    Effect.gen(function*() {
      const { alice, inbound } = yield* both
      const ours = yield* Effect.flip(alice.open(bob, chain, { ...limits, maxMessageBytes: 999, minMessageBytes: 10 }))
      assert.deepInclude(ours, { _tag: "Rejected", reason: "incompatible" })
      assert.strictEqual(inbound.length, 0)
      const theirs = yield* Effect.flip(
        alice.open(bob, chain, { ...limits, maxMessageBytes: 200_000, minMessageBytes: 150_000 })
      )
      assert.deepInclude(theirs, { _tag: "Rejected", reason: "incompatible" })
      // The acceptor had accepted: its session ends in order.
      assert.deepInclude(yield* first(inbound).ended, { _tag: "ConnectionClosed", by: "remote" })
    }))

  it.effect("of a private chain tell nobody but who would be accepted that it is incompatible", () =>
    Effect.gen(function*() {
      const { alice, bobs, pools } = yield* both
      const tooSmall = { ...limits, maxMessageBytes: 999, minMessageBytes: 10 }
      const hidden = { ...limits, private: true }
      bobs.serve(
        chainOf("to strangers"),
        hidden,
        () => ({ reject: "unknown-chain", retryAfter: Duration.infinity })
      )
      const stranger = yield* Effect.flip(alice.open(bob, chainOf("to strangers"), tooSmall))
      const nobody = yield* Effect.flip(alice.open(bob, chainOf("of nobody"), tooSmall))
      assert.deepStrictEqual({ ...stranger }, { ...nobody })
      const accepted: Array<OpenedConnection> = []
      bobs.serve(chainOf("to friends"), hidden, () => ({ accept: (opened) => accepted.push(opened) }))
      const friend = yield* Effect.flip(alice.open(bob, chainOf("to friends"), tooSmall))
      assert.deepInclude(friend, { _tag: "Rejected", reason: "incompatible" })
      // Its slot is free again.
      assert.deepInclude(yield* first(accepted).ended, { _tag: "ConnectionClosed", by: "remote" })
      yield* first(accepted).released
      assert.strictEqual(pools.alice.leases.size + pools.bob.leases.size, 0)
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("hold the smaller maximum of both ends", () =>
    Effect.gen(function*() {
      const { alice, inbound } = yield* both
      const ours = yield* alice.open(bob, chain, { ...limits, maxMessageBytes: 2000 })
      const error = yield* Effect.flip(first(inbound).connection.send(new Uint8Array(2001)))
      assert.deepInclude(error, { _tag: "MessageTooLarge", size: 2001, limit: 2000 })
      yield* first(inbound).connection.send(new Uint8Array(2000))
      assert.strictEqual((yield* ours.connection.receive).length, 2000)
    }))

  it.effect("give up after five seconds without an answer, and end in order what is accepted later", () =>
    Effect.gen(function*() {
      const pools = duo()
      const alice = Context.get(yield* start(pools.alice), Connections)
      const opening = yield* Effect.forkChild(Effect.flip(alice.open(bob, chain, limits)))
      yield* settled
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* Fiber.join(opening), { _tag: "OpenFailed", reason: "timeout" })
      assert.strictEqual(pools.alice.leases.size, 0)
      const bobs = Context.get(yield* start(pools.bob), Connections)
      const accepted = yield* Deferred.make<OpenedConnection>()
      bobs.serve(
        chain,
        limits,
        () => ({ accept: (opened) => Deferred.doneUnsafe(accepted, Effect.succeed(opened)) })
      )
      const late = yield* Deferred.await(accepted)
      assert.deepInclude(yield* late.ended, { _tag: "ConnectionClosed", by: "remote", code: "closed" })
    }))

  it.effect.each([0, 1, 2, 3, 4, 5, 6])(
    "whose opening is interrupted (%i) give the lease back, and fail nobody",
    (turns) =>
      Effect.gen(function*() {
        const { pools, alice, inbound } = yield* both
        const opening = yield* Effect.forkChild(alice.open(bob, chain, limits), { startImmediately: true })
        for (let turn = 0; turn < turns; turn++) yield* Effect.promise(() => Promise.resolve())
        yield* Fiber.interrupt(opening)
        // It may have been open already: then the session is its opener's to end.
        const exit = yield* Fiber.await(opening)
        if (Exit.isSuccess(exit)) exit.value.end("closed")
        else assert.strictEqual(pools.alice.leases.size, 0)
        yield* settled
        for (const opened of inbound) {
          assert.deepInclude(yield* opened.ended, { _tag: "ConnectionClosed", by: "remote" })
        }
        assert.strictEqual(pools.bob.leases.size, 0)
        assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
      })
  )

  it.effect("that break the wire format fail, and have the link reported once, by the other end only", () =>
    Effect.gen(function*() {
      const { pools, alice, inbound } = yield* both
      const ours = yield* alice.open(bob, chain, limits)
      const stream = pools.alice.link.streams.find(({ protocol }) => protocol === "/chain-p2p/1")
      stream?.write(Uint8Array.of(9, 0, 0, 0))
      assert.deepInclude(yield* first(inbound).ended, { _tag: "ConnectionFailed", reason: "protocol-violation" })
      assert.deepInclude(yield* ours.ended, { _tag: "ConnectionFailed", reason: "protocol-violation" })
      yield* Effect.all([ours.released, first(inbound).released])
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], ["violation"]])
    }))

  it.effect("whose session calls its peer a violator have the link reported by this end", () =>
    Effect.gen(function*() {
      const { pools, alice, inbound } = yield* both
      const ours = yield* alice.open(bob, chain, limits)
      ours.fail("protocol-violation")
      ours.fail("protocol-violation")
      assert.deepInclude(yield* first(inbound).ended, { _tag: "ConnectionFailed", reason: "protocol-violation" })
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [["violation"], []])
    }))

  it.effect("fail as superseded at both ends when another link takes over, openings too", () =>
    Effect.gen(function*() {
      const { pools, alice, bobs, inbound } = yield* both
      const ours = yield* alice.open(bob, chain, limits)
      const run = Effect.runForkWith(yield* Effect.context())
      bobs.serve(chainOf("slow"), limits, (hello) => {
        // The goodbye overtakes the answer.
        run(pools.alice.attendant().farewell(pools.alice.link, "superseded"))
        return { reject: "full", retryAfter: Duration.seconds(hello.peer.length) }
      })
      const opening = yield* Effect.flip(alice.open(bob, chainOf("slow"), limits))
      assert.deepInclude(opening, { _tag: "OpenFailed", reason: "superseded" })
      assert.deepInclude(yield* ours.ended, { _tag: "ConnectionFailed", reason: "superseded" })
      assert.deepInclude(yield* first(inbound).ended, { _tag: "ConnectionFailed", reason: "superseded" })
      yield* Effect.all([ours.released, first(inbound).released])
      assert.deepStrictEqual(pools.bob.leaving, ["superseded"])
      assert.strictEqual(pools.alice.leases.size + pools.bob.leases.size, 0)
      assert.deepStrictEqual([pools.alice.dead, pools.bob.dead], [[], []])
    }))

  it.effect("abort with a timeout when the other end doesn't answer a close in time", () =>
    Effect.gen(function*() {
      const { alice, pools } = yield* both
      const ours = yield* alice.open(bob, chain, limits)
      // Bob's process stands still: nothing that he sends arrives.
      for (const stream of pools.bob.link.streams) stream.other = undefined
      ours.end("closed")
      yield* settled
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(pools.alice.leases.size, 1)
      yield* TestClock.adjust("2 seconds")
      yield* ours.released
      assert.strictEqual(pools.alice.leases.size, 0)
      assert.deepInclude(yield* ours.ended, { _tag: "ConnectionClosed", by: "local" })
      pools.alice.link.abort()
    }))

  it.effect("that are opened but say no hello are ended after five seconds; a crowd of them at once", () =>
    Effect.gen(function*() {
      const { pools } = yield* both
      const ends: Array<number> = []
      const said: Array<number> = []
      for (let i = 0; i < 20; i++) {
        pools.alice.link.raw("/chain-p2p/1").attach({
          bytes: (chunk) => said.push(...chunk),
          drain: () => {},
          end: () => ends.push(i)
        })
      }
      yield* settled
      assert.deepStrictEqual(ends, [16, 17, 18, 19])
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust("6 seconds")
      yield* settled
      assert.strictEqual(ends.length, 20)
      // ABORT timeout, sixteen times.
      assert.deepStrictEqual(said, Array.from({ length: 16 }, () => [3, 0, 0, 1, 1]).flat())
    }))

  it.effect("are limited to the chains that we serve and sixteen more per link", () =>
    Effect.gen(function*() {
      const { alice, inbound } = yield* both
      for (let i = 0; i < 17; i++) yield* alice.open(bob, chain, limits)
      const refused = yield* Effect.flip(alice.open(bob, chain, limits))
      assert.deepInclude(refused, { _tag: "OpenFailed", reason: "stream-lost" })
      assert.strictEqual(inbound.length, 17)
      first(inbound).end("closed")
      yield* first(inbound).released
      yield* alice.open(bob, chain, limits)
    }))

  it.effect("are no longer accepted once serving has ended", () =>
    Effect.gen(function*() {
      const { alice, bobs } = yield* both
      const decide: Decide = () => ({ accept: () => {} })
      const end = bobs.serve(chainOf("b"), limits, decide)
      yield* alice.open(bob, chainOf("b"), limits)
      assert.throws(() => bobs.serve(chainOf("b"), limits, decide), "already served")
      end()
      assert.deepInclude(yield* Effect.flip(alice.open(bob, chainOf("b"), limits)), { reason: "unknown-chain" })
    }))

  it.effect("work with the defaults of a node", () =>
    Effect.gen(function*() {
      const { alice, inbound } = yield* both
      const { maxMessageBytes, minMessageBytes, window } = nodeDefaults
      const ours = yield* alice.open(bob, chain, { ...limits, maxMessageBytes, minMessageBytes, window })
      yield* ours.connection.send(new Uint8Array(100_000))
      assert.strictEqual((yield* first(inbound).connection.receive).length, 100_000)
    }))
})
