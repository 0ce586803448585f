import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { PeerId } from "../../../../signatures/index.ts"
import {
  answered,
  type AskDecision,
  type AskState,
  nobodyAsked,
  whomToAsk
} from "../../../../src/peers/exchange/asking.ts"
import { exchangeSetting } from "../../../../src/peers/exchange/options.ts"
import { randomOf } from "../../node/world.ts"

const setting = exchangeSetting()
const names = Array.from({ length: 20 }, (_, n) => `Qm${String.fromCharCode(65 + n)}` as PeerId).filter((name) =>
  !/[IO]/.test(name)
)
const [a, b, c] = names as [PeerId, PeerId, PeerId]

interface Around {
  readonly linked?: ReadonlyArray<PeerId>
  readonly known?: number
  readonly spare?: number
  readonly isPublic?: boolean
  readonly strangers?: ReadonlyArray<PeerId>
}

/** What an asker decides and hears, one thing after the other. */
class Asker {
  state: AskState = nobodyAsked
  now = 1_000_000
  readonly random = randomOf(7)

  look({ isPublic = true, known = 10, linked = [], spare = 0, strangers = [] }: Around): AskDecision {
    const view = { linked, known, isPublic, spare: () => spare, strangers: () => strangers }
    const decision = whomToAsk(setting, this.state, view, this.now, this.random)
    this.state = decision.state
    return decision
  }

  hear(peer: PeerId, records: number | undefined): void {
    this.state = answered(setting, this.state, peer, records, this.now, this.random)
  }

  wait(millis: number): this {
    this.now += millis
    return this
  }
}

describe("who knows few", () => {
  it("asks every linked peer, each once while its answer is awaited", () => {
    const asker = new Asker()
    assert.deepStrictEqual(asker.look({ linked: [a, b] }).ask, [a, b])
    assert.deepStrictEqual(asker.look({ linked: [a, b, c] }).ask, [c])
  })

  it("asks who told all it tells only when that may have changed", () => {
    const asker = new Asker()
    asker.look({ linked: [a] })
    asker.hear(a, 8)
    assert.deepStrictEqual(asker.wait(setting.sameFor - 1).look({ linked: [a] }).ask, [])
    assert.deepStrictEqual(asker.wait(1).look({ linked: [a] }).ask, [a])
  })

  it("asks who had little to tell again after ever longer pauses, which begin anew when it tells more", () => {
    const asker = new Asker()
    const pauses: Array<number> = []
    for (const records of [0, 0, undefined, 0, 3, 3]) {
      const { ask } = asker.look({ linked: [a] })
      assert.deepStrictEqual(ask, [a])
      asker.hear(a, records)
      const { wakeAt } = asker.look({ linked: [a] })
      pauses.push((wakeAt - asker.now) / setting.askAgain)
      asker.wait(wakeAt - asker.now)
    }
    const expected = [2, 4, 8, 16, 1, 2]
    pauses.forEach((pause, n) => assert.approximately(pause, expected[n] ?? 0, 0.2 * (expected[n] ?? 0)))
  })

  it("visits strangers when nobody is left to ask, one at a time, each once", () => {
    const asker = new Asker()
    asker.look({ linked: [a] })
    assert.isUndefined(asker.look({ linked: [a], strangers: [b, c] }).visit)
    asker.hear(a, 8)
    const visited = new Set<PeerId | undefined>()
    for (let i = 0; i < 2; i++) {
      const { visit } = asker.look({ linked: [a], strangers: [b, c] })
      visited.add(visit)
      const { visit: another, wakeAt } = asker.look({ linked: [a], strangers: [b, c] })
      assert.isUndefined(another)
      if (i === 0) asker.wait(wakeAt - asker.now)
    }
    assert.deepStrictEqual(visited, new Set([b, c]))
    assert.isUndefined(asker.wait(10 * setting.sameFor).look({ linked: [b], strangers: [c] }).visit)
  })

  it("visits again, after ever longer pauses, only while it has no link at all", () => {
    const asker = new Asker()
    const times: Array<number> = []
    for (let i = 0; i < 4; i++) {
      const { visit } = asker.look({ strangers: [a] })
      assert.strictEqual(visit, a)
      times.push(asker.now)
      const { wakeAt } = asker.look({ strangers: [a] })
      asker.wait(wakeAt - asker.now)
    }
    const gaps = times.slice(1).map((at, n) => (at - (times[n] ?? at)) / setting.askAgain)
    gaps.forEach((gap, n) => assert.approximately(gap, 2 ** n, 0.2 * 2 ** n))
    assert.isUndefined(asker.wait(setting.sameFor).look({ linked: [b], strangers: [a] }).visit)
  })
})

