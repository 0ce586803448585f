/**
 * Simulated hosts that open and close sessions for as long as it takes, while everything goes wrong that can: to see that
 * nothing is left of them.
 */
import { Cause, Deferred, Effect, Exit, Fiber, Logger } from "effect"
import { makeNetwork, makeSimulation, type Simulation } from "../../../inprocess/index.ts"
import { SimulatedStream } from "../../../inprocess/network/SimulatedStream.ts"
import { Address, addressFacts } from "../../../signatures/index.ts"
import { SessionCore } from "../../../src/wire/SessionCore.ts"
import { drawsOf } from "./briefSessions.ts"
import { bytesInUse, countOf } from "./memory.ts"
import { chains, hostCount, Town } from "./simTown.ts"

/**
 * What was read of the last 4,096 to 8,192 addresses is remembered, and each link that comes in is from a new one: filled from the
 * beginning, that is not taken for a growth, but for what it rises and falls between its bounds.
 */
const fillMemory = (): void => {
  for (let n = 0; n < 3 * 4096; n++) {
    addressFacts(Address.make(`/ip4/20.${n >> 12}.${(n >> 4) & 255}.1/tcp/${50_000 + (n & 15)}`))
  }
}

/** What there is in the simulation, and in the process. */
export interface Census {
  readonly fibers: number
  readonly timers: number
  readonly links: number
  readonly leases: number
  readonly sessions: number
  readonly streams: number
  readonly maps: number
  readonly sets: number
  readonly bytes: number
}

const census = (simulation: Simulation, town: Town): Effect.Effect<Census> =>
  Effect.map(town.links, (links) => {
    // First: those that have ended are forgotten then.
    const fibers = simulation.fibers().length
    return {
      fibers,
      timers: simulation.timers(),
      links,
      leases: town.leases,
      sessions: countOf(SessionCore),
      streams: countOf(SimulatedStream),
      maps: countOf(Map),
      sets: countOf(Set),
      bytes: bytesInUse()
    }
  })

export interface SimulatedChurnOptions {
  readonly sessions: number
  /** Sessions before the first count, so that everything is there that is made once. */
  readonly warmUp: number
  readonly seed: number
  /** Told now and then how many there were. */
  readonly progress?: (sessions: number) => void
}

export interface SimulatedChurn {
  readonly before: Census
  readonly after: Census
  readonly sessions: number
  readonly faults: number
  readonly virtualSeconds: number
}

const churn = Effect.fnUntraced(
  function*(simulation: Simulation, options: SimulatedChurnOptions) {
    const { progress, seed, sessions, warmUp } = options
    fillMemory()
    const draw = drawsOf(seed)
    let ends = 0
    let goal = { ends: 0, reached: Deferred.makeUnsafe<void>() }
    const network = yield* makeNetwork()
    const town = new Town(network, draw, () => {
      // Both ends count each.
      if (++ends === goal.ends) Deferred.doneUnsafe(goal.reached, Effect.void)
      if (ends % 20_000 === 0) progress?.(ends / 2)
    })
    for (let index = 0; index < hostCount; index++) yield* network.host()
    for (let index = 0; index < hostCount; index++) yield* town.start(index)

    /** Runs so many sessions, and takes down what belongs to them. */
    const run = Effect.fnUntraced(function*(count: number) {
      goal = { ends: ends + 2 * count, reached: Deferred.makeUnsafe<void>() }
      yield* town.serve(chains)
      const faults = yield* Effect.suspend(() => Effect.andThen(Effect.sleep(100 + draw(900)), town.fault)).pipe(
        Effect.uninterruptible,
        Effect.forever,
        Effect.forkChild
      )
      yield* Deferred.await(goal.reached)
      yield* Fiber.interrupt(faults)
      yield* network.calm
      yield* town.serve([])
      yield* town.settle
    })
    yield* run(warmUp)
    const before = yield* census(simulation, town)
    yield* run(sessions)
    const after = yield* census(simulation, town)
    return {
      before,
      after,
      sessions: ends / 2,
      faults: town.faults,
      virtualSeconds: simulation.now() / 1e6
    } satisfies SimulatedChurn as SimulatedChurn
  },
  Effect.scoped,
  Effect.provide(Logger.layer([]))
)

/** Before and after so many sessions. */
export const simulatedChurn = (options: SimulatedChurnOptions): SimulatedChurn => {
  const simulation = makeSimulation({ seed: options.seed })
  const fiber = Effect.runForkWith(simulation.context)(churn(simulation, options))
  for (;;) {
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      if (Exit.isSuccess(exit)) return exit.value
      throw Cause.squash(exit.cause)
    }
    if (!simulation.step()) throw new Error("nothing is left to happen, and there was more to come")
  }
}
