import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Chain, isSameChain } from "../../../signatures/index.ts"
import { Leases } from "../../../src/pool/leases.ts"
import { chain } from "./model.ts"

/** Plainly: who holds what, in the order of taking. */
const chainsOf = (held: ReadonlyMap<number, Chain>): ReadonlyArray<Chain> =>
  [...held.values()].filter((one, i, all) => all.findIndex((other) => isSameChain(one, other)) === i)

const byName = (chains: ReadonlyArray<Chain>) => chains.map(({ name }) => name)

describe("leases", () => {
  it("are counted exactly, and show the chains that hold them once each", () => {
    // Chains are compared by what they say: each deed makes its own.
    const deed = fc.record({ takes: fc.boolean(), which: fc.nat({ max: 30 }), chain: fc.nat({ max: 4 }) })
    fc.assert(fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
      const held = new Map<number, Chain>()
      let leases = Leases.none
      for (const [key, { chain: n, takes, which }] of deeds.entries()) {
        const before = leases
        const [seen, size] = [byName(before.chains), before.size]
        if (takes) {
          held.set(key, chain(n))
          leases = leases.with(key, chain(n))
        } else {
          const gone = [...held.keys()][which] ?? -1
          held.delete(gone)
          leases = leases.without(gone)
        }
        expect([byName(before.chains), before.size]).toEqual([seen, size])
        expect(leases.size).toBe(held.size)
        expect(leases.entries()).toEqual([...held])
        expect(deeds.every((_, each) => leases.has(each) === held.has(each))).toBe(true)
        expect(new Set(byName(leases.chains))).toEqual(new Set(byName(chainsOf(held))))
        expect(leases.chains).toHaveLength(chainsOf(held).length)
      }
    }))
  })

  it("keep chains in the order in which they took their first one", () => {
    const both = Leases.none.with(3, chain(1)).with(4, chain(2)).with(5, chain(1))
    expect(byName(both.chains)).toEqual(["c1", "c2"])
    expect(byName(both.without(3).chains)).toEqual(["c1", "c2"])
    expect(byName(both.without(3).without(5).with(6, chain(1)).chains)).toEqual(["c2", "c1"])
  })

  it("are joined, the oldest first", () => {
    const waiting = Leases.none.with(7, chain(2)).with(2, chain(1))
    const all = Leases.none.with(1, chain(0)).withAll(waiting)
    expect(all.keys()).toEqual([1, 2, 7])
    expect(byName(all.chains)).toEqual(["c0", "c1", "c2"])
  })
})