describe("who knows enough", () => {
  it("asks and visits nobody, and needs no timer", () => {
    const rest = { ask: [], visit: undefined, wakeAt: Infinity }
    const content = { ...rest, slack: 0 }
    assert.deepInclude(new Asker().look({ linked: [a], known: 256, spare: 8, strangers: [b] }), content)
    // It might serve a chain at any moment, and shall lose no time then.
    assert.deepInclude(new Asker().look({ linked: [a], isPublic: false, strangers: [b] }), {
      ...rest,
      slack: undefined
    })
  })

  it("says how many peers may be lost until it knows few, or has few left to try", () => {
    const slackOf = (known: number, spare: number) => new Asker().look({ linked: [a], known, spare }).slack
    assert.strictEqual(slackOf(300, 8), 0)
    assert.strictEqual(slackOf(300, 20), 12)
    assert.strictEqual(slackOf(260, 20), 4)
    assert.strictEqual(slackOf(255, 20), undefined)
    assert.strictEqual(slackOf(300, 7), undefined)
  })

  it("asks, but visits nobody, when one of its chains has few peers left to try", () => {
    const { ask, visit } = new Asker().look({ linked: [a], known: 256, spare: 7, strangers: [b] })
    assert.deepStrictEqual(ask, [a])
    assert.isUndefined(visit)
  })
})

const peer = fc.constantFrom(...names)
const event = fc.oneof(
  fc.record({
    tag: fc.constant("look" as const),
    linked: fc.uniqueArray(peer),
    strangers: fc.uniqueArray(peer),
    known: fc.nat(300),
    spare: fc.nat(20),
    isPublic: fc.boolean()
  }),
  fc.record({ tag: fc.constant("hear" as const), records: fc.option(fc.nat(8), { nil: undefined }) }),
  fc.record({ tag: fc.constant("wait" as const), millis: fc.nat(2_000_000) })
)

describe("whatever happens", () => {
  it("only linked peers are asked, none twice at once, eight at most, and nobody sooner than the shortest pause", () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const asker = new Asker()
      const awaited: Array<PeerId> = []
      const heardAt = new Map<PeerId, number>()
      let visitedAt = -Infinity
      for (const one of events) {
        if (one.tag === "wait") asker.wait(one.millis)
        else if (one.tag === "hear") {
          const answerer = awaited.shift()
          if (answerer === undefined) continue
          asker.hear(answerer, one.records)
          heardAt.set(answerer, asker.now)
        } else {
          const strangers = one.strangers.filter((name) => !one.linked.includes(name))
          const { ask, visit, wakeAt } = asker.look({ ...one, strangers })
          assert.isAbove(wakeAt, asker.now)
          for (const name of ask) {
            assert.isTrue(one.linked.includes(name))
            assert.isFalse(awaited.includes(name))
            assert.isAtLeast(asker.now - (heardAt.get(name) ?? -Infinity), 0.8 * setting.askAgain)
            awaited.push(name)
          }
          assert.isAtMost(awaited.length, 8)
          if (visit !== undefined) {
            assert.isTrue(strangers.includes(visit))
            assert.isAtLeast(asker.now - visitedAt, 0.8 * setting.visitEvery)
            visitedAt = asker.now
          }
        }
      }
    }))
  })
})
