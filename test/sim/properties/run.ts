/** Runs of properties: one by its number, many, and one that failed again. */
import { Cause, Config, Effect, Exit, Option } from "effect"
import * as fc from "fast-check"
import { type FaultPlan, simulate } from "../../../inprocess/index.ts"
import { parseReplay, printReplay } from "../../../inprocess/testing/index.ts"
import { type Property } from "./properties.ts"

const millisOf = ({ duration }: { readonly duration?: unknown }): number => {
  const [, digits] = /^(\d+) seconds$/.exec(String(duration)) ?? []
  return digits === undefined ? Number(duration) : Number(digits) * 1_000
}

/** What was wrong with a run. Undefined: nothing. */
const wrongWith = (property: Property, seed: number, faults: FaultPlan): string | undefined => {
  const { exit } = simulate({ ...property.scenario(seed), seed, faults })
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

export interface Alarm {
  readonly property: string
  readonly seed: number
  readonly wrong: string
  /** For the environment variable CHAIN_P2P_SIM. */
  readonly replay: string
}

/** One run, with the plan that its number draws; `shrink`: looks for a smaller plan that fails too. */
export const runOf = (property: Property, seed: number, shrink: boolean): Alarm | undefined => {
  const scenario = property.scenario(seed)
  const hosts = typeof scenario.hosts === "number" ? scenario.hosts : scenario.hosts.length
  let last: { readonly plan: FaultPlan; readonly wrong: string } | undefined
  const details = fc.check(
    fc.property(scenario.faults({ hosts, millis: millisOf(scenario) }), (plan) => {
      const wrong = wrongWith(property, seed, plan)
      if (wrong !== undefined) last = { plan, wrong }
      return wrong === undefined
    }),
    { seed, numRuns: 1, endOnFailure: !shrink }
  )
  if (!details.failed || last === undefined) return undefined
  const { plan, wrong } = last
  return { property: property.name, seed, wrong, replay: printReplay({ seed, plan }) }
}

const environment = (name: string): string | undefined =>
  Effect.runSync(
    Effect.orElseSucceed(Effect.map(Config.option(Config.String(name)), Option.getOrUndefined), () => undefined)
  )

/** As many runs as the environment variable CHAIN_P2P_RUNS says, from a number of its own on; else `usual`, from 1 on. */
export const howMany = (usual: number): { readonly runs: number; readonly from: number } => {
  const wanted = Number(environment("CHAIN_P2P_RUNS") ?? 0)
  return wanted > 0 ? { runs: wanted, from: Math.trunc(Math.random() * 0x3fff_ffff) } : { runs: usual, from: 1 }
}

/** What is wrong with the run that such a line names. */
export const replayed = (property: Property, line: string): string | undefined => {
  const replay = Option.getOrUndefined(parseReplay(line))
  if (replay === undefined) throw new Error(`CHAIN_P2P_SIM is not what a failed run printed: ${line}`)
  return wrongWith(property, replay.seed, replay.plan)
}

/** Throws with the first run that fails, and the line that does it again. */
export const check = (property: Property, usual: number): void => {
  const asked = environment("CHAIN_P2P_SIM")
  if (asked !== undefined && asked !== "") {
    const wrong = replayed(property, asked)
    if (wrong !== undefined) throw new Error(wrong)
    return
  }
  const { from, runs } = howMany(usual)
  for (let seed = from; seed < from + runs; seed++) {
    const alarm = runOf(property, seed, true)
    if (alarm === undefined) continue
    throw new Error(`${alarm.wrong}\n  replay: CHAIN_P2P_SIM='${alarm.replay}' npx vitest run -t "${property.name}"`)
  }
}
