import { assert, it } from "@effect/vitest"
import { Option } from "effect"
import * as fc from "fast-check"
import { decodeCbor, encodeCbor } from "../../../src/wire/cbor.ts"
import { decodePing, encodePing, type PingOrPong } from "../../../src/wire/pings.ts"

const pings: fc.Arbitrary<PingOrPong> = fc.record({
  type: fc.constantFrom("ping", "pong"),
  id: fc.oneof(
    fc.nat(30),
    fc.integer({ min: 250, max: 260 }),
    fc.integer({ min: 0xfff0, max: 0x1_0010 }),
    fc.nat(0xffff_ffff)
  )
})

it("pings are what any encoder of CBOR makes of them, and are read back", () => {
  fc.assert(fc.property(pings, (ping) => {
    const bytes = encodePing(ping)
    assert.deepStrictEqual(bytes, encodeCbor(ping))
    assert.deepStrictEqual(decodePing(bytes), ping)
  }))
})

it("nothing is read as a ping but what a strict decoder reads as the same", () => {
  const damage = fc.record({ at: fc.nat(24), byte: fc.nat(255), cut: fc.nat(3), more: fc.uint8Array({ maxLength: 2 }) })
  fc.assert(
    fc.property(pings, fc.option(damage), fc.boolean(), (ping, damage, resized) => {
      const bytes = Array.from(encodePing(ping))
      if (damage !== null) {
        bytes[damage.at % bytes.length] = damage.byte
        if (resized) bytes.splice(bytes.length - damage.cut, damage.cut, ...damage.more)
      }
      const read = decodePing(Uint8Array.from(bytes))
      if (read !== undefined) assert.deepStrictEqual(Option.some<unknown>(read), decodeCbor(Uint8Array.from(bytes)))
    }),
    { numRuns: 2000 }
  )
})
