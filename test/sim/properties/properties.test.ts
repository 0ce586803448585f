import { assert, describe, it } from "@effect/vitest"
import { properties } from "./properties.ts"
import { check, howMany } from "./run.ts"
import { leftOver } from "./standstill.ts"

/** Runs of each, in the order of `properties`: about half a minute of CPU time in all. */
const usual = [80, 20, 15, 3, 4, 3, 2, 3, 3, 15, 20]

/** Machines differ, and CHAIN_P2P_RUNS asks for more. */
const timeout = 30 * 60_000

describe("nodes on a network", () => {
  it.each(properties.map((property, i) => ({ property, name: property.name, runs: usual[i] ?? 1 })))(
    "$name",
    ({ property, runs }) => check(property, runs),
    timeout
  )

  it("leave nothing behind when they are shut down", () => {
    const { from, runs } = howMany(30)
    for (let seed = from; seed < from + runs; seed++) assert.isUndefined(leftOver(seed), `with seed ${seed}`)
  }, timeout)
})
