/**
 * How nodes pick their peers: the policy of `src/node` beside simpler ones, on a simulated network of real nodes, with all that
 * lies below them, in which some peers never let go. `--nodes`, `--chains`, `--sessions`, `--rotations`, `--lifetime SECONDS`,
 * `--seed`; `--json` prints one object on stdout. A process per policy, two at a time, or `--at-once` so many; `--policy NAME`
 * measures one alone.
 */
import { Schema } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { atLeast, atMost, report, rounded, say } from "./support/report.ts"
import { figuresOf, SelectionFigures } from "./support/selectionFigures.ts"
import { looksPerLifetime, runSelection } from "./support/selectionNetwork.ts"
import { ours, policies } from "./support/selectionPolicies.ts"

const numberAfter = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name)
  const value = at < 0 ? otherwise : Number(process.argv[at + 1])
  if (Number.isInteger(value) && value >= 0) return value
  say(`bench:selection: ${name} must be a whole number`)
  return process.exit(1)
}
const nodes = numberAfter("--nodes", 200)
const chains = numberAfter("--chains", 20)
const sessionCount = numberAfter("--sessions", 4)
const rotations = numberAfter("--rotations", 5)
const lifetimeSeconds = numberAfter("--lifetime", 60)
const seed = numberAfter("--seed", 1)
const atOnce = numberAfter("--at-once", 2)
const bootstrap = 4

const Measured = Schema.Struct({
  figures: SelectionFigures,
  virtualSeconds: Schema.Finite,
  cpuSeconds: Schema.Finite,
  /** The most that the process ever held, its code included. */
  mebibytes: Schema.Finite
})
type Measured = typeof Measured.Type

const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1_000_000
}

const measure = (name: string): Measured => {
  const compared = policies.find((one) => one.name === name) ?? ours
  const run = runSelection({
    nodes,
    chains,
    sessionCount,
    compared,
    bootstrap,
    adversaries: 0.3,
    rotations,
    lifetimeSeconds,
    seed,
    onLook: (index) => {
      if (index % looksPerLifetime > 0) return
      say(`${name}: ${index / looksPerLifetime} of ${rotations} lifetimes after ${cpuSeconds().toFixed(0)} s of CPU`)
    }
  })
  return {
    // The last lifetime: by then every session was replaced several times.
    figures: figuresOf(run, bootstrap),
    virtualSeconds: run.virtualSeconds,
    cpuSeconds: cpuSeconds(),
    mebibytes: process.resourceUsage().maxRSS / 1024
  }
}

/** In a process of its own. */
const elsewhere = async (name: string): Promise<Measured> => {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1), "--policy", name], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (part: string) => void (text += part))
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`the process for ${name} ended with ${code}`)
  const measured = Schema.decodeSync(Schema.fromJsonString(Measured))(text)
  const { cpuSeconds, mebibytes, virtualSeconds } = measured
  say(`${name}: ${virtualSeconds} s of virtual time in ${rounded(cpuSeconds)} s of CPU and ${mebibytes.toFixed(0)} MiB`)
  return measured
}

const asked = process.argv.indexOf("--policy")
if (asked >= 0) {
  process.stdout.write(JSON.stringify(measure(process.argv[asked + 1] ?? "")))
} else {
  say(
    `${nodes} nodes, ${chains} chains, ${sessionCount} sessions each, 30 % of the nodes never let go; ${rotations} lifetimes`
  )
  const results = new Map<string, Measured>()
  const left = policies.map(({ name }) => name).toReversed()
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) results.set(name, await elsewhere(name))
  }
  await Promise.all(Array.from({ length: Math.max(1, atOnce) }, work))
  const rows = policies.flatMap(({ name }) => {
    const found = results.get(name)
    if (found === undefined) return []
    const { figures, ...cost } = found
    const values = Object.entries(figures).map(([key, value]) => [key, rounded(value)] as const)
    return [{
      policy: name,
      ...Object.fromEntries(values),
      ...cost,
      cpuSeconds: rounded(cost.cpuSeconds),
      mebibytes: Math.round(cost.mebibytes)
    }]
  })
  const figures = results.get(ours.name)?.figures
  if (figures === undefined) throw new Error("ours was not measured")
  report("selection", rows, [
    atLeast("ours: sessions per link", figures.sessionsPerLink, 6),
    atMost("ours: Gini of the in-degrees", figures.gini, 0.3),
    atMost("ours: load of the bootstrap nodes against a fair share", figures.bootstrapLoad, 2),
    atMost("ours: adversaries' share of honest nodes' sessions", figures.adversaryShare, 0.33),
    atMost("ours: share of honest (node, chain)s below target", figures.below, 0.001)
  ])
}
