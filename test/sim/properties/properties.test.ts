import { assert, describe, it } from "@effect/vitest"
import { properties } from "./properties.ts"
import { check, howMany, replayed } from "./run.ts"
import { leftOver } from "./standstill.ts"

/** Runs of each, in the order of `properties`: about half a minute of CPU time in all. */
const usual = [80, 20, 15, 3, 4, 3, 2, 3, 3, 15, 20]

/** Machines differ, and CHAIN_P2P_RUNS asks for more. */
const timeout = 30 * 60_000

/** Runs that once failed, by property. */
const found: ReadonlyArray<readonly [name: string, why: string, line: string]> = [
  [
    "keep their invariants, whatever befalls them",
    "an opening is given up in the moment in which it is accepted: its connection has a lease, and is nobody's",
    "seed=1843993;plan=restart(2)@3 bandwidth(0,5,999994)@10 restart(4)@3011 latency(1,0,1372,164)@5982 repair@7078 step(1,11716460)@7989 partition(0,1,3,4,5)@8000"
  ]
]

describe("nodes on a network", () => {
  // Not by `it.each`, which cuts a long name short: the line that replays a run names its property in full.
  for (const [i, property] of properties.entries()) {
    it(`${property.name}`, () => check(property, usual[i] ?? 1), timeout)
  }

  for (const [name, why, line] of found) {
    it(`${name}: also where ${why}`, () => {
      const property = properties.find((one) => one.name === name) ?? assert.fail(`a property that is named ${name}`)
      assert.isUndefined(replayed(property, line))
    }, timeout)
  }

  it("leave nothing behind when they are shut down", () => {
    const { from, runs } = howMany(30)
    for (let seed = from; seed < from + runs; seed++) assert.isUndefined(leftOver(seed), `with seed ${seed}`)
  }, timeout)
})
