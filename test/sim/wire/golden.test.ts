import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import * as fc from "fast-check"
import { decodeCbor, encodeCbor } from "../../../src/wire/cbor.ts"
import { asText, chainKey, saltedKey } from "../../../src/wire/chainKey.ts"
import { type ControlMessage, decodeControl, encodeControl } from "../../../src/wire/controlMessages.ts"
import { abortFrame, creditFrame, endFrame, frame, FrameType } from "../../../src/wire/frames.ts"
import {
  decodeAccept,
  decodeHello,
  decodeReject,
  encodeAccept,
  encodeHello,
  rejectFrame
} from "../../../src/wire/openingFrames.ts"
import { golden } from "../../support/golden/wire.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"))

const bitcoin = {
  network: "devnet",
  name: "bitcoin",
  genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
}
const key = chainKey(bitcoin)
const salt = Uint8Array.from({ length: 16 }, (_, i) => i)
const record = Uint8Array.of(1, 2, 3)
const entry = saltedKey(salt, key)

const hello = { version: 1, chain: key, maxMessageBytes: 2_097_152, window: 1_048_576, features: [] }
const accept = { maxMessageBytes: 2_097_152, window: 1_048_576 }
const reject = { reason: "full", retryAfterMillis: 10_000, alternatives: [record] } as const

const control: { readonly [name: string]: ControlMessage } = {
  info: { type: "info", version: 1, salt, record, chains: [entry] },
  chains: { type: "chains", added: [entry], removed: [] },
  renewal: { type: "renewal", record },
  ping: { type: "ping", id: 1 },
  pong: { type: "pong", id: 1 },
  goodbye: { type: "goodbye", reason: "idle" },
  "get-peers": { type: "get-peers", id: 1 },
  peers: { type: "peers", id: 1, records: [record] }
}

const made: { readonly [name: string]: Uint8Array } = {
  "chain key": key,
  "chain set entry": entry,
  "DATA": frame(FrameType.data, Uint8Array.of(0xca, 0xfe)),
  "DATA, empty": frame(FrameType.data, new Uint8Array(0)),
  "CREDIT": creditFrame(524_288),
  "END closed": endFrame("closed"),
  "END rotated": endFrame("rotated"),
  "END draining": endFrame("draining"),
  "END shutdown": endFrame("shutdown"),
  "ABORT session-failed": abortFrame("session-failed"),
  "ABORT timeout": abortFrame("timeout"),
  "ABORT protocol-violation": abortFrame("protocol-violation"),
  "HELLO": frame(FrameType.hello, encodeHello(hello)),
  "ACCEPT": frame(FrameType.accept, encodeAccept(accept)),
  "REJECT": rejectFrame(reject),
  ...Object.fromEntries(
    Object.entries(control).map(([name, message]) => [`control ${name}`, frame(FrameType.data, encodeControl(message))])
  )
}

describe("what goes over the wire", () => {
  it.each(Object.entries(golden))("is, byte by byte: %s", (name, expected) => {
    expect(hex(made[name] ?? new Uint8Array(0))).toBe(expected.replaceAll(" ", ""))
  })

  it("has a golden vector for everything that is ever said", () => {
    expect(Object.keys(golden).toSorted()).toEqual(Object.keys(made).toSorted())
  })

  it("is understood again", () => {
    const body = (name: string) => bytesOf(golden[name] ?? "").subarray(4)
    expect(Option.getOrUndefined(decodeHello(body("HELLO")))).toEqual(hello)
    expect(Option.getOrUndefined(decodeAccept(body("ACCEPT")))).toEqual(accept)
    expect(Option.getOrUndefined(decodeReject(body("REJECT")))).toEqual(reject)
    for (const [name, message] of Object.entries(control)) {
      expect(Option.getOrUndefined(decodeControl(body(`control ${name}`)))).toEqual(message)
    }
  })
})

