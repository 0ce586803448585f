import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { extend } from "../../../../src/sessions/header-sync/extend.ts"
import {
  decodeHeader,
  displayHash,
  encodeHeader,
  hashHeader,
  headerSize
} from "../../../../src/sessions/header-sync/header.ts"
import { HeaderIndex } from "../../../../src/sessions/header-sync/HeaderIndex.ts"
import type { HeaderParams } from "../../../../src/sessions/header-sync/params.ts"
import { futureLimit, medianTimePast, requiredBits } from "../../../../src/sessions/header-sync/rules.ts"
import { targetOfBits, workOfBits } from "../../../../src/sessions/header-sync/target.ts"
import {
  after,
  countOf,
  easyParams,
  genesisOf,
  grow,
  growBy,
  headerAt,
  realChains,
  remine,
  upTo
} from "../../../support/headers.ts"

/** A chain that is known to be valid. */
const indexOf = (bytes: Uint8Array): HeaderIndex => {
  const index = new HeaderIndex()
  for (let at = 0; at < bytes.length; at += headerSize) index.push(bytes, at, hashHeader(bytes, at))
  return index
}

const faultOf = (params: HeaderParams, chain: Uint8Array, next: Uint8Array, now = Infinity) =>
  extend(params, indexOf(chain), next, now)?.fault

describe("the rules", () => {
  for (const chain of realChains()) {
    it(`find every header of ${chain.name} valid, up to the tip that its network has`, () => {
      const index = indexOf(genesisOf(chain.params))
      assert.isUndefined(extend(chain.params, index, after(chain.bytes, 0), Infinity))
      assert.strictEqual(index.height, chain.height)
      assert.strictEqual(displayHash(index.tipHash), chain.tip)
      let work = 0n
      for (let height = 0; height <= index.height; height++) work += workOfBits(index.bitsAt(height))
      assert.strictEqual(index.work, work)
    })
  }

  it("hold the test network to its retargets and its rule for late blocks", () => {
    const [, testnet] = realChains()
    const index = indexOf(testnet.bytes)
    // The main network's rules differ in nothing but that rule.
    const { minimumDifficultyAfter: _, ...strict } = testnet.params
    const differ: Array<number> = []
    for (let height = 1; height <= index.height; height++) {
      const time = index.timeAt(height)
      const bits = index.bitsAt(height)
      assert.strictEqual(requiredBits(testnet.params, index, height, time), bits)
      if (requiredBits(strict, index, height, time) !== bits) differ.push(height)
    }
    const bitsAt = (height: number) => index.bitsAt(height)
    assert.deepStrictEqual([4032, 4033, 4209, 6048, 8062, 8063, 8064].map(bitsAt), [
      0x1c3fffc0,
      0x1d00ffff,
      0x1c3fffc0,
      0x1c0ffff0,
      0x1d00ffff,
      0x1c0ffff0,
      0x1c3fffc0
    ])
    assert.deepStrictEqual(differ, [4033, 4209, 8062, 8063])
  })

  it("name what is wrong with a header of each kind", () => {
    const params = easyParams({ retargetInterval: 16 })
    const chain = growBy(params, genesisOf(params), 20)
    const good = headerAt(growBy(params, chain, 1), 21)
    const { bits, time } = decodeHeader(good)
    const index = indexOf(chain)
    assert.isUndefined(faultOf(params, chain, good))
    assert.deepStrictEqual(faultOf(params, upTo(chain, 19), good), { _tag: "link" })
    assert.deepStrictEqual(faultOf(params, chain, remine(good, { bits: 0x2000ffff })), {
      _tag: "bits",
      found: 0x2000ffff,
      required: bits
    })
    const median = medianTimePast(index, 20)
    assert.deepStrictEqual(faultOf(params, chain, remine(good, { time: median })), {
      _tag: "median-time",
      found: median,
      median
    })
    assert.isUndefined(faultOf(params, chain, remine(good, { time: median + 1 })))
    const now = time - futureLimit
    assert.isUndefined(faultOf(params, chain, good, now))
    assert.deepStrictEqual(faultOf(params, chain, good, now - 1), { _tag: "future", found: time, now: now - 1 })
    const [bitcoin] = realChains()
    const lazy = headerAt(bitcoin.bytes, 1)
    lazy[76] = (lazy[76] ?? 0) ^ 1
    assert.deepStrictEqual(faultOf(bitcoin.params, upTo(bitcoin.bytes, 0), lazy), { _tag: "proof-of-work" })
  })

  it("take the median of as many headers as there are, up to eleven", () =>
    fc.assert(fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 30 }), (times) => {
      const chain = { timeAt: (height: number) => times[height] ?? NaN, bitsAt: () => 0 }
      const last = times.slice(-11).toSorted((a, b) => a - b)
      assert.strictEqual(medianTimePast(chain, times.length - 1), last[Math.floor(last.length / 2)])
    })))

  it("change the difficulty by no more than four times, and never beyond the limit", () =>
    fc.assert(fc.property(
      fc.array(fc.nat({ max: 100_000 }), { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 0x1000, max: 0x7fffff }),
      (gaps, mantissa) => {
        const params = easyParams({ retargetInterval: 4, spacing: 600 })
        const bits = 0x1f000000 + mantissa
        let time = 0
        const times = [0, ...gaps.map((gap) => time += gap)]
        const chain = { timeAt: (height: number) => times[height] ?? NaN, bitsAt: () => bits }
        const before = targetOfBits(bits) ?? 0n
        const next = targetOfBits(requiredBits(params, chain, 4, 0)) ?? 0n
        // The last gap of the four is not part of the period: its first header is number 0, its last number 3.
        const taken = BigInt(Math.min(Math.max((times[3] ?? 0) - (times[0] ?? 0), 600), 9600))
        const exact = before * taken / 2400n
        const limit = targetOfBits(params.limitBits) ?? 0n
        const expected = exact > limit ? limit : exact
        assert.isTrue(next <= expected && expected - next <= expected >> 14n)
      }
    )))

  it("let headers of a chain without retargets keep the bits of its genesis", () => {
    const params = easyParams()
    const chain = grow(params, genesisOf(params), [1, 100_000, 5, 1])
    assert.strictEqual(countOf(chain), 5)
    assert.isUndefined(faultOf(params, genesisOf(params), after(chain, 0)))
  })

  it("find a generated chain valid, and none of its bits superfluous", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        fc.nat(),
        (gaps, late, flip) => {
          const params = easyParams({
            retargetInterval: 8,
            limitBits: 0x2000ffff,
            ...(late ? { minimumDifficultyAfter: 1200 } : {})
          })
          const chain = grow(params, genesisOf(params), gaps)
          assert.isUndefined(faultOf(params, genesisOf(params), after(chain, 0)))
          // Any change but in the last header is found, for the next names it.
          const at = headerSize * 8 + flip % ((chain.length - 2 * headerSize) * 8 || 1)
          if (gaps.length < 2) return
          chain[at >> 3] = (chain[at >> 3] ?? 0) ^ (1 << (at & 7))
          assert.isDefined(faultOf(params, genesisOf(params), after(chain, 0)))
        }
      ),
      { numRuns: 40 }
    ))
})

