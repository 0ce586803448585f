import { assert, describe } from "@effect/vitest"
import { Faults } from "../../../../inprocess/testing/index.ts"
import { it } from "../../../../inprocess/testing/vitest.ts"
import { meeting } from "./scenarios.ts"

describe("it.sim", () => {
  it.sim("is a test like any other", { ...meeting(3), faults: Faults.any, runs: 5 })

  it("is vitest's own it otherwise", () => {
    assert.isFunction(it.skipIf)
    assert.isFunction(it.sim)
  })
})
