import { assert, describe, it } from "@effect/vitest"
import { defaultCrypto } from "@libp2p/noise/crypto"
import { Effect } from "effect"
import * as fc from "fast-check"
import { Uint8ArrayList } from "uint8arraylist"
import { cipher } from "../../../src/libp2p/cipher.ts"
import { noteRead } from "../../../src/libp2p/memory.ts"
import { accepted, linked, readAll } from "../../support/libp2p.ts"

const key = Uint8Array.from({ length: 32 }, (_, at) => at)
const none = new Uint8Array(0)

const nonceOf = (n: number): Uint8Array => {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(4, n, true)
  return nonce
}

const bytes = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, at) => (at * seed) ^ at >> 8)

const plain = (list: Uint8Array | Uint8ArrayList): Uint8Array => new Uint8Array(list.slice())

/** A record's size: of all kinds, up to the largest. */
const size = fc.oneof(fc.nat(700), fc.nat(65_519))

describe("the cipher of links over TCP", () => {
  it("is noise's own, byte by byte, however the text is cut", () =>
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(255), (sizes, n) => {
        const pieces = sizes.map((length, index) => bytes(length % 20_000, index + 3))
        const text = new Uint8ArrayList(...pieces)
        const sealed = plain(cipher.chaCha20Poly1305Encrypt(text, nonceOf(n), none, key))
        assert.deepStrictEqual(sealed, plain(defaultCrypto.chaCha20Poly1305Encrypt(text, nonceOf(n), none, key)))
        const associated = bytes(32, n)
        assert.deepStrictEqual(
          plain(cipher.chaCha20Poly1305Encrypt(text.slice(), nonceOf(n), associated, key)),
          plain(defaultCrypto.chaCha20Poly1305Encrypt(text.slice(), nonceOf(n), associated, key))
        )
      }),
      { numRuns: 30 }
    ))

  it("gives back what a socket read once all of it was read, never earlier, and no text goes along", () =>
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 32_768, max: 70_000 }),
        (sizes, read) => {
          const texts = sizes.map((length, index) => bytes(length, index + 5))
          const records = texts.map((text, n) => plain(cipher.chaCha20Poly1305Encrypt(text, nonceOf(n), none, key)))
          const all = Buffer.concat(records)
          const reads = Array.from(
            { length: Math.ceil(all.length / read) },
            (_, index) => new Uint8Array(all.subarray(index * read, (index + 1) * read))
          )
          for (const chunk of reads) noteRead(chunk)
          const stream = new Uint8ArrayList(...reads)
          const opened = records.map((record, n) => {
            const part = stream.sublist(0, record.length)
            stream.consume(record.length)
            // As noise calls it: with a copy for the text to be written to, which is a view where nothing had to be copied.
            const got = cipher.chaCha20Poly1305Decrypt(
              part,
              nonceOf(n),
              none,
              key,
              part.subarray(0, record.length - 16)
            )
            const left = stream.slice()
            assert.deepStrictEqual(left, new Uint8Array(all.subarray(all.length - left.length)))
            return got
          })
          assert.deepStrictEqual(opened.map(plain), texts)
          const last = records.at(-1)?.length ?? 0
          for (const [index, chunk] of reads.entries()) {
            const end = Math.min(all.length, (index + 1) * read)
            // Only a large record looks whether it was the last reader.
            if (last >= 600 && end === all.length && end - index * read >= 32_768) assert.strictEqual(chunk.length, 0)
          }
        }
      ),
      { numRuns: 30 }
    ))

  it("opens nothing that was changed", () => {
    for (const length of [100, 10_000]) {
      const sealed = plain(cipher.chaCha20Poly1305Encrypt(bytes(length, 3), nonceOf(1), none, key))
      for (const at of [0, length >> 1, length + 15]) {
        const changed = sealed.slice()
        changed[at] = (changed[at] ?? 0) ^ 1
        const list = new Uint8ArrayList(changed.subarray(0, 50), changed.subarray(50))
        assert.throws(() => cipher.chaCha20Poly1305Decrypt(list, nonceOf(1), none, key, list.slice(0, length)))
      }
    }
  })

  it.live("leaves what arrives as it was, on many streams of a link at once, both ways", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked("tcp")
      const streams = yield* accepted(inLink)
      const sizes = [1, 590, 1_200, 8_192, 33_000, 65_400, 65_519, 65_536, 70_001, 131_072]
      const pairs = yield* Effect.replicateEffect(
        Effect.gen(function*() {
          return [yield* out.open("/chain-p2p/1"), yield* streams.next] as const
        }),
        8
      )
      const wanted = pairs.map((_, index) => Buffer.concat(sizes.map((length) => bytes(length, index + 2))))
      for (const length of sizes) {
        for (const [index, pair] of pairs.entries()) for (const end of pair) end.write(bytes(length, index + 2))
        yield* Effect.yieldNow
      }
      for (const end of pairs.flat()) end.finish()
      const read = yield* Effect.forEach(pairs.flat(), readAll, { concurrency: "unbounded" })
      for (const [index, { bytes: got }] of read.entries()) {
        assert.isTrue(wanted[index >> 1]?.equals(got), `stream ${index}`)
      }
    }))
})
