import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { diameter, gini, graphOf, largestComponent } from "../../../src/cli/sim/graph.ts"

const ring = (nodes: number) => graphOf(nodes, Array.from({ length: nodes }, (_, node) => [node, (node + 1) % nodes]))

describe("a graph", () => {
  it("has the diameter of a ring, a star and a single node", () => {
    for (let nodes = 3; nodes < 12; nodes++) assert.strictEqual(diameter(ring(nodes)), Math.floor(nodes / 2))
    assert.strictEqual(diameter(graphOf(5, [[0, 1], [0, 2], [0, 3], [0, 4]])), 2)
    assert.strictEqual(diameter(graphOf(1, [])), 0)
  })

  it("has none when it falls apart, and the size of its largest part then", () => {
    const parts = graphOf(6, [[0, 1], [1, 2], [3, 4]])
    assert.strictEqual(diameter(parts), Infinity)
    assert.strictEqual(largestComponent(parts), 3)
    assert.strictEqual(largestComponent(ring(10), (node) => node !== 0 && node !== 4), 5)
    assert.strictEqual(largestComponent(ring(4), () => false), 0)
  })
})

describe("the Gini coefficient", () => {
  it("is 0 where all have the same, and 1 − 1/n where one has all", () => {
    assert.strictEqual(gini([3, 3, 3]), 0)
    assert.strictEqual(gini([0, 0]), 0)
    assert.closeTo(gini([0, 0, 0, 8]), 0.75, 1e-9)
  })

  it("is half of the mean difference of two, in units of the mean", () => {
    const values = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }).filter((all) =>
      all.some((one) => one > 0)
    )
    fc.assert(fc.property(values, (all) => {
      const mean = all.reduce((sum, one) => sum + one, 0) / all.length
      const difference = all.flatMap((one) => all.map((other) => Math.abs(one - other)))
        .reduce((sum, one) => sum + one, 0) / all.length ** 2
      assert.closeTo(gini(all), difference / (2 * mean), 1e-9)
    }))
  })
})
