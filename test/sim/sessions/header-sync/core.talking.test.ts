import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Core } from "../../../../src/sessions/header-sync/Core.ts"
import { displayHash } from "../../../../src/sessions/header-sync/header.ts"
import { maxBatch } from "../../../../src/sessions/header-sync/messages.ts"
import { coreWith, moment, type Seat, Wires } from "../../../support/headers-cores.ts"
import { after, countOf, easyParams, genesisOf, grow, growBy, realChains, upTo } from "../../../support/headers.ts"
import { announce, bytesOf, genesis, heard, meet, params, say, workOf } from "./otherEnd.ts"

const tip = (core: Core) => displayHash(core.index.tipHash)

const draws = fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })).map((stream) => () =>
  stream.next().value ?? 0
)
describe("cores that talk", () => {
  it("converge on the chain with most work, whichever end has it, and fall silent", () =>
    fc.assert(
      fc.property(
        fc.record({
          shared: fc.nat({ max: 60 }),
          left: fc.array(fc.integer({ min: 200, max: 2000 }), { maxLength: 60 }),
          right: fc.array(fc.integer({ min: 200, max: 2000 }), { maxLength: 60 }),
          hard: fc.boolean()
        }),
        draws,
        ({ hard, left, right, shared }, random) => {
          const params = easyParams(hard ? { retargetInterval: 8, limitBits: 0x200fffff } : {})
          const trunk = growBy(params, genesisOf(params), shared)
          const chains = [grow(params, trunk, left, 1), grow(params, trunk, right, 2)] as const
          const [a, b] = [coreWith(params, chains[0]), coreWith(params, chains[1])]
          const wires = new Wires(random)
          wires.connect(a, b)
          wires.settle()
          const [x, y] = [workOf(chains[0]), workOf(chains[1])]
          // Where both have as much, each keeps what it saw first.
          if (x >= y) assert.deepStrictEqual(bytesOf(a), chains[0])
          if (y >= x) assert.deepStrictEqual(bytesOf(b), chains[1])
          assert.strictEqual(a.index.work, b.index.work)
          if (x !== y) assert.strictEqual(tip(a), tip(b))
        }
      ),
      { numRuns: 60 }
    ))

  it("converge in networks of any shape, while headers are made and sessions come and go", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })), { maxLength: 6 }),
        fc.array(
          fc.record({
            what: fc.constantFrom("mine", "mine", "fork", "rewire"),
            who: fc.nat({ max: 5 }),
            count: fc.integer({ min: 1, max: 30 }),
            steps: fc.nat({ max: 40 })
          }),
          { maxLength: 12 }
        ),
        fc.constantFrom(2, 5, maxBatch),
        draws,
        (n, extra, events, batch, random) => {
          const cores = Array.from({ length: n }, () => coreWith(params, genesis, { batch }))
          const wires = new Wires(random)
          const pick = (i: number): Core => cores[i % n] ?? fail()
          const links = new Map<string, Seat>()
          const link = (i: number, j: number) => {
            const key = [i % n, j % n].toSorted((a, b) => a - b).join()
            if (i % n === j % n || links.has(key)) return
            const [x, y] = wires.connect(pick(i), pick(j))
            // Answers in pieces of three headers.
            if (batch === 5) { for (const { core, peer } of [x, y]) core.tooLarge(peer, 250) }
            links.set(key, x)
          }
          for (let i = 1; i < n; i++) link(i, Math.floor(random() * i))
          for (const [i, j] of extra) link(i, j)
          let salt = 1
          for (const { count, steps, what, who } of events) {
            const core = pick(who)
            if (what === "rewire") {
              const key = [...links.keys()][who % links.size] ?? ""
              const [i, j] = key.split(",").map(Number)
              const end = links.get(key)
              if (end !== undefined && i !== undefined && j !== undefined) {
                wires.disconnect(end)
                links.delete(key)
                link(i, j)
              }
            } else {
              const chain = bytesOf(core)
              const keep = what === "mine" ? countOf(chain) - 1 : Math.max(0, countOf(chain) - 1 - count)
              const grown = growBy(params, upTo(chain, keep), what === "mine" ? count : count + 2, salt++)
              assert.isUndefined(core.add(after(grown, keep), moment()))
            }
            for (let i = 0; i < steps; i++) wires.step()
          }
          wires.settle()
          for (const core of cores) assert.strictEqual(core.index.work, pick(0).index.work)
          // A tie may leave two tips; one header more settles it for all.
          const best = growBy(params, bytesOf(pick(1)), 1, salt)
          assert.isUndefined(pick(1).add(after(best, countOf(best) - 2), moment()))
          wires.settle()
          for (const core of cores) assert.deepStrictEqual(bytesOf(core), best)
        }
      ),
      { numRuns: 250 }
    ))

  it("tell each neighbour of a new header at most once, whatever the loops between them", () => {
    const n = 8
    const cores = Array.from({ length: n }, () => coreWith(params, genesis))
    let state = 1
    const wires = new Wires(() => (state = (state * 16807) % 2147483647) / 2147483647)
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) wires.connect(cores[i] ?? fail(), cores[j] ?? fail())
    wires.settle()
    const before = wires.sent
    const next = growBy(params, genesis, 1)
    ;(cores[0] ?? fail()).add(after(next, 0), moment())
    wires.settle()
    for (const core of cores) assert.deepStrictEqual(bytesOf(core), next)
    // One for each of the others at least; at most one each way over each of the 28 sessions.
    const told = wires.sent - before
    assert.isTrue(told >= n - 1 && told <= n * (n - 1), `${told} messages`)
  })

  it("need one announcement and nothing else for a new header, and for a short fork", () => {
    const trunk = growBy(params, genesis, 100)
    const [a, b] = [coreWith(params, trunk), coreWith(params, trunk)]
    const wires = new Wires(() => 0)
    wires.connect(a, b)
    wires.settle()
    const quiet = wires.sent
    a.add(after(growBy(params, trunk, 1), 100), moment())
    wires.settle()
    assert.strictEqual(wires.sent - quiet, 1)
    const fork = growBy(params, upTo(trunk, 95), 12, 9)
    a.add(after(fork, 95), moment())
    wires.settle()
    assert.strictEqual(wires.sent - quiet, 2)
    assert.deepStrictEqual(bytesOf(b), fork)
  })

  it("announce sixteen headers to whom they don't know, and to others those that they lack", () => {
    const chain = growBy(params, genesis, 40)
    const said = (chainOfOther?: Uint8Array) => {
      const core = coreWith(params, chain)
      const other = meet(core)
      if (chainOfOther !== undefined) assert.isUndefined(say(other, announce(chainOfOther, 2)))
      return heard(other).flatMap((message) => message._tag === "Announce" ? [message] : [])
    }
    assert.deepStrictEqual(said(), [announce(chain, 16)])
    assert.deepStrictEqual(said(upTo(chain, 37)), [announce(chain, 3)])
    assert.deepStrictEqual(said(chain), [announce(chain, 1)])
    assert.deepStrictEqual(said(grow(params, upTo(chain, 37), [300, 300], 2)), [announce(chain, 16)])
  })

  it("fetch real chains in batches, several at once", () => {
    for (const chain of realChains()) {
      const [full, empty] = [coreWith(chain.params, chain.bytes), coreWith(chain.params, upTo(chain.bytes, 0))]
      const wires = new Wires(() => 0.999)
      wires.connect(full, empty)
      wires.settle()
      assert.strictEqual(tip(empty), chain.tip)
      // Two hellos, two announcements, five requests and answers. (And none of our new tips: the other end had them first.)
      assert.strictEqual(wires.sent, 14)
    }
  })
})

const fail = (): never => {
  throw new Error("there is no such core")
}
