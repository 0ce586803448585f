/** Hosts in simulation: the backend in process, with all that can befall a simulated host. */
import { Cause, Effect, Exit, type Scope } from "effect"
import {
  makeNetwork,
  type Network,
  type NetworkOptions,
  run,
  type Schedule,
  type SimulatedHost
} from "../../inprocess/index.ts"
import { type Backend, type Host, type RunOptions, type World } from "./Backend.ts"

export interface InprocessWorld extends World {
  readonly hosts: ReadonlyArray<SimulatedHost>
  readonly network: Network
}

export interface InprocessBackend extends Backend {
  readonly virtual: true
  readonly world: (hosts: number, options?: NetworkOptions) => Effect.Effect<InprocessWorld, never, Scope.Scope>
  /** `run` without a promise, for property tests: throws the pretty-printed cause. */
  readonly runSync: <A, E>(test: Effect.Effect<A, E, Scope.Scope>, options?: RunOptions) => A
}

/** In what circumstances the tests of a backend run. */
export interface Circumstances {
  /** Default: none. */
  readonly name?: string
  /** Of every world, where a test asks for nothing else. */
  readonly network?: NetworkOptions
  /** What goes on beside the test for as long as its world is there. */
  readonly befall?: (world: InprocessWorld) => Effect.Effect<void>
  /** See `Backend.isSlow`. Default: false. */
  readonly isSlow?: boolean
  /** See `Backend.overtakes`. Default: false. */
  readonly overtakes?: boolean
  /** Which fiber goes next, by the seed. Default: first come, first served. */
  readonly schedule?: (seed: number) => Schedule
}

/** Whole processes do something now and then for ever: a test that waits for what never comes is over then, and fails. */
const deadline = "1 day"

/** Runs each test once per seed, so that laws meet more than one order of things. Default: seeds 1 to 10. */
export const inprocessBackend = (
  seeds: number | { readonly from: number; readonly runs: number } = 10,
  { befall = () => Effect.void, isSlow = false, name, overtakes = false, network: usual, schedule }: Circumstances = {}
): InprocessBackend => {
  const { from, runs } = typeof seeds === "number" ? { from: 1, runs: seeds } : seeds
  const once = <A, E>(test: Effect.Effect<A, E, Scope.Scope>, seed: number): A => {
    const exit = run(Effect.scoped(test), { seed, deadline, ...schedule && { schedule: schedule(seed) } })
    if (Exit.isSuccess(exit)) return exit.value
    throw new Error(`with seed ${seed}: ${Cause.pretty(exit.cause)}`, { cause: Cause.squash(exit.cause) })
  }
  const runSync = <A, E>(test: Effect.Effect<A, E, Scope.Scope>, options: RunOptions = {}): A => {
    if (options.seed !== undefined) return once(test, options.seed)
    const last = from + runs - 1
    for (let seed = from; seed < last; seed++) once(test, seed)
    return once(test, last)
  }
  return {
    name: name === undefined ? "in process" : `in process, ${name}`,
    virtual: true,
    isSlow,
    overtakes,
    run: async (test, options) => runSync(test, options),
    runSync,
    world: Effect.fnUntraced(function*(hosts: number, options: NetworkOptions = {}) {
      const network = yield* makeNetwork({ ...usual, ...options })
      const made = yield* Effect.all(Array.from({ length: hosts }, () => network.host()))
      const world = { hosts: made, network, cut: (a: Host, b: Host) => network.cut(a, b) }
      yield* Effect.forkScoped(befall(world))
      return world
    })
  }
}

export const inprocess = inprocessBackend()
