import { assert, describe, it } from "@effect/vitest"
import { properties } from "./properties.ts"
import { check, howMany } from "./run.ts"
import { leftOver } from "./standstill.ts"

/** Runs of each, in the order of `properties`: about half a minute of CPU time in all. */
const usual = [80, 20, 15, 3, 4, 3, 2, 3, 3, 15, 20]

/** Machines differ, and CHAIN_P2P_RUNS asks for more. */
const timeout = 30 * 60_000

describe("nodes on a network", () => {
  // Not by `it.each`, which cuts a long name short: the line that replays a run names its property in full.
  for (const [i, property] of properties.entries()) {
    it(`${property.name}`, () => check(property, usual[i] ?? 1), timeout)
  }

  it("leave nothing behind when they are shut down", () => {
    const { from, runs } = howMany(30)
    for (let seed = from; seed < from + runs; seed++) assert.isUndefined(leftOver(seed), `with seed ${seed}`)
  }, timeout)
})
