import { Cause, Config, Duration, Effect, Exit, Option } from "effect"
import * as fc from "fast-check"
import { type FaultPlan, printPlan } from "../network/index.ts"
import { Faults, type FaultSource } from "./Faults.ts"
import { minimiseChoices } from "./minimise.ts"
import { parseReplay, type Replay, replayLine, replayVariable } from "./replay.ts"
import { type Scenario } from "./Scenario.ts"
import { simulate, type SimulationResult } from "./simulate.ts"
import { firstDifferenceOf } from "./twice.ts"

/** A scenario under any plan of a source. */
export interface SimulationProperty<W = unknown, E = unknown> extends Scenario<W, E> {
  /** Default: none. Without a `duration` they come in the first 10 s. */
  readonly faults?: FaultSource
}

export interface CheckOptions {
  /** How many runs, each with its own seed and plan. Default: 100. */
  readonly runs?: number
  /** Of the generator of seeds and plans. Default: another one each time; a failure tells its own. */
  readonly seed?: number
  /** What the line that replays a failure is to name. */
  readonly test?: string
  /** Only this run: what a failure printed. Default: what the environment variable CHAIN_P2P_SIM says, if it is set. */
  readonly replay?: string | undefined
}

/** A run that failed, with the line that does it again. */
export class SimulationFailed extends Error {
  override readonly name = "SimulationFailed"
  readonly replay: Replay
  constructor(
    reason: string,
    replay: Replay,
    details: { readonly test?: string | undefined; readonly found?: string }
  ) {
    super([
      reason,
      `  faults: ${replay.plan.length === 0 ? "none" : printPlan(replay.plan)}`,
      ...details.found === undefined ? [] : [`  ${details.found}`],
      `  replay: ${replayLine(replay, details.test)}`
    ].join("\n"))
    this.replay = replay
  }
}

const usualMillis = 10_000
/** One run of so many is done twice, to see whether it comes out the same. */
const oneIn = 100

const runOnce = <W, E>(property: SimulationProperty<W, E>, { choices, plan, seed }: Replay) =>
  simulate({
    ...property,
    seed,
    faults: plan,
    ...choices === undefined ? {} : { schedule: { _tag: "Replay", choices } }
  })

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : Cause.pretty(cause)
}

/** What kind of failure it is: a simpler run must fail for the same reason. */
const kindOf = ({ exit }: SimulationResult<unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return error instanceof Error ? error.name : String(error)
}

const plansOf = <W, E>({ duration, faults = Faults.none, hosts }: SimulationProperty<W, E>) =>
  faults({
    hosts: typeof hosts === "number" ? hosts : hosts.length,
    millis: duration === undefined ? usualMillis : Math.floor(Duration.toMillis(Duration.fromInputUnsafe(duration)))
  })

const check = <W, E>(property: SimulationProperty<W, E>, replay: Replay, test: string | undefined): void => {
  const { choices, exit } = runOnce(property, replay)
  if (Exit.isFailure(exit)) throw new SimulationFailed(reasonOf(exit.cause), { ...replay, choices }, { test })
  if (replay.seed % oneIn !== 0) return
  const parting = firstDifferenceOf({ ...property, seed: replay.seed, faults: replay.plan })
  if (parting !== undefined) throw new SimulationFailed(parting, replay, { test })
}

/**
 * The scenario as a property of fast-check, for `fc.assert`: a seed, from which the schedule is drawn too and which does not
 * shrink, and a plan, which does. What it throws names the line that replays the run.
 */
export const simulationProperty = <W, E>(
  property: SimulationProperty<W, E>,
  test?: string
): fc.IPropertyWithHooks<[seed: number, plan: FaultPlan]> =>
  fc.property(
    fc.noBias(fc.noShrink(fc.nat(0x7fff_ffff))),
    plansOf(property),
    (seed, plan) => check(property, { seed, plan }, test)
  )

const fromEnvironment = (): string | undefined =>
  Effect.runSync(
    Effect.orElseSucceed(
      Effect.map(Config.option(Config.String(replayVariable)), Option.getOrUndefined),
      () => undefined
    )
  )

/** Fewer decisions of the schedule that still fail so. */
const withSimplerSchedule = <W, E>(property: SimulationProperty<W, E>, replay: Replay): Replay => {
  const first = runOnce(property, replay)
  const kind = kindOf(first)
  if (kind === undefined || first.choices === undefined) return replay
  const failsAlike = (choices: string) => kindOf(runOnce(property, { ...replay, choices })) === kind
  return { ...replay, choices: minimiseChoices(first.choices, failsAlike) }
}

/**
 * Runs the scenario under many seeds and plans. Throws `SimulationFailed` with the smallest failure found: first the plan is
 * shrunk, then the schedule. Needs no test framework.
 */
export const checkSimulation = <W, E>(property: SimulationProperty<W, E>, options: CheckOptions = {}): void => {
  const { runs = 100, test } = options
  const asked = options.replay ?? fromEnvironment()
  if (asked !== undefined && asked !== "") {
    const replay = parseReplay(asked)
    if (Option.isNone(replay)) throw new Error(`${replayVariable} is not what a failed run printed: ${asked}`)
    return check(property, replay.value, test)
  }
  const details = fc.check(simulationProperty(property, test), {
    numRuns: runs,
    ...options.seed === undefined ? {} : { seed: options.seed }
  })
  if (!details.failed) return
  const found = details.errorInstance
  if (!(found instanceof SimulationFailed)) throw found
  const smaller = withSimplerSchedule(property, { seed: found.replay.seed, plan: found.replay.plan })
  const result = runOnce(property, smaller)
  if (Exit.isSuccess(result.exit)) throw found
  throw new SimulationFailed(reasonOf(result.exit.cause), smaller, {
    test,
    found:
      `in run ${details.numRuns} of ${runs}, shrunk ${details.numShrinks} times; generated with seed ${details.seed}`
  })
}
