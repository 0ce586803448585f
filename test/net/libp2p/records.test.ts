import { assert, describe, it } from "@effect/vitest"
import { generateKeyPair } from "@libp2p/crypto/keys"
import type { PrivateKey } from "@libp2p/interface"
import { peerIdFromPrivateKey } from "@libp2p/peer-id"
import { PeerRecord as Libp2pRecord, RecordEnvelope } from "@libp2p/peer-record"
import { multiaddr } from "@multiformats/multiaddr"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { Address } from "../../../signatures/index.ts"
import { makeIdentity } from "../../../src/libp2p/identity.ts"

const addresses = ["/ip4/192.0.2.1/tcp/7400", "/ip6/2001:db8::1/udp/7400/quic-v1", "/dns4/example.org/tcp/1"].map((
  text
) => Address.make(text))

const key = Effect.promise(() => generateKeyPair("Ed25519"))

/** A record as libp2p seals it, whatever is in it. */
const envelope = (signer: PrivateKey, payload: Uint8Array, codec = Libp2pRecord.CODEC): Effect.Effect<Uint8Array> =>
  Effect.promise(() =>
    RecordEnvelope.seal({ domain: Libp2pRecord.DOMAIN, codec, marshal: () => payload, equals: () => false }, signer)
  ).pipe(Effect.map((sealed) => sealed.marshal()))

const field = (number: number, bytes: Uint8Array): Uint8Array =>
  Uint8Array.of((number << 3) | 2, bytes.length, ...bytes)

describe("signed peer records", () => {
  it.effect("say who signed them and where it listens", () =>
    Effect.gen(function*() {
      const [mine, theirs] = [makeIdentity(yield* key), makeIdentity(yield* key)]
      const record = yield* theirs.open(yield* mine.seal(addresses))
      assert.strictEqual(record.peer, mine.self)
      assert.deepStrictEqual(record.addresses, addresses)
    }))

  it.effect("carry a sequence that rises, though the clock stands still or jumps back", () =>
    Effect.gen(function*() {
      const me = makeIdentity(yield* key)
      let last = -1n
      for (const millis of [1_000, 1_000, 1_000, 500, 2_000]) {
        yield* TestClock.setTime(millis)
        const { sequence } = yield* me.open(yield* me.seal(addresses))
        assert.isTrue(sequence > last)
        last = sequence
      }
      assert.isTrue(last >= 2_000n)
    }))

  it.effect("can be read by libp2p, and libp2p's by us", () =>
    Effect.gen(function*() {
      const privateKey = yield* key
      const me = makeIdentity(privateKey)
      const sealed = yield* me.seal(addresses)
      const opened = yield* Effect.promise(() => RecordEnvelope.openAndCertify(sealed, Libp2pRecord.DOMAIN))
      const theirs = Libp2pRecord.createFromProtobuf(opened.payload)
      assert.strictEqual(theirs.peerId.toString(), me.self)
      assert.deepStrictEqual(theirs.multiaddrs.map(String), addresses)

      const record = new Libp2pRecord({
        peerId: peerIdFromPrivateKey(privateKey),
        multiaddrs: addresses.map((address) => multiaddr(address)),
        seqNumber: 2n ** 64n - 1n
      })
      assert.deepStrictEqual(yield* me.open(yield* envelope(privateKey, record.marshal())), {
        peer: me.self,
        sequence: 2n ** 64n - 1n,
        addresses
      })
    }))

  it.effect("are rejected where the signer is not whom they are about", () =>
    Effect.gen(function*() {
      const [mine, theirs] = [yield* key, yield* key]
      const record = new Libp2pRecord({ peerId: peerIdFromPrivateKey(theirs), multiaddrs: [] })
      const error = yield* Effect.flip(makeIdentity(mine).open(yield* envelope(mine, record.marshal())))
      assert.strictEqual(error.reason, "signature")
    }))

  it.effect("are rejected where they are records of something else", () =>
    Effect.gen(function*() {
      const mine = yield* key
      const record = new Libp2pRecord({ peerId: peerIdFromPrivateKey(mine), multiaddrs: [] })
      const other = yield* envelope(mine, record.marshal(), Uint8Array.of(3, 2))
      assert.strictEqual((yield* Effect.flip(makeIdentity(mine).open(other))).reason, "malformed")
    }))

  it.effect("leave out addresses that nobody here can read, and keep the others", () =>
    Effect.gen(function*() {
      const mine = yield* key
      const me = makeIdentity(mine)
      const readable = multiaddr("/ip4/192.0.2.1/tcp/7400")
      const unknownProtocol = Uint8Array.of(0xff, 0xff, 0x7f, 1, 2, 3)
      const torn = readable.bytes.subarray(0, 3)
      const peer = peerIdFromPrivateKey(mine).toMultihash().bytes
      const payload = Uint8Array.of(
        ...field(1, peer),
        0x10,
        7,
        ...[unknownProtocol, readable.bytes, torn, new Uint8Array()].flatMap((address) =>
          Array.from(field(3, field(1, address)))
        )
      )
      const record = yield* me.open(yield* envelope(mine, payload))
      assert.strictEqual(record.sequence, 7n)
      assert.include(record.addresses, Address.make("/ip4/192.0.2.1/tcp/7400"))
      assert.isAtMost(record.addresses.length, 1)
    }))

  it("are rejected, and never a defect, when they are any bytes", async () => {
    const me = makeIdentity(await generateKeyPair("Ed25519"))
    const sealed = await Effect.runPromise(me.seal(addresses))
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(sealed.length - 1).map((size) => sealed.slice(0, size)),
      fc.constant(new Uint8Array(100_000))
    )
    await fc.assert(fc.asyncProperty(any, async (bytes) => {
      const error = await Effect.runPromise(Effect.flip(me.open(bytes)))
      assert.include(["malformed", "signature"], error.reason)
    }))
  })

  it("are rejected, and never a defect, when any payload was signed", async () => {
    const mine = await generateKeyPair("Ed25519")
    const me = makeIdentity(mine)
    const peer = peerIdFromPrivateKey(mine).toMultihash().bytes
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.boolean(), async (bytes, named) => {
      const payload = named ? Uint8Array.of(...field(1, peer), ...bytes) : bytes
      const result = await Effect.runPromise(
        Effect.flatMap(envelope(mine, payload), (sealed) => Effect.result(me.open(sealed)))
      )
      if (result._tag === "Failure") assert.include(["malformed", "signature"], result.failure.reason)
      else assert.strictEqual(result.success.peer, me.self)
    }))
  })
})
