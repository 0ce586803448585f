import { Effect, Exit, type Fiber } from "effect"
import { makeSimulation, type Simulation, type SimulationOptions } from "./Simulation.ts"

export interface RunOptions extends SimulationOptions {
  /** After so many steps the run is given up: it goes round in circles. Default: 10 million. */
  readonly maxSteps?: number
}

const seconds = (micros: number): string => `${micros / 1_000_000} s of virtual time`

const place = (main: Fiber.Fiber<unknown, unknown>): string => {
  const span = main.cache.span
  return span === undefined || span._tag === "ExternalSpan" ? "" : `; the main fiber is in the span "${span.name}"`
}

/** Nothing can run, no timer is set, and the main fiber has not ended. */
export class Deadlock extends Error {
  override readonly name = "Deadlock"
  constructor(micros: number, main: Fiber.Fiber<unknown, unknown>) {
    super(
      `deadlock after ${seconds(micros)}: no fiber can run and no timer is set, but the main fiber has not ended${
        place(main)
      }. It waits for what never comes: something that nobody completes, or a promise or timer of the real world`
    )
  }
}

/** Fibers or timers that keep each other busy, or a main fiber that waits beside them for what never comes. */
export class StepsSpent extends Error {
  override readonly name = "StepsSpent"
  constructor(steps: number, micros: number, main: Fiber.Fiber<unknown, unknown>) {
    super(`the main fiber has not ended after ${steps} steps and ${seconds(micros)}${place(main)}`)
  }
}

export interface Run<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** Virtual time at the end. */
  readonly micros: number
  readonly steps: number
}

/** Drives a simulation until the main fiber has ended. What else still runs then is left where it is. */
const drive = <A, E>(simulation: Simulation, main: Effect.Effect<A, E>, maxSteps: number): Run<A, E> => {
  let steps = 0
  const ended = (exit: Exit.Exit<A, E>): Run<A, E> => ({ exit, micros: simulation.now(), steps })
  try {
    const fiber = Effect.runForkWith(simulation.context)(main)
    while (true) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return ended(exit)
      if (steps >= maxSteps) return ended(Exit.die(new StepsSpent(steps, simulation.now(), fiber)))
      steps++
      if (!simulation.step()) return ended(Exit.die(new Deadlock(simulation.now(), fiber)))
    }
  } catch (error) {
    // Thrown outside of a fiber, by a callback of the network: a bug of whoever owns the callback.
    return ended(Exit.die(error))
  }
}

/** Runs an effect in a simulation of its own, synchronously, and says how long it took there. */
export const simulate = <A, E>(main: Effect.Effect<A, E>, options: RunOptions): Run<A, E> =>
  drive(makeSimulation(options), main, options.maxSteps ?? 10_000_000)

/** Runs an effect in a simulation of its own, synchronously. A deadlock, or a run without end, is a defect that says so. */
export const run = <A, E>(main: Effect.Effect<A, E>, options: RunOptions): Exit.Exit<A, E> =>
  simulate(main, options).exit
