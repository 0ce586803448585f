import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { type Fault, keyedRandom, parsePlan, printPlan } from "../../../inprocess/index.ts"
import { readFaults } from "../../../src/cli/sim/plan.ts"

const setting = (seed: number, nodes = 12) => ({ nodes, seconds: 3600, random: keyedRandom(seed) })
const read = (text: string, seed = 1) => readFaults(text, setting(seed))
const planOf = (text: string, seed = 1) => Result.getOrThrow(read(text, seed))
const mistake = (text: string): string => {
  const result = read(text)
  return Result.isFailure(result) ? result.failure : assert.fail(`${text} was taken`)
}
const endsOf = (fault: Fault) => "from" in fault ? [fault.from, fault.to] : "a" in fault ? [fault.a, fault.b] : []

describe("the faults of chain-p2p sim", () => {
  it("are none, those of a printed plan, or drawn from the seed", () => {
    assert.deepStrictEqual(planOf("none"), [])
    const text = "partition(0,2)@1500 repair@4000"
    assert.strictEqual(printPlan(planOf(text)), text)
    assert.deepStrictEqual(planOf("any", 3), planOf("any", 3))
    assert.notDeepEqual(planOf("any", 3), planOf("any", 4))
  })

  it("are whole, in order, in the time of the run, between different nodes, and readable again", () => {
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 2, max: 200 }), (seed, nodes) => {
      const plan = Result.getOrThrow(readFaults("any", setting(seed, nodes)))
      const times = plan.map(({ at }) => at)
      assert.deepStrictEqual(times, times.toSorted((a, b) => a - b))
      for (const { at, fault } of plan) {
        assert.isAtMost(at, 3_600_000)
        const ends = endsOf(fault)
        assert.isTrue(ends.every((end) => end < nodes) && new Set(ends).size === ends.length)
      }
      const again = parsePlan(printPlan(plan))
      assert.deepStrictEqual(again._tag === "Some" ? again.value : undefined, plan)
    }))
  })

  it("of some kinds are of these kinds only, and a crash is followed by its restart", () => {
    const plan = planOf("crash, loss")
    assert.deepStrictEqual(
      new Set(plan.map(({ fault }) => fault._tag)),
      new Set(["crash", "restart", "loss"] as const)
    )
    for (const { at, fault } of plan) {
      if (fault._tag !== "crash") continue
      assert.isTrue(plan.some((end) => end.fault._tag === "restart" && end.fault.host === fault.host && end.at >= at))
    }
  })

  it("that are none are refused with what would be right", () => {
    assert.match(mistake("crahs"), /no kind of fault "crahs"; did you mean crash\?/)
    assert.match(mistake("restart"), /no kind of fault "restart"/)
    assert.match(mistake(","), /no faults are named: give none, any or some of partition/)
    assert.match(mistake("crash(0)@100"), /not a plan of faults/)
    assert.match(mistake("crash(12,0)@100"), /names node 12, and there are 12, from 0 on/)
    assert.match(mistake("repair@3600001"), /the run ends at 3600000 ms/)
  })
})
