import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import * as fc from "fast-check"
import { decodeCbor, encodeCbor } from "../../../src/wire/cbor.ts"
import { decodeAccept, decodeHello, encodeAccept, encodeHello } from "../../../src/wire/openingFrames.ts"
import { decodePlainAccept, decodePlainHello } from "../../../src/wire/plainOpenings.ts"

const sizes = (most: number) =>
  fc.oneof(
    ...[24, 0x100, 0x1_0000, most].map((edge) =>
      fc.integer({ min: Math.max(1, edge - 3), max: Math.min(most, edge + 3) })
    ),
    fc.integer({ min: 1, max: most })
  )

const terms = { maxMessageBytes: sizes(16 * 1024 * 1024 - 1), window: sizes(0x7fff_ffff) }
const accepts = fc.record(terms)
const hellos = fc.record({
  version: sizes(0xffff),
  chain: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  ...terms,
  features: fc.constant<ReadonlyArray<string>>([])
})

/** Some of its bytes are others, and some are missing or too many. */
const damaged = (bytes: Uint8Array) =>
  fc.record({
    edits: fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 2 }),
    at: fc.nat(bytes.length),
    cut: fc.nat(2),
    more: fc.uint8Array({ maxLength: 2 })
  }).map(({ at, cut, edits, more }) => {
    const changed = Array.from(bytes)
    for (const [where, byte] of edits) changed[where] = byte
    changed.splice(at, cut, ...more)
    return Uint8Array.from(changed)
  })

/** What schemas make of what the strict decoder reads. */
const between = (maximum: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum })))
const Accept = Schema.Struct({ maxMessageBytes: between(16 * 1024 * 1024 - 1), window: between(0x7fff_ffff) })
const Hello = Schema.Struct({
  version: between(0xffff),
  chain: Schema.Uint8Array,
  ...Accept.fields,
  features: Schema.Array(Schema.Never)
})
const strictly = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, bytes: Uint8Array) =>
  Option.getOrUndefined(Option.flatMap(decodeCbor(bytes), (value) => Schema.decodeUnknownOption(schema)(value)))

describe("a hello and an accept", () => {
  it("are what any encoder of CBOR makes of them, and are read back without a decoder", () => {
    fc.assert(fc.property(hellos, accepts, (hello, accept) => {
      assert.deepStrictEqual(encodeHello(hello), encodeCbor(hello))
      assert.deepStrictEqual(encodeAccept(accept), encodeCbor(accept))
      assert.deepStrictEqual(decodePlainAccept(encodeAccept(accept)), accept)
      const { features, ...plain } = hello
      assert.deepStrictEqual(features, [])
      assert.deepStrictEqual(decodePlainHello(encodeHello(hello)), plain)
      assert.deepStrictEqual(decodeHello(encodeHello(hello)), Option.some(hello))
      assert.deepStrictEqual(decodeAccept(encodeAccept(accept)), Option.some(accept))
    }))
  })

  it("are read as a strict decoder reads them, whatever became of their bytes", () => {
    const bytes = fc.oneof(
      hellos.chain((hello) => damaged(encodeHello(hello))),
      accepts.chain((accept) => damaged(encodeAccept(accept)))
    )
    fc.assert(
      fc.property(bytes, (bytes) => {
        const hello = decodePlainHello(bytes)
        if (hello !== undefined) assert.deepStrictEqual({ ...hello, features: [] }, strictly(Hello, bytes))
        const accept = decodePlainAccept(bytes)
        if (accept !== undefined) assert.deepStrictEqual(accept, strictly(Accept, bytes))
      }),
      { numRuns: 3000 }
    )
  })

  it("with features is read, but not as a plain one", () => {
    const hello = { version: 2, chain: new Uint8Array(32), maxMessageBytes: 1, window: 1, features: ["later"] }
    const bytes = encodeHello(hello)
    assert.isUndefined(decodePlainHello(bytes))
    assert.deepStrictEqual(decodeHello(bytes), Option.some(hello))
  })
})
