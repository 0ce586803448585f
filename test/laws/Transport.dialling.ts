/** How links come up. */
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Queue, Scope } from "effect"
import { type DialFailed, isSmaller, type Link, Transport } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { accept, dial, listen, pattern, watch } from "../support/streams.ts"
import { roundTrip, transportCourt } from "./Transport.support.ts"

export const diallingLaws = (backend: Backend): void => {
  const { law, linked, two } = transportCourt(backend)

  describe("dialling", () => {
    law(
      "says at both ends who the other is",
      Effect.gen(function*() {
        const { a, b, far, near } = yield* linked
        assert.deepStrictEqual([near.peer, near.direction], [b.peer, "outbound"])
        assert.deepStrictEqual([far.peer, far.direction], [a.peer, "inbound"])
        assert.include(b.addresses, near.remote)
        assert.isFalse(isSmaller(a.peer, b.peer) === isSmaller(b.peer, a.peer))
      })
    )

    law(
      "gives the addresses at which the host can be reached",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const addresses = yield* Context.get(b.services, Transport).listen(() => undefined)
        assert.isAbove(addresses.length, 0)
        yield* Effect.forEach(addresses, (address) => Context.get(a.services, Transport).dial(b.peer, address))
      })
    )

    law(
      "gives a link of its own each time, also where one is up in either direction",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const [atA, atB] = yield* Effect.all([listen(a), listen(b)])
        const links: Array<Link> = []
        for (const [from, to, inbound] of [[a, b, atB], [a, b, atB], [b, a, atA], [a, b, atB]] as const) {
          links.push(yield* dial(from, to), yield* Queue.take(inbound))
        }
        assert.strictEqual(new Set(links).size, 8)
        for (let i = 0; i < links.length; i += 2) {
          const [near, far] = [links[i], links[i + 1]]
          if (near === undefined || far === undefined) return assert.fail("no link")
          yield* roundTrip({ near, far, streams: yield* accept(far) })
        }
      })
    )

    law(
      "gives two links when two hosts dial each other at once, and both carry streams",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const [atA, atB] = yield* Effect.all([listen(a), listen(b)])
        const [ab, ba] = yield* Effect.all([dial(a, b), dial(b, a)], { concurrency: "unbounded" })
        const [toB, toA] = yield* Effect.all([Queue.take(atB), Queue.take(atA)])
        yield* roundTrip({ near: ab, far: toB, streams: yield* accept(toB) })
        yield* roundTrip({ near: ba, far: toA, streams: yield* accept(toA) })
      })
    )

    law(
      "fails with wrong-peer where another peer answers",
      Effect.gen(function*() {
        const { hosts: [a, b, c] } = yield* backend.world(3)
        if (a === undefined || b === undefined || c === undefined) return assert.fail("three hosts were asked for")
        yield* listen(b)
        const [address = assert.fail("no address")] = b.addresses
        const failure = yield* Effect.flip(Context.get(a.services, Transport).dial(c.peer, address))
        assert.deepStrictEqual([failure.reason, failure.peer, failure.address], ["wrong-peer", c.peer, address])
      })
    )

    law(
      "fails where nobody listens",
      Effect.gen(function*() {
        const { a, b } = yield* two
        // A transport that hears nothing at all may wait for ever.
        const failure = yield* Effect.flip(dial(a, b)).pipe(Effect.timeoutOption("3 seconds"))
        if (failure._tag === "Some") assert.include(["refused", "unreachable", "timeout"], failure.value.reason)
      })
    )

    law(
      "fails once the scope of the listening has closed",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const scope = yield* Scope.make()
        yield* Scope.provide(listen(b), scope)
        yield* dial(a, b)
        yield* Scope.close(scope, Exit.void)
        const outcome = yield* Effect.exit(dial(a, b)).pipe(Effect.timeoutOption("3 seconds"))
        assert.isFalse(outcome._tag === "Some" && Exit.isSuccess(outcome.value))
      })
    )

    law(
      "leaves nothing up when it is interrupted",
      Effect.gen(function*() {
        const { a, b } = yield* two
        const links = yield* listen(b)
        const dials: Array<Fiber.Fiber<Link, DialFailed>> = []
        for (let i = 0; i < 8; i++) {
          dials.push(yield* Effect.forkChild(dial(a, b), { startImmediately: true }))
          yield* backend.virtual ? Effect.sleep(`${i * 8} millis`) : Effect.yieldNow
          yield* Effect.forEach(dials, Fiber.interrupt)
        }
        // One that was quicker than its interruption has a link, which is the caller's.
        for (const exit of yield* Effect.forEach(dials, Fiber.await)) if (Exit.isSuccess(exit)) exit.value.abort()
        // What did come up at the other end is ended. One more link shows that dials go on working.
        const last = yield* dial(a, b)
        const stream = watch(yield* last.open("/chain-p2p/1"))
        stream.write(pattern(1))
        const isLast = (link: Link) =>
          Effect.raceFirst(
            Effect.as(link.ended, false),
            Effect.as(Effect.flatMap(accept(link), Queue.take), true)
          )
        while (!(yield* Effect.flatMap(Queue.take(links), isLast))) {
          // The next one.
        }
      })
    )
  })
}
