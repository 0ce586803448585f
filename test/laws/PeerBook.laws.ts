/** What any peer book does, wherever it keeps its facts: for the book in memory now, and for one in a file. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Layer, type Scope } from "effect"
import {
  type Address,
  type Chain,
  type Disk,
  type Identity,
  PeerBook,
  PeerId,
  withPeer
} from "../../signatures/index.ts"
import { type PeerBookOptions } from "../../src/peers/index.ts"
import { type Backend } from "../support/Backend.ts"

const chain: Chain = { network: "test", name: "alpha", genesis: "00" }
const other: Chain = { network: "test", name: "beta", genesis: "00" }
const peers = Array.from("ABCDEFGH", (letter) => PeerId.make(`1Peer${letter}`))
const addressOf = (n: number): Address => `/ip4/20.0.${n}.1/tcp/7400` as Address
const lasted = Duration.minutes(1)

export const bookLaws = (
  backend: Backend,
  name: string,
  layer: (options: PeerBookOptions) => Layer.Layer<PeerBook, never, Identity | Disk>
): void => {
  const open = Effect.fnUntraced(function*(options: PeerBookOptions = {}) {
    const { hosts: [host] } = yield* backend.world(1)
    if (host === undefined) return yield* Effect.die(new Error("a host was asked for"))
    const services = Layer.succeedContext(host.services)
    const book = Context.get(yield* Layer.build(Layer.fresh(layer(options)).pipe(Layer.provide(services))), PeerBook)
    for (const [n, peer] of peers.entries()) {
      book.learn({ peer, sequence: 1n, addresses: [addressOf(n)] }, "info")
    }
    const at = (n: number) => peers[n] ?? assert.fail("not so many peers")
    return { book, at, self: host.peer }
  })
  const law = <A, E>(title: string, test: Effect.Effect<A, E, Scope.Scope>) =>
    it(`${backend.name}: ${title}`, () => backend.run(test))

  describe(`peer book ${name}`, () => {
    law(
      "gives every peer as a candidate until it says which chains it serves",
      Effect.gen(function*() {
        const { at, book } = yield* open()
        assert.strictEqual(book.candidates(chain).length, peers.length)
        book.learnChains(at(0), { set: [other] })
        assert.isFalse(book.candidates(chain).some(({ peer }) => peer === at(0)))
        assert.isTrue(book.candidates(other).some(({ peer }) => peer === at(0)))
        assert.strictEqual(book.all().length, peers.length)
      })
    )

    law(
      "takes bootstrap addresses as the user's word",
      Effect.gen(function*() {
        const peer = PeerId.make("1PeerZ")
        const address = "/dns4/boot.example/tcp/7400" as Address
        const { book, self } = yield* open({ bootstrap: [withPeer(address, peer), addressOf(99)] })
        const facts = book.peer(peer)
        assert.deepStrictEqual(facts._tag === "Some" ? facts.value.addresses : [], [address])
        assert.isFalse(book.all().some((facts) => facts.peer === self))
      })
    )

    law(
      "tells watchers of each change at once, until they stop watching",
      Effect.gen(function*() {
        const { at, book } = yield* open()
        const seen: Array<PeerId> = []
        yield* Effect.scoped(Effect.gen(function*() {
          yield* book.watch((peer) => void seen.push(peer))
          book.record({ _tag: "Unreachable", peer: at(1) })
          book.stick(at(2), "test")
          book.record({ _tag: "Violation", peer: at(3) })
          book.record({ _tag: "SessionEnded", peer: at(4), chain, outcome: { _tag: "Cancelled" } })
        }))
        book.record({ _tag: "Unreachable", peer: at(5) })
        assert.deepStrictEqual(seen, [at(1), at(2), at(3)])
      })
    )

    law(
      "keeps what each owner sticks until that owner lets go",
      Effect.gen(function*() {
        const { at, book } = yield* open({ maxPeers: 2 })
        const kept = book.all().map(({ peer }) => peer)
        for (const peer of kept) {
          book.stick(peer, "alpha")
          book.stick(peer, "beta")
          book.unstick(peer, "alpha")
        }
        book.learn({ peer: at(0), sequence: 9n, addresses: [addressOf(9)] }, "info")
        assert.deepStrictEqual(book.all().map(({ peer }) => peer).toSorted(), kept.toSorted())
        for (const { sticky } of book.all()) assert.deepStrictEqual([...sticky], ["beta"])
      })
    )

    law(
      "bans a peer that it doesn't even know",
      Effect.gen(function*() {
        const { book } = yield* open()
        const peer = PeerId.make("1PeerZ")
        book.record({ _tag: "Violation", peer })
        assert.strictEqual(book.standing(peer, chain)._tag, "Banned")
        assert.strictEqual(book.bannedUntil(peer)._tag, "Some")
      })
    )

    law(
      "suspects itself when all groups fail at once, and charges nobody until something works",
      Effect.gen(function*() {
        const { at, book } = yield* open()
        const before = book.all()
        for (const [n, peer] of peers.entries()) {
          book.record({ _tag: "DialFailed", peer, address: addressOf(n) })
          book.record({ _tag: "Unreachable", peer })
        }
        assert.isTrue(book.suspectsItself())
        assert.deepStrictEqual(book.all(), before)
        const outcome = { _tag: "Ended", by: "remote", code: "closed", lasted } as const
        book.record({ _tag: "SessionEnded", peer: at(0), chain, outcome })
        assert.isFalse(book.suspectsItself())
        book.record({ _tag: "Unreachable", peer: at(1) })
        assert.strictEqual(book.standing(at(1), chain)._tag, "Cooling")
      })
    )

    law(
      "tells those who wait when a suspicion of itself lapses",
      Effect.gen(function*() {
        const { book } = yield* open()
        for (const [n, peer] of peers.entries()) book.record({ _tag: "DialFailed", peer, address: addressOf(n) })
        assert.isTrue(book.suspectsItself())
        const lapsed = yield* Deferred.make<void>()
        yield* book.watch(() => {
          if (!book.suspectsItself()) Deferred.doneUnsafe(lapsed, Effect.void)
        })
        yield* Deferred.await(lapsed)
        assert.isFalse(book.suspectsItself())
      })
    )
  })
}
