import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { PeerId } from "../../../../signatures/index.ts"
import { Answers, extend, type Teachable } from "../../../../src/peers/exchange/answers.ts"
import { randomOf } from "../../node/world.ts"

const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
const peer = (n: number): PeerId => `Qm${letters[Math.floor(n / 24) % 24]}${letters[n % 24]}` as PeerId
const peers = (count: number): ReadonlyArray<PeerId> => Array.from({ length: count }, (_, n) => peer(n))
const each = (n: PeerId): Teachable => ({ isShared: true, groups: [n] })

describe("an answer", () => {
  const teachable = fc.record({
    isShared: fc.boolean(),
    groups: fc.uniqueArray(fc.constantFrom("p", "q", "r"), { maxLength: 2 })
  })
  const all = fc.array(fc.option(teachable, { nil: undefined }), { maxLength: 30 })

  it("has eight at most, none twice, none that may not be told, and keeps what was told", () => {
    fc.assert(fc.property(all, fc.nat(8), fc.nat(), (facts, told, seed) => {
      const names = peers(facts.length)
      const look = (name: PeerId) => facts[names.indexOf(name)]
      const before = names.slice(0, told)
      const answer = extend(before, names, look, randomOf(seed))
      assert.deepStrictEqual(answer.slice(0, before.length), before)
      assert.isAtMost(answer.length, 8)
      assert.strictEqual(new Set(answer).size, answer.length)
      for (const name of answer.slice(before.length)) assert.isDefined(look(name))
      const others = names.filter((name) => look(name) !== undefined && !answer.includes(name))
      if (answer.length < 8) assert.deepStrictEqual(others, [])
    }))
  })

  it("has somebody who shares no chain only when all who share one are in it", () => {
    fc.assert(fc.property(all, fc.nat(), (facts, seed) => {
      const names = peers(facts.length)
      const look = (name: PeerId) => facts[names.indexOf(name)]
      const answer = extend([], names, look, randomOf(seed))
      const left = names.filter((name) => look(name) !== undefined && !answer.includes(name))
      if (left.some((name) => look(name)?.isShared === true)) {
        assert.isTrue(answer.every((name) => look(name)?.isShared === true))
      }
    }))
  })

  it("is not filled by many peers in few groups while there are others", () => {
    const names = peers(205)
    const look = (name: PeerId): Teachable => {
      const n = names.indexOf(name)
      return { isShared: true, groups: [n < 5 ? `honest ${n}` : `crowd ${n % 3}`] }
    }
    for (let seed = 0; seed < 50; seed++) {
      const answer = extend([], names, look, randomOf(seed))
      assert.lengthOf(answer, 8)
      assert.lengthOf(answer.filter((name) => names.indexOf(name) < 5), 5)
    }
  })
})

describe("what a peer was told", () => {
  it("stays the same for a while, however often it asks and whoever is new, and then changes", () => {
    const answers = new Answers(900_000)
    const random = randomOf(3)
    const first = answers.to(peer(500), 0, () => peers(100), each, random)
    assert.lengthOf(first, 8)
    for (let at = 0; at < 900_000; at += 50_000) {
      assert.deepStrictEqual(answers.to(peer(500), at, () => peers(300), each, random), first)
    }
    assert.notDeepEqual(answers.to(peer(500), 900_000, () => peers(300), each, random), first)
  })

  it("differs from what another is told", () => {
    const answers = new Answers(900_000)
    const random = randomOf(3)
    const told = peers(20).map((asker) => answers.to(asker, 0, () => peers(300), each, random))
    assert.isAbove(new Set(told.flat()).size, 100)
  })

  it("is filled up, but not more often than once a second", () => {
    const answers = new Answers(900_000)
    const random = randomOf(3)
    const at = (now: number, count: number) => answers.to(peer(500), now, () => peers(count), each, random).length
    assert.deepStrictEqual([at(0, 3), at(999, 8), at(1_000, 5), at(2_000, 300), at(3_000, 300)], [3, 3, 5, 8, 8])
  })

  it("is remembered of a thousand askers", () => {
    const answers = new Answers(900_000)
    const random = randomOf(3)
    for (let n = 0; n < 3_000; n++) answers.to(`Qm${"1".repeat(n % 50)}${n}` as PeerId, 0, () => [], each, random)
    assert.isAtMost(answers.size, 1024)
  })
})
