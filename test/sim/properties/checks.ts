/** All that is checked of nodes, as one list: a run of any of it is named by a number. */
import { properties } from "./properties.ts"
import { type Alarm, runOf } from "./run.ts"
import { leftOver } from "./standstill.ts"

export interface Check {
  readonly name: string
  /** Of its runs in each round: those that find much in little time come more often. */
  readonly share: number
  readonly run: (seed: number) => Alarm | undefined
}

/** In the order of `properties`; of those that come once there is no need to say. */
const shares = [10, 4, 2, 1, 1, 1, 1, 1, 1, 6, 4]

const standstill = "leave nothing behind when they are shut down"

const checks: ReadonlyArray<Check> = [
  ...properties.map((property, i) => ({
    name: property.name,
    share: shares[i] ?? 1,
    run: (seed: number) => runOf(property, seed, false)
  })),
  {
    name: standstill,
    share: 6,
    run: (seed) => {
      const wrong = leftOver(seed)
      return wrong === undefined ? undefined : { property: standstill, seed, wrong, replay: `seed=${seed}` }
    }
  }
]

/** The n-th run of all: in each round every check has its share, mixed, and each run a number that no other run of it has. */
export const nth = (n: number, from: number): { readonly check: Check; readonly seed: number } => {
  const round = checks.flatMap((check) =>
    Array.from({ length: check.share }, (_, i) => ({ check, at: (i + 0.5) / check.share, i }))
  )
    .toSorted((a, b) => a.at - b.at)
  const turn = round[n % round.length]
  if (turn === undefined) throw new Error("there are no checks")
  return { check: turn.check, seed: from + Math.floor(n / round.length) * turn.check.share + turn.i }
}
