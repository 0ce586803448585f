import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Faults } from "../../../../inprocess/testing/index.ts"
import { it } from "../../../../inprocess/testing/vitest.ts"
import { meeting } from "./scenarios.ts"

describe("it.sim", () => {
  it.sim("is a test like any other", { ...meeting(3), faults: Faults.any, runs: 5 })

  it.sim("knows from the world what all parts of a scenario get", {
    hosts: 3,
    world: () => ({ tips: new Map<number, string>() }),
    program: ({ index }, { tips }) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => tips.set(index, "a"))),
    invariant: ({ tips }, hosts) => tips.size <= hosts.length,
    faults: Faults.among("crash", "restart"),
    eventually: { within: "30 seconds", holds: ({ tips }) => tips.size === 3 && new Set(tips.values()).size === 1 },
    runs: 20
  })

  it("is vitest's own it otherwise", () => {
    assert.isFunction(it.skipIf)
    assert.isFunction(it.sim)
  })
})
