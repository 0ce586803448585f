import { Duration, Effect, Exit } from "effect"
import { formatChoices } from "./Choices.ts"
import { DeadlinePassed, Deadlock, Livelock, realWaits, StepsSpent } from "./failures.ts"
import { guarded, type Leaks } from "./leaks.ts"
import { makeSimulation, type Simulation, type SimulationOptions } from "./Simulation.ts"

export interface RunOptions extends SimulationOptions {
  /** After so many steps the run is given up: it goes round in circles. Default: 10 million. */
  readonly maxSteps?: number
  /** After so many steps without time passing the run is given up, too. Default: 1 million. */
  readonly maxStepsAtOnce?: number
  /** Of virtual time, from the start: after it the run is given up. Default: none. */
  readonly deadline?: Duration.Input
  /**
   * What becomes of calls that reach for the real world: time, randomness, timers. `trap`: they throw a `Leak`, and the run
   * ends with it, even if somebody caught it. `virtual`: they get virtual time and seeded randomness, for code that can't be
   * changed. `allow`: nothing. Default: trap.
   */
  readonly leaks?: Leaks
  /** Called after every step, outside of all fibers; what it throws ends the run. */
  readonly afterStep?: (micros: number, steps: number) => void
}

export interface Run<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** Virtual time at the end. */
  readonly micros: number
  readonly steps: number
  /** What the schedule decided: as `{ _tag: "Replay", choices }` it does it again. Undefined: nothing was open, or too much. */
  readonly choices: string | undefined
  /** The fibers that wait, at the end, for what only the real world could bring: each a line that says for what. */
  readonly realWaits: () => ReadonlyArray<string>
}

type Outcome<A, E> = Pick<Run<A, E>, "exit" | "steps">

/** Drives a simulation until the main fiber has ended. What else still runs then is left where it is. */
const drive = <A, E>(simulation: Simulation, main: Effect.Effect<A, E>, options: RunOptions): Outcome<A, E> => {
  const { afterStep, maxSteps = 10_000_000, maxStepsAtOnce = 1_000_000 } = options
  const deadline = options.deadline === undefined
    ? Infinity
    : Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(options.deadline)) * 1000)
  let steps = 0
  let stepsBefore = 0
  let now = 0
  const ended = (exit: Exit.Exit<A, E>): Outcome<A, E> => ({ exit, steps })
  const givenUp = (reason: Error): Outcome<A, E> => ended(Exit.die(reason))
  try {
    const fiber = Effect.runForkWith(simulation.context)(main)
    while (true) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return ended(exit)
      if (steps >= maxSteps) return givenUp(new StepsSpent(steps, now, simulation.fibers()))
      if (steps - stepsBefore >= maxStepsAtOnce) {
        return givenUp(new Livelock(maxStepsAtOnce, now, simulation.fibers()))
      }
      if (!simulation.step(deadline)) {
        const fibers = simulation.fibers()
        return givenUp(simulation.timers() > 0 ? new DeadlinePassed(deadline, fibers) : new Deadlock(now, fibers))
      }
      steps++
      if (simulation.now() > now) {
        now = simulation.now()
        stepsBefore = steps
      }
      afterStep?.(now, steps)
    }
  } catch (error) {
    // Thrown outside of a fiber: by `afterStep`, or by a callback of the network, which is a bug of whoever owns it.
    return ended(Exit.die(error))
  }
}

/** Runs an effect in a simulation of its own, synchronously, and says what the run was like. */
export const simulate = <A, E>(main: Effect.Effect<A, E>, options: RunOptions): Run<A, E> => {
  const simulation = makeSimulation(options)
  const { leak, value } = guarded(
    options.leaks ?? "trap",
    simulation,
    () => simulation.watched(() => drive(simulation, main, options))
  )
  const choices = simulation.choices()
  return {
    exit: leak === undefined ? value.exit : Exit.die(leak),
    steps: value.steps,
    micros: simulation.now(),
    choices: choices && formatChoices(choices),
    realWaits: () => realWaits(simulation.fibers())
  }
}

/** Runs an effect in a simulation of its own, synchronously. A deadlock, or a run without end, is a defect that says so. */
export const run = <A, E>(main: Effect.Effect<A, E>, options: RunOptions): Exit.Exit<A, E> =>
  simulate(main, options).exit
