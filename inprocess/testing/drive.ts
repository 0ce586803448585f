import { Duration, Effect, Exit } from "effect"
import {
  DeadlinePassed,
  Deadlock,
  formatChoices,
  type Leaks,
  Livelock,
  makeSimulation,
  type Run,
  type Simulation,
  type SimulationOptions,
  StepsSpent
} from "../kernel/index.ts"
import { guarded } from "../kernel/leaks.ts"

export interface DriveOptions extends SimulationOptions {
  readonly deadline: Duration.Input
  readonly leaks: Leaks
  /** After every step; what it throws ends the run. */
  readonly afterStep: (micros: number, steps: number) => void
}

const maxSteps = 10_000_000
const maxStepsAtOnce = 1_000_000

/** As the kernel's own loop, with a look at the world after every step. */
const steps = <A, E>(
  simulation: Simulation,
  main: Effect.Effect<A, E>,
  { afterStep, deadline }: DriveOptions
): Pick<Run<A, E>, "exit" | "steps"> => {
  const until = Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(deadline)) * 1000)
  let [count, countBefore, now] = [0, 0, 0]
  const reasonToStop = (): Error | undefined => {
    if (count >= maxSteps) return new StepsSpent(count, now, simulation.fibers())
    if (count - countBefore >= maxStepsAtOnce) return new Livelock(maxStepsAtOnce, now, simulation.fibers())
    if (simulation.step(until)) return undefined
    return simulation.hasTimers()
      ? new DeadlinePassed(until, simulation.fibers())
      : new Deadlock(now, simulation.fibers())
  }
  try {
    const fiber = Effect.runForkWith(simulation.context)(main)
    while (true) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return { exit, steps: count }
      const reason = reasonToStop()
      if (reason !== undefined) return { exit: Exit.die(reason), steps: count }
      count++
      if (simulation.now() > now) {
        now = simulation.now()
        countBefore = count
      }
      afterStep(now, count)
    }
  } catch (error) {
    return { exit: Exit.die(error), steps: count }
  }
}

export const drive = <A, E>(main: Effect.Effect<A, E>, options: DriveOptions): Run<A, E> => {
  const simulation = makeSimulation(options)
  const { leak, value } = guarded(
    options.leaks,
    simulation,
    () => simulation.watched(() => steps(simulation, main, options))
  )
  const choices = simulation.choices()
  return {
    exit: leak === undefined ? value.exit : Exit.die(leak),
    steps: value.steps,
    micros: simulation.now(),
    choices: choices && formatChoices(choices)
  }
}
