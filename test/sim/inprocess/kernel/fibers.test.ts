import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { queryObjects } from "node:v8"
import { lineage } from "../../../../inprocess/kernel/Fibers.ts"
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

  it("are told by the first few and the last of a long line, and that line is never longer than it can be told", () => {
    const lineOf = (length: number) => {
      const simulation = makeSimulation({ seed: 1 })
      Effect.runForkWith(simulation.context)(relay(length))
      while (simulation.step());
      return simulation.fibers().map(lineage).join()
    }
    assert.strictEqual(lineOf(11), "0.0.0.0.0.0.0.0.0.0.0.0")
    for (const length of [12, 63, 64, 65, 200]) assert.strictEqual(lineOf(length), "0.0.0.0…0.0.0.0.0.0.0.0")
  })
})
