/** `it.sim` for vitest. The one file that imports it. */
import { it as vitestIt, type TestAPI } from "vitest"
import { type CheckOptions, checkSimulation, type SimulationProperty } from "./index.ts"

export interface SimTestOptions<W, E> extends SimulationProperty<W, E>, Pick<CheckOptions, "runs" | "seed"> {
  /** Of real time, in milliseconds. Default: two minutes, as a failure is shrunk before it is told. */
  readonly timeout?: number
}

/** A test that runs a scenario under many seeds and plans; a failure prints the line that does it again. */
export type Sim = <W, E>(name: string, options: SimTestOptions<W, E>) => void

const sim: Sim = (name, { runs, seed, timeout = 120_000, ...property }) =>
  // oxlint-disable-next-line vitest/valid-title -- the title is the caller's
  vitestIt(name, () =>
    checkSimulation(property, {
      test: name,
      ...runs === undefined ? {} : { runs },
      ...seed === undefined ? {} : { seed }
    }), timeout)

/** Vitest's own, with `it.sim`. */
export const it: TestAPI & { readonly sim: Sim } = new Proxy(vitestIt as TestAPI & { readonly sim: Sim }, {
  get: (target, key, receiver): unknown => key === "sim" ? sim : Reflect.get(target, key, receiver)
})
