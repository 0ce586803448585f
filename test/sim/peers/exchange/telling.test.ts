import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Option } from "effect"
import { Identity, type PeerId, withPeer } from "../../../../signatures/index.ts"
import { makeP2pNode } from "../../../../src/node/index.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { chainOf, type Citizen, opening, settle, soon } from "./society.ts"

const inprocess = inprocessBackend(3)
const [alpha, beta, hidden] = [chainOf("alpha"), chainOf("beta"), chainOf("hidden")]
const node = { sessionCount: 8, sessionTimeout: Duration.infinity }

/** Whom `teller` tells `asker` of. */
const told = Effect.fnUntraced(function*(asker: Citizen, teller: Citizen) {
  const answer = Option.getOrThrow(yield* asker.control.askPeers(teller.host.peer))
  const { open } = Context.get(asker.host.services, Identity)
  const peers = yield* Effect.forEach(answer, (record) => Effect.orDie(open(record)))
  return new Set<PeerId>(peers.map(({ peer }) => peer))
})

describe("a peer that asks", () => {
  it("is told of a peer only once that has been known for five minutes, and of nobody else for a quarter of an hour", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(12)
      const [first, second, ...others] = hosts
      if (first === undefined || second === undefined) return assert.fail("twelve hosts were asked for")
      const quiet = { chains: [alpha], node: { ...node, sessionCount: 1 } }
      const teller = yield* settle(first, { ...quiet, node: { ...node, maxInboundCount: 16 }, knows: [], exchange: {} })
      yield* Effect.forEach(others, (host) => settle(host, { ...quiet, knows: [first] }))
      const asker = yield* settle(second, { ...quiet, knows: [first] })
      yield* Effect.sleep("290 seconds")
      assert.deepStrictEqual(yield* told(asker, teller), new Set())
      yield* Effect.sleep("11 seconds")
      const answer = yield* told(asker, teller)
      assert.strictEqual(answer.size, 8)
      assert.isFalse(answer.has(second.peer) || answer.has(first.peer))
      yield* settle(yield* network.host(), { ...quiet, knows: [first] })
      for (let minute = 0; minute < 9; minute++) {
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* told(asker, teller), answer)
      }
    })))

  it("is told of those that serve its chains before others", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts } = yield* inprocess.world(18)
      const [first, second, ...others] = hosts
      if (first === undefined || second === undefined) return assert.fail("hosts were asked for")
      const teller = yield* settle(first, { chains: [alpha, beta], knows: [], node, exchange: soon })
      const ofBeta = yield* Effect.forEach(others, (host, n) =>
        Effect.as(
          settle(host, { chains: [n < 8 ? alpha : beta], knows: [first], node: { ...node, sessionCount: 1 } }),
          n < 8 ? undefined : host.peer
        ))
      yield* Effect.sleep("5 seconds")
      const asker = yield* settle(second, { chains: [beta], knows: [first], node })
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual([...yield* told(asker, teller)].toSorted(), ofBeta.flatMap((one) => one ?? []).toSorted())
    })))

  it("is told nothing of a peer that was gone again before its signature was checked", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [first, second, third] } = yield* inprocess.world(3)
      if (first === undefined || second === undefined || third === undefined) return assert.fail("hosts were asked for")
      const slow = opening(first, (open) => (record) => Effect.delay(open(record), "1 second"))
      // It dials nobody, and so doesn't find out either.
      const idle = { node: { policy: { pick: () => [] } }, exchange: { ...soon, visitEvery: "Infinity" } } as const
      const teller = yield* settle(slow, { chains: [alpha], knows: [], ...idle })
      const asker = yield* settle(second, { chains: [alpha], knows: [first], node })
      yield* Effect.sleep("5 seconds")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* settle(third, { chains: [alpha], knows: [first], node })
        yield* Effect.sleep("500 millis")
        assert.isTrue(teller.pool.links().has(third.peer))
      }))
      yield* Effect.sleep("500 millis")
      assert.isFalse(teller.pool.links().has(third.peer))
      yield* Effect.sleep("5 seconds")
      assert.isNotEmpty(Option.getOrThrow(teller.book.peer(third.peer)).addresses)
      assert.deepStrictEqual(yield* told(asker, teller), new Set())
    })))

  it("is told nothing of the peers of a private chain, also while they serve public ones, nor of the dead and the banned", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(6)
      const [first, second, friend, dead, banned, fine] = hosts
      if (
        first === undefined || second === undefined || friend === undefined || dead === undefined ||
        banned === undefined || fine === undefined
      ) return assert.fail("six hosts were asked for")
      const teller = yield* settle(first, { chains: [alpha], knows: [], node, exchange: soon })
      const knownPeers = friend.addresses.map((at) => withPeer(at, friend.peer))
      for (const host of [friend, dead, banned, fine]) yield* settle(host, { chains: [alpha], knows: [first], node })
      const asker = yield* settle(second, { chains: [alpha], knows: [first], node })
      yield* Effect.sleep("5 seconds")
      const everybody = new Set([friend.peer, dead.peer, banned.peer, fine.peer])
      assert.deepStrictEqual(yield* told(asker, teller), everybody)
      yield* makePrivate(teller, knownPeers)
      yield* network.kill(dead)
      teller.book.ban(banned.peer, Duration.hours(1))
      yield* Effect.sleep("30 seconds")
      assert.deepStrictEqual(yield* told(asker, teller), new Set([fine.peer]))
    })))
})

/** The teller also serves a chain that it tells nobody of. */
const makePrivate = ({ services }: Citizen, knownPeers: ReadonlyArray<ReturnType<typeof withPeer>>) =>
  makeP2pNode({ chain: hidden, private: true, knownPeers }, ({ receive }) => Effect.ignore(Effect.forever(receive)))
    .pipe(
      Effect.provideContext(services)
    )
