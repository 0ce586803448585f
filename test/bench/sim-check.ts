/**
 * Whether a seed says all: every seed is a scenario, run in two processes, in opposite order so that nothing of one run could
 * reach the same next one. `--seeds N` (default 1,000), `--from N`; `--json` prints one object on stdout.
 */
import { Schema } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { printPlan } from "../../inprocess/index.ts"
import { atLeast, atMost, report, type Row, say } from "./support/report.ts"
import { type SeededRun, seededRun } from "./support/seededRun.ts"

const numberAfter = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const count = numberAfter("--seeds", 1000)
const first = numberAfter("--from", 0)
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first) || first < 0) {
  say("sim:check: --seeds must be a whole number from 1 on, and --from one from 0 on")
  process.exit(1)
}
const seeds = Array.from({ length: count }, (_, index) => first + index)

type Line = readonly [seed: number, hosts: number, hash: string, steps: number, error: string]
const readLine = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Tuple([Schema.Int, Schema.Int, Schema.String, Schema.Int, Schema.String]))
)
const lineOf = (seed: number, { error = "", hash, hosts, steps }: SeededRun): Line => [seed, hosts, hash, steps, error]

const inProcess = async (order: "up" | "down"): Promise<ReadonlyMap<number, Line>> => {
  const args = [import.meta.filename, "--seeds", String(count), "--from", String(first), "--order", order]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const lines = new Map<number, Line>()
  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    for (const line of parts.map((part) => readLine(part))) {
      lines.set(line[0], line)
      if (order === "up" && lines.size % 100 === 0) say(`${lines.size} of ${count} seeds`)
    }
  })
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`a process ended with ${code} after ${lines.size} of ${count} seeds`)
  return lines
}

const order = process.argv[process.argv.indexOf("--order") + 1]
if (order === "up" || order === "down") {
  for (const seed of order === "up" ? seeds : seeds.toReversed()) {
    process.stdout.write(`${JSON.stringify(lineOf(seed, seededRun(seed)))}\n`)
  }
} else {
  const [one, other] = await Promise.all([inProcess("up"), inProcess("down")])
  const differs = (seed: number) => JSON.stringify(one.get(seed)) !== JSON.stringify(other.get(seed))
  for (const seed of seeds.filter(differs)) {
    const { faults } = seededRun(seed)
    say(`seed ${seed} comes out in two ways, ${one.get(seed)?.[2]} and ${other.get(seed)?.[2]}: ${printPlan(faults)}`)
  }
  const all = Array.from(one.values())
  for (const [seed, , , , error] of all) if (error !== "") say(`seed ${seed} fails: ${error}`)
  const sizes = Array.from(new Set(all.map(([, hosts]) => hosts))).toSorted((a, b) => a - b)
  const rows: ReadonlyArray<Row> = sizes.map((hosts) => {
    const runs = all.filter((line) => line[1] === hosts)
    return {
      hosts,
      seeds: runs.length,
      steps: runs.reduce((sum, [, , , steps]) => sum + steps, 0),
      hashes: new Set(runs.map(([, , hash]) => hash)).size,
      differing: runs.filter(([seed]) => differs(seed)).length,
      failed: runs.filter(([, , , , error]) => error !== "").length
    }
  })
  const sum = (column: string) => rows.reduce((all, row) => all + Number(row[column]), 0)
  report("sim:check", rows, [
    atLeast("seeds that were run in both processes", sum("seeds"), count),
    atMost("seeds whose hashes differ", sum("differing"), 0),
    atMost("seeds whose runs fail", sum("failed"), 0)
  ])
  process.exit(sum("differing") + sum("failed") === 0 ? 0 : 1)
}