describe("a chain's key", () => {
  it("is another for another network, name or genesis, also where their texts run together", () => {
    const keys = [
      bitcoin,
      { ...bitcoin, network: "mainnet" },
      { ...bitcoin, name: "bitcoin2" },
      { ...bitcoin, genesis: "00" },
      { network: "devnetb", name: "itcoin", genesis: bitcoin.genesis }
    ].map((chain) => asText(chainKey(chain)))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe("CBOR", () => {
  it("gives plain arrays, however long the encoding", () => {
    for (let size = 0; size < 400; size++) {
      const bytes = encodeCbor([new Uint8Array(size), "x".repeat(size)])
      expect(bytes.constructor).toBe(Uint8Array)
      expect(Option.getOrThrow(decodeCbor(bytes))).toEqual([new Uint8Array(size), "x".repeat(size)])
    }
  })

  it("gives back what was encoded", () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.string({ unit: "grapheme" }),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie("value"), { maxKeys: 4, noNullPrototype: true })
      )
    }))
    fc.assert(fc.property(value, (value) => {
      expect(decodeCbor(encodeCbor(value))).toEqual(Option.some(value))
    }))
  })

  it.each([
    ["nothing", ""],
    ["bytes after the value", "01 01"],
    ["an array of no declared length", "9f 01 ff"],
    ["a map of no declared length", "bf 61 61 01 ff"],
    ["a text of no declared length", "7f 61 61 ff"],
    ["bytes of no declared length", "5f 41 00 ff"],
    ["more array items than bytes", "9a 7f ff ff ff 01"],
    ["more map entries than bytes", "ba 7f ff ff ff 01 01"],
    ["an array of 2^63 items", "9b 7f ff ff ff ff ff ff ff"],
    ["a text that is longer than what is left", "7a 7f ff ff ff 61"],
    ["bytes that are longer than what is left", "5b 00 00 00 ff ff ff ff ff"],
    ["a number in a longer form than it needs", "18 01"],
    ["a repeated key", "a2 61 61 01 61 61 02"],
    ["a key that is no text", "a1 01 01"],
    ["a tag", "c1 01"],
    ["undefined", "f7"],
    ["a number that is none", "f9 7e 00"],
    ["infinity", "f9 7c 00"],
    ["nine levels", "81 81 81 81 81 81 81 81 81 01"],
    ["a reserved form", "1c"],
    ["a text that ends early", "62 61"],
    ["a lonely break", "ff"]
  ])("refuses %s", (_, bytes) => {
    expect(decodeCbor(bytesOf(bytes))).toEqual(Option.none())
  })

  it("takes eight levels, and many empty lists at one level", () => {
    expect(decodeCbor(bytesOf("81 81 81 81 81 81 81 81 01"))).toEqual(Option.some([[[[[[[[1]]]]]]]]))
    expect(decodeCbor(encodeCbor(Array.from({ length: 50 }, () => [[]])))).toEqual(
      Option.some(Array.from({ length: 50 }, () => [[]]))
    )
  })

  it("never throws, and what it gives fits in what came", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const value = decodeCbor(bytes)
        if (Option.isSome(value)) {
          JSON.stringify(value.value, (_, inner) => typeof inner === "bigint" ? `${inner}` : inner)
        }
        expect(Option.isOption(value)).toBe(true)
      }),
      { numRuns: 5000 }
    )
  })
})

describe("the opening's frames", () => {
  const edited = (changes: object) => decodeHello(encodeCbor({ ...hello, ...changes }))
  it.each([
    ["a key of 31 bytes", { chain: new Uint8Array(31) }],
    ["a key that is a text", { chain: "x".repeat(32) }],
    ["no maximum", { maxMessageBytes: 0 }],
    ["a maximum of 16 MiB", { maxMessageBytes: 16 * 1024 * 1024 }],
    ["a maximum with a fraction", { maxMessageBytes: 1.5 }],
    ["no window", { window: 0 }],
    ["a window of 2 GiB", { window: 2 ** 31 }],
    ["a negative version", { version: -1 }],
    ["nine features", { features: Array.from({ length: 9 }, () => "x") }]
  ])("refuse %s", (_, changes) => {
    expect(edited(changes)).toEqual(Option.none())
  })

  it("ignore keys of later versions", () => {
    expect(edited({ version: 2, later: [1, 2] })).toEqual(Option.some({ ...hello, version: 2 }))
  })

  it("refuse a rejection with a reason, a time or records out of range", () => {
    const reading = (changes: object) => decodeReject(encodeCbor({ ...reject, ...changes }))
    expect(reading({})).toEqual(Option.some(reject))
    expect(reading({ reason: "bored" })).toEqual(Option.none())
    expect(reading({ retryAfterMillis: 600_001 })).toEqual(Option.none())
    expect(reading({ alternatives: [record, record, record, record, record] })).toEqual(Option.none())
    expect(reading({ alternatives: [new Uint8Array(2049)] })).toEqual(Option.none())
  })
})
