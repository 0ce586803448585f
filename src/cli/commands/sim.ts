/** `sim`: a whole network in virtual time, the nodes and sessions of production on simulated hosts. */
import { Effect, Option, Result } from "effect"
import { randomInt } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { keyedRandom, printPlan, sequenceDiagram } from "../../../inprocess/index.ts"
import { CliFailed } from "../failure.ts"
import { note, print, printJson } from "../output.ts"
import { runSim, type SimOptions, type SimResult } from "../sim/network.ts"
import { readFaults } from "../sim/plan.ts"
import { makeProgress } from "../sim/progress.ts"
import { summaryOf } from "../sim/summary.ts"

export interface SimFlags {
  readonly nodes: number
  readonly chains: number
  readonly minutes: number
  readonly headers: number
  readonly sessions: number
  readonly bootstrap: Option.Option<number>
  readonly faults: string
  readonly seed: Option.Option<number>
  readonly diagram: Option.Option<string>
  /** Seconds of virtual time at which the diagram begins. */
  readonly diagramFrom: number
  readonly json: boolean
}

/** More arrows than that are no picture any more. */
const mostInDiagram = 3_000

const command = (flags: SimFlags, { bootstrap, faults, seed }: SimOptions): string => {
  const { chains, headers, minutes, nodes, sessions } = flags
  const known = bootstrap === undefined ? "" : ` --bootstrap ${bootstrap}`
  const plan = faults.length === 0 ? "" : ` --faults '${printPlan(faults)}'`
  return `chain-p2p sim --nodes ${nodes} --chains ${chains} --minutes ${minutes} --headers ${headers} ` +
    `--sessions ${sessions}${known} --seed ${seed}${plan}`
}

const optionsOf = (flags: SimFlags): Effect.Effect<SimOptions, CliFailed> => {
  const seed = Option.getOrElse(flags.seed, () => randomInt(0x7fff_ffff))
  const faults = readFaults(flags.faults, {
    nodes: flags.nodes,
    seconds: flags.minutes * 60,
    random: keyedRandom(seed)
  })
  if (Result.isFailure(faults)) return Effect.fail(new CliFailed({ message: `--faults: ${faults.failure}` }))
  return Effect.succeed({
    nodes: flags.nodes,
    chains: flags.chains,
    minutes: flags.minutes,
    headers: flags.headers,
    sessionCount: flags.sessions,
    seed,
    faults: faults.success,
    bootstrap: Option.getOrUndefined(flags.bootstrap),
    ...(Option.isSome(flags.diagram)
      ? { trace: { fromMillis: flags.diagramFrom * 1000, most: mostInDiagram } }
      : {})
  })
}

const writeDiagram = (path: string, { trace }: SimResult) =>
  Effect.tryPromise({
    try: () => writeFile(path, sequenceDiagram(trace)),
    catch: (cause) =>
      new CliFailed({
        message: `the diagram can't be written: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  }).pipe(
    Effect.andThen(note(
      trace.length < mostInDiagram
        ? `diagram of ${trace.length} events: ${path}`
        : `diagram of the first ${mostInDiagram} events: ${path} (--diagram-from SECONDS begins later)`
    ))
  )

export const sim = Effect.fnUntraced(function*(flags: SimFlags) {
  const options = yield* optionsOf(flags)
  const replay = command(flags, options)
  yield* note(replay)
  const cpu = process.cpuUsage()
  const started = performance.now()
  const progress = makeProgress(options)
  const result = yield* Effect.sync(() => runSim({ ...options, onProgress: progress.show }))
  progress.end()
  const { system, user } = process.cpuUsage(cpu)
  const cost = { realSeconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1_000_000 }
  const summary = summaryOf(options, result, cost)
  yield* flags.json ? printJson({ ...summary.json, replay }) : print(summary.text)
  if (Option.isSome(flags.diagram)) yield* writeDiagram(flags.diagram.value, result)
  if (result.failure !== undefined) {
    return yield* new CliFailed({ message: `${result.failure}\nto see it again: ${replay}` })
  }
})
