import { assert, describe, it } from "@effect/vitest"
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js"
import * as fc from "fast-check"
import {
  decodeHeader,
  displayHash,
  encodeHeader,
  hashHeader,
  parseHash
} from "../../../../src/sessions/header-sync/header.ts"
import { decodeJournal, encodeJournal } from "../../../../src/sessions/header-sync/journal.ts"
import {
  decodeMessage,
  encodeMessage,
  headersThatFit,
  maxAnnounced,
  maxBatch,
  maxLocator,
  type Message
} from "../../../../src/sessions/header-sync/messages.ts"
import {
  genesisBytes,
  genesisHash,
  knownParams,
  mainNetwork,
  testNetwork3
} from "../../../../src/sessions/header-sync/params.ts"
import { bitsOfTarget, meetsTarget, targetOfBits, workOfBits } from "../../../../src/sessions/header-sync/target.ts"

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const uint32 = fc.nat({ max: 0xffffffff })

describe("a header", () => {
  it("survives encoding and decoding", () =>
    fc.assert(fc.property(
      fc.record({
        version: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
        previous: bytesOf(32),
        merkleRoot: bytesOf(32),
        time: uint32,
        bits: uint32,
        nonce: uint32
      }),
      (header) => assert.deepStrictEqual(decodeHeader(encodeHeader(header)), header)
    )))

  it("has the hash that the chain displays", () => {
    const genesis = genesisBytes(mainNetwork)
    assert.strictEqual(
      displayHash(hashHeader(genesis)),
      "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    )
    assert.strictEqual(decodeHeader(genesis).nonce, 2083236893)
    assert.deepStrictEqual(parseHash(displayHash(hashHeader(genesis))), hashHeader(genesis))
    assert.isUndefined(parseHash("00"))
  })

  it("is hashed alike whatever was hashed before, and wherever in a buffer it stands", () =>
    fc.assert(fc.property(bytesOf(80), bytesOf(80), fc.nat({ max: 7 }), (a, b, offset) => {
      const alone = hashHeader(a)
      hashHeader(b)
      const buffer = new Uint8Array(96)
      buffer.set(a, offset)
      assert.deepStrictEqual(hashHeader(buffer, offset), alone)
    })))

  it("belongs to rules that are known by the genesis", () => {
    assert.strictEqual(knownParams(genesisHash(mainNetwork).toUpperCase()), mainNetwork)
    assert.strictEqual(knownParams(genesisHash(testNetwork3)), testNetwork3)
    assert.isUndefined(knownParams("00"))
  })
})

describe("a target", () => {
  it("has the compact forms of the chains", () => {
    assert.strictEqual(targetOfBits(0x1d00ffff), 0xffffn << 208n)
    assert.strictEqual(targetOfBits(0x1b0404cb), 0x0404cbn << 192n)
    assert.strictEqual(bitsOfTarget(0xffffn << 208n), 0x1d00ffff)
    assert.strictEqual(bitsOfTarget((1n << 224n) - 1n), 0x1d00ffff)
    assert.strictEqual(bitsOfTarget(0x80n), 0x02008000)
    assert.strictEqual(workOfBits(0x1d00ffff), 0x100010001n)
    assert.strictEqual(workOfBits(0x207fffff), 2n)
  })

  it("of a form that is negative, zero or too large is none, and no hash meets it", () => {
    for (const bits of [0, 0x1d000000, 0x1d80ffff, 0x04923456, 0x01003456, 0x23000100, 0xff123456, 0x21010000]) {
      assert.isUndefined(targetOfBits(bits))
      assert.strictEqual(workOfBits(bits), 0n)
      assert.isFalse(meetsTarget(new Uint8Array(32), bits))
    }
  })

  it("loses nothing but low digits in its compact form, and nothing at all the second time", () =>
    fc.assert(fc.property(fc.bigInt({ min: 1n, max: (1n << 256n) - 1n }), (target) => {
      const rounded = targetOfBits(bitsOfTarget(target)) ?? 0n
      assert.isTrue(rounded > 0n && rounded <= target && target - rounded <= target >> 14n)
      assert.strictEqual(bitsOfTarget(rounded), bitsOfTarget(target))
    })))

  it("is met by exactly the hashes that are not above it", () =>
    fc.assert(
      fc.property(
        bytesOf(32),
        fc.integer({ min: 0x1d, max: 0x20 }),
        fc.integer({ min: 1, max: 0x7fffff }),
        (hash, e, m) => {
          const bits = e * 0x1000000 + m
          const expected = BigInt(`0x${displayHash(hash)}`) <= (targetOfBits(bits) ?? -1n)
          assert.strictEqual(meetsTarget(hash, bits), expected)
        }
      )
    ))
})

const headers = (max: number) => fc.integer({ min: 1, max }).chain((n) => bytesOf(n * 80))
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ _tag: fc.constant("Hello" as const), version: fc.integer({ min: 1, max: 255 }) }),
  fc.record({
    _tag: fc.constant("Announce" as const),
    height: fc.integer({ min: maxAnnounced, max: 0xffffffff }),
    work: fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }),
    headers: headers(maxAnnounced)
  }),
  fc.record({
    _tag: fc.constant("Get" as const),
    skip: uint32,
    count: fc.integer({ min: 1, max: maxBatch }),
    pin: bytesOf(32),
    locator: fc.array(bytesOf(32), { minLength: 1, maxLength: maxLocator })
  }),
  fc.record({ _tag: fc.constant("Headers" as const), headers: headers(40) }),
  fc.constant<Message>({ _tag: "Gone" })
)

