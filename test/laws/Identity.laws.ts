/** What signed peer records promise, as written in `signatures/Identity.ts`, for any backend. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect } from "effect"
import { Address, Identity, PeerId } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { pattern } from "../support/streams.ts"

const addresses = ["/ip4/20.1.2.3/tcp/4001", "/ip6/2600::1/udp/4001/quic-v1"].map((text) => Address.make(text))

export const identityLaws = (backend: Backend): void => {
  const three = Effect.map(
    backend.world(3),
    ({ hosts }) => hosts.map((host) => ({ peer: host.peer, identity: Context.get(host.services, Identity) }))
  )

  describe(`identity: ${backend.name}`, () => {
    it("names the host, each another, by ids that are well-formed", () =>
      backend.run(Effect.gen(function*() {
        const hosts = yield* three
        for (const { identity, peer } of hosts) {
          assert.strictEqual(identity.self, peer)
          assert.strictEqual(PeerId.make(peer), peer)
          assert.match(peer, /^12D3KooW/)
        }
        assert.strictEqual(new Set(hosts.map((host) => host.peer)).size, 3)
      })))

    it("seals records that anybody opens, with a growing sequence", () =>
      backend.run(Effect.gen(function*() {
        const [a, b, c] = yield* three
        if (a === undefined || b === undefined || c === undefined) return assert.fail("three hosts were asked for")
        let last = -1n
        for (const [reader, own] of [[a, addresses], [b, addresses.slice(1)], [c, []]] as const) {
          const record = yield* reader.identity.open(yield* a.identity.seal(own))
          assert.strictEqual(record.peer, a.peer)
          assert.deepStrictEqual(record.addresses, [...own])
          assert.isTrue(record.sequence > last)
          last = record.sequence
        }
      })))

    it("seals the time of day into the sequence, by which others tell how old a record is", () =>
      backend.run(Effect.gen(function*() {
        const [a, b] = yield* three
        if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
        const before = yield* Clock.currentTimeMillis
        const { sequence } = yield* b.identity.open(yield* a.identity.seal(addresses))
        assert.isAtLeast(Number(sequence), before)
        // Other records may have been sealed in the same millisecond.
        assert.isAtMost(Number(sequence), (yield* Clock.currentTimeMillis) + 10)
      })))

    it("opens records however old they are, or seem: that is for others to judge", () =>
      backend.run(Effect.gen(function*() {
        const [a, b] = yield* three
        if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
        const now = yield* Clock.currentTimeMillis
        const time = { ...(yield* Clock.Clock), currentTimeMillis: Effect.succeed(now + 3_650 * 86_400_000) }
        const sealed = yield* Effect.provideService(a.identity.seal(addresses), Clock.Clock, time)
        const { sequence } = yield* b.identity.open(sealed)
        assert.strictEqual(Number(sequence), now + 3_650 * 86_400_000)
      })))

    it("rejects a record of which any bit was changed", () =>
      backend.run(Effect.gen(function*() {
        const [a, b] = yield* three
        if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
        const envelope = yield* a.identity.seal(addresses)
        for (let i = 0; i < envelope.length; i++) {
          const tampered = envelope.slice()
          tampered[i] = (tampered[i] ?? 0) ^ (1 << (i % 8))
          const failure = yield* Effect.flip(b.identity.open(tampered))
          assert.include(["signature", "malformed"], failure.reason)
        }
      })))

    it("rejects what is no record as malformed", () =>
      backend.run(Effect.gen(function*() {
        const [a] = yield* three
        if (a === undefined) return assert.fail("a host was asked for")
        const envelope = yield* a.identity.seal(addresses)
        for (const garbage of [new Uint8Array(0), pattern(10), pattern(300), envelope.slice(0, 30)]) {
          assert.strictEqual((yield* Effect.flip(a.identity.open(garbage))).reason, "malformed")
        }
      })))
  })
}
