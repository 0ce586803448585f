import { parseChoices } from "./Choices.ts"
import { fits } from "./internals.ts"
import { type KeyedRandom, keyedRandom, type RandomStream } from "./KeyedRandom.ts"
import { firstCome, geometric, partialOrder, pct, type Policy, randomWalk, replaying } from "./Policy.ts"

interface Open {
  /** The chance that a fiber is made to yield, at each operation but the first of a turn. Default: 0. */
  readonly preemption?: number
  /**
   * Whether a fiber that could go on waits for its turn, as all others do. Otherwise it runs inside of whatever woke it, as in
   * every Effect program. Relies on internals of `effect`: see `withWakeUps`. Default: false.
   */
  readonly wakeUps?: boolean
}

/** How it is decided which fiber goes next. Data: with the seed it says all. */
export type Schedule =
  /** First come, first served: what Effect does. */
  | (Open & { readonly _tag: "Fifo" })
  /** Any of those that can. */
  | (Open & { readonly _tag: "RandomWalk" })
  /** Fibers have priorities. As many times, somewhere in the first `horizon` decisions, the highest one's becomes the lowest. */
  | (Open & { readonly _tag: "Pct"; readonly changes: number; readonly horizon: number })
  /** Each turn of each fiber has a priority, which follows from who started it. */
  | (Open & { readonly _tag: "Lineage" })
  /** As in the run that gave these choices. */
  | { readonly _tag: "Replay"; readonly choices: string }

/** A schedule drawn from a seed. No single policy finds everything, so all of them have their share. */
export const drawSchedule = (seed: number | string): Schedule => {
  const random = keyedRandom(seed)("schedule")
  const open = {
    preemption: [0, 0, 0.01, 0.05, 0.2][random.between(0, 5)] ?? 0,
    // Drawn in any case, so that the rest doesn't depend on it.
    wakeUps: random.chance(0.5) && fits
  }
  const kind = random.between(0, 10)
  if (kind === 0) return { _tag: "Fifo", ...open }
  if (kind < 4) return { _tag: "RandomWalk", ...open }
  if (kind < 7) return { _tag: "Lineage", ...open }
  return { _tag: "Pct", changes: random.between(0, 5), horizon: 2 ** random.between(4, 13), ...open }
}

const choosing = (schedule: Exclude<Schedule, { readonly _tag: "Replay" }>, random: RandomStream): Policy["choose"] => {
  switch (schedule._tag) {
    case "Fifo":
      return firstCome
    case "RandomWalk":
      return randomWalk(random)
    case "Pct":
      return pct(random, schedule.changes, schedule.horizon)
    case "Lineage":
      return partialOrder(random)
  }
}

/** Undefined for the plain schedule, in which nothing is open. */
export const policyOf = (
  schedule: Schedule,
  keyed: KeyedRandom
): { readonly policy: Policy; readonly wakeUps: boolean } | undefined => {
  if (schedule._tag === "Replay") {
    const choices = parseChoices(schedule.choices)
    if (choices === undefined) throw new Error(`not the choices of a run: ${schedule.choices}`)
    return { policy: replaying(choices), wakeUps: choices.wakeUps }
  }
  const { preemption = 0, wakeUps = false } = schedule
  if (schedule._tag === "Fifo" && preemption === 0 && !wakeUps) return undefined
  const choose = choosing(schedule, keyed("schedule/picks"))
  return { policy: { choose, nextYield: geometric(keyed("schedule/yields"), preemption) }, wakeUps }
}