/** From the README, written out by hand: type, numbers big-endian, then headers and hashes as they are. */
const golden: ReadonlyArray<readonly [Message, string]> = [
  [{ _tag: "Hello", version: 1 }, "0001"],
  [
    { _tag: "Announce", height: 0, work: 0x100010001n, headers: genesisBytes(mainNetwork) },
    `0100000000${"100010001".padStart(64, "0")}01${mainNetwork.genesisHeader}`
  ],
  [
    {
      _tag: "Get",
      skip: 2000,
      count: 258,
      pin: new Uint8Array(32).fill(0xaa),
      locator: [new Uint8Array(32).fill(0xbb), new Uint8Array(32).fill(0xcc)]
    },
    "02000007d00102" + "aa".repeat(32) + "02" + "bb".repeat(32) + "cc".repeat(32)
  ],
  [{ _tag: "Headers", headers: genesisBytes(testNetwork3) }, `030001${testNetwork3.genesisHeader}`],
  [{ _tag: "Gone" }, "04"]
]

describe("a message", () => {
  it("looks as the vectors say", () => {
    for (const [message, hex] of golden) {
      assert.strictEqual(bytesToHex(encodeMessage(message)), hex)
      assert.deepStrictEqual(decodeMessage(hexToBytes(hex)), message)
    }
  })

  it("survives encoding and decoding", () =>
    fc.assert(
      fc.property(message, (message) => assert.deepStrictEqual(decodeMessage(encodeMessage(message)), message))
    ))

  it("is malformed when a byte is missing or too many, but for a hello, whose end belongs to later versions", () =>
    fc.assert(fc.property(message, (message) => {
      const bytes = encodeMessage(message)
      assert.strictEqual(decodeMessage(bytes.subarray(0, -1))._tag, "Malformed")
      assert.strictEqual(
        decodeMessage(Uint8Array.of(...bytes, 0))._tag,
        message._tag === "Hello" ? "Hello" : "Malformed"
      )
    })))

  it("is malformed where a number is out of bounds", () => {
    const get = encodeMessage({
      _tag: "Get",
      skip: 0,
      count: 1,
      pin: new Uint8Array(32),
      locator: [new Uint8Array(32)]
    })
    const announce = encodeMessage({ _tag: "Announce", height: 5, work: 1n, headers: new Uint8Array(80) })
    const answer = encodeMessage({ _tag: "Headers", headers: new Uint8Array(80) })
    const changed = (bytes: Uint8Array, at: number, ...values: ReadonlyArray<number>) => {
      const copy = bytes.slice()
      copy.set(values, at)
      return decodeMessage(copy)._tag
    }
    assert.strictEqual(changed(get, 5, 0x07, 0xd1), "Malformed")
    assert.strictEqual(changed(get, 5, 0, 0), "Malformed")
    assert.strictEqual(changed(get, 39, 0), "Malformed")
    assert.strictEqual(changed(get, 39, 65), "Malformed")
    assert.strictEqual(changed(announce, 37, 0), "Malformed")
    assert.strictEqual(changed(announce, 37, 17), "Malformed")
    assert.strictEqual(changed(answer, 1, 0, 0), "Malformed")
    assert.strictEqual(changed(answer, 1, 0x07, 0xd1), "Malformed")
    const tooMany = encodeMessage({ _tag: "Announce", height: 0, work: 1n, headers: new Uint8Array(160) })
    assert.strictEqual(decodeMessage(tooMany)._tag, "Malformed")
    for (const bytes of [[], [0], [0, 0], [5], [255, 1]]) {
      assert.strictEqual(decodeMessage(Uint8Array.from(bytes))._tag, "Malformed")
    }
    assert.strictEqual(decodeMessage(new Uint8Array(65).fill(1, 1))._tag, "Malformed")
  })

  it("never throws, whatever the bytes", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.isString(decodeMessage(bytes)._tag)
      }),
      { numRuns: 2000 }
    ))

  it("of headers is as large as asked for at most", () => {
    assert.strictEqual(headersThatFit(2), 0)
    assert.strictEqual(headersThatFit(82), 0)
    assert.strictEqual(headersThatFit(83), 1)
    assert.strictEqual(headersThatFit(64 * 1024), 819)
    assert.strictEqual(headersThatFit(16 * 1024 * 1024), maxBatch)
  })
})

describe("a journal", () => {
  it("survives encoding and decoding, and no change of a bit", () =>
    fc.assert(
      fc.property(uint32, fc.nat({ max: 4 }).chain((n) => bytesOf(n * 80)), fc.nat(), (durable, branch, flip) => {
        const bytes = encodeJournal({ durable, branch })
        assert.deepStrictEqual(decodeJournal(bytes), { durable, branch })
        const at = flip % (bytes.length * 8)
        bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7))
        assert.isUndefined(decodeJournal(bytes))
        assert.isUndefined(decodeJournal(bytes.subarray(0, at >> 3)))
      })
    ))
})
