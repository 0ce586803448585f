import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { queryObjects } from "node:v8"
import { makeSimulation } from "../../../../inprocess/kernel/index.ts"

const Fiber = Effect.runFork(Effect.void).constructor

/** Counts what is left after everything that can go has gone. */
const fibersInMemory = (): number => queryObjects(Fiber, { format: "count" })

/** Each starts the next and ends, but for the last. */
const relay = (left: number): Effect.Effect<unknown> =>
  left === 0 ? Effect.never : Effect.forkDetach(Effect.suspend(() => relay(left - 1)))

describe("fibers of a simulation", () => {
  it("are forgotten once they have ended, though one lives that descends from them", () => {
    const simulation = makeSimulation({ seed: 1 })
    const before = fibersInMemory()
    Effect.runForkWith(simulation.context)(relay(2000))
    while (simulation.step());
    assert.strictEqual(simulation.fibers().length, 1)
    assert.isBelow(fibersInMemory() - before, 10)
  })
})
