/** What networks of real nodes look like, with fixed seeds. With CHAIN_P2P_FULL=1 larger ones too. */
import { assert, describe, it } from "@effect/vitest"
import { figuresOf } from "../../bench/support/selectionFigures.ts"
import { runSelection, type SelectionRun } from "../../bench/support/selectionNetwork.ts"
import { ours } from "../../bench/support/selectionPolicies.ts"

const sizes = process.env["CHAIN_P2P_FULL"] === "1" ? [100, 300, 1_000] : [100]
const [bootstrap, lifetimeSeconds, rotations, sessionCount] = [4, 60, 5, 4]

for (const nodes of sizes) {
  describe(`a network of ${nodes} nodes on one chain, after five lifetimes of a session`, () => {
    let run: SelectionRun
    const figures = () => figuresOf(run, bootstrap)

    it("is connected whenever one looks, with a diameter of a random graph's", { timeout: 3_600_000 }, () => {
      run = runSelection({
        nodes,
        chains: 1,
        sessionCount,
        compared: ours,
        bootstrap,
        adversaries: 0,
        rotations,
        lifetimeSeconds,
        seed: 11
      })
      // Of all looks, the first included.
      const { diameter } = figuresOf(run, bootstrap, Infinity)
      assert.isAbove(diameter, 0, "unconnected")
      assert.isAtMost(diameter, Math.ceil((2 * Math.log(nodes)) / Math.log(2 * sessionCount)) + 2)
    })

    it("spreads sessions evenly, also over the nodes that all knew first", () => {
      const { bootstrapLoad, gini, maxInDegree } = figures()
      assert.isAtMost(gini, 0.3)
      assert.isAtMost(maxInDegree, 2 * sessionCount)
      assert.isAtMost(bootstrapLoad, 2)
    })

    it("leaves nobody below target, and stays connected but for a few when half of it goes", () => {
      const { afterHalf, below } = figures()
      assert.isAtMost(below, 0.001)
      assert.isAtLeast(afterHalf, 0.9)
    })
  })
}