describe("an index", () => {
  it("finds headers by hash through growth and reorganisations, as a plain list does", () => {
    const hash = (n: number) =>
      hashHeader(encodeHeader({
        version: 1,
        previous: new Uint8Array(32),
        merkleRoot: new Uint8Array(32),
        time: n,
        bits: 0x207fffff,
        nonce: 0
      }))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.nat({ max: 600 })), { maxLength: 8 }),
        (moves) => {
          const index = new HeaderIndex()
          const model: Array<Uint8Array> = []
          const dropped: Array<Uint8Array> = []
          let serial = 0
          const push = () => {
            const previous = model.at(-1) ?? new Uint8Array(32)
            const bytes = encodeHeader({
              version: 1,
              previous,
              merkleRoot: new Uint8Array(32),
              time: serial++,
              bits: serial % 3 === 0 ? 0x207fffff : 0x2000ffff,
              nonce: 0
            })
            index.push(bytes, 0, hashHeader(bytes))
            model.push(hashHeader(bytes))
          }
          push()
          for (const [grows, drops] of moves) {
            for (let i = 0; i < grows; i++) push()
            const height = Math.max(0, model.length - 1 - drops)
            dropped.push(...model.splice(height + 1))
            index.truncate(height)
          }
          assert.strictEqual(index.height, model.length - 1)
          for (const [height, hash] of model.entries()) assert.strictEqual(index.find(hash), height)
          for (const hash of dropped) assert.strictEqual(index.find(hash), -1)
          assert.strictEqual(index.find(hash(-1 >>> 0)), -1)
          let work = 0n
          for (let height = 0; height < model.length; height++) {
            work += workOfBits(index.bitsAt(height))
            if (height % 97 === 0) assert.strictEqual(index.workUpTo(height), work)
          }
          assert.strictEqual(index.work, work)
        }
      ),
      { numRuns: 15 }
    )
  })
})
