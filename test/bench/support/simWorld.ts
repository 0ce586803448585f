/** A simulation that goes on from one piece of work to the next, and does nothing in between. */
import { Effect, Exit } from "effect"
import { makeSimulation, type Simulation } from "../../../inprocess/index.ts"

export interface World {
  readonly simulation: Simulation
  /** Runs an effect to its end. What it has forked lives on. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => A
  /** Lets things happen until `isDone`. */
  readonly until: (isDone: () => boolean) => void
}

export const makeWorld = (): World => {
  const simulation = makeSimulation({ seed: 1 })
  const until = (isDone: () => boolean) => {
    while (!isDone()) if (!simulation.step()) throw new Error("nothing is left to happen, and there was more to come")
  }
  return {
    simulation,
    until,
    run: (effect) => {
      const fiber = Effect.runForkWith(simulation.context)(effect)
      until(() => fiber.pollUnsafe() !== undefined)
      const exit = fiber.pollUnsafe()
      if (exit === undefined || Exit.isFailure(exit)) throw new Error(`the work failed: ${JSON.stringify(exit)}`)
      return exit.value
    }
  }
}
