/** Hosts in simulation: the backend in process, with all that can befall a simulated host. */
import { Cause, Effect, Exit, type Scope } from "effect"
import { makeNetwork, type Network, type NetworkOptions, run, type SimulatedHost } from "../../inprocess/index.ts"
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

const world = Effect.fnUntraced(function*(hosts: number, options: NetworkOptions = {}) {
  const network = yield* makeNetwork(options)
  const made = yield* Effect.all(Array.from({ length: hosts }, () => network.host()))
  return { hosts: made, network, cut: (a: Host, b: Host) => network.cut(a, b) }
})

const once = <A, E>(test: Effect.Effect<A, E, Scope.Scope>, seed: number): A => {
  const exit = run(Effect.scoped(test), { seed })
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error(`with seed ${seed}: ${Cause.pretty(exit.cause)}`, { cause: Cause.squash(exit.cause) })
}

/** Runs each test once per seed, so that laws meet more than one order of things. Default: seeds 1 to 10. */
export const inprocessBackend = (seeds = 10): InprocessBackend => {
  const runSync = <A, E>(test: Effect.Effect<A, E, Scope.Scope>, options: RunOptions = {}): A => {
    if (options.seed !== undefined) return once(test, options.seed)
    for (let seed = 1; seed < seeds; seed++) once(test, seed)
    return once(test, seeds)
  }
  return {
    name: "in process",
    virtual: true,
    run: async (test, options) => runSync(test, options),
    runSync,
    world
  }
}

export const inprocess = inprocessBackend()
