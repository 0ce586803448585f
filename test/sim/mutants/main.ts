/**
 * Whether the properties find bugs: each mutant is put into a copy of the sources, and the checks run there in a process of
 * their own until one fails, or a minute of CPU time is over. `--json`: one object on stdout. `--clean RUNS`: as many runs of the
 * code as it is instead, and none of them may fail. `--only NAME`: this mutant alone. `--from N`: other runs.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { atLeast, atMost, report, rounded, say } from "../../bench/support/report.ts"
import { type Alarm } from "../properties/run.ts"
import { type Mutant, mutants, mutate } from "./mutants.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const cpuBudget = 60
/** A mutant may go round in circles without giving way: then its process is ended, and nothing was found. */
const patienceMillis = 30 * 60_000
const atOnce = 2

interface Found {
  readonly runs: number
  readonly cpuSeconds: number
  readonly alarms: ReadonlyArray<Alarm>
}

const valueOf = (flag: string): string | undefined => {
  const at = process.argv.indexOf(flag)
  return at < 0 ? undefined : process.argv[at + 1]
}

/** The sources, with the mutation, and the checks. */
const copy = (into: string, mutant: Mutant | undefined): void => {
  for (const part of ["src", "signatures", "inprocess", "chains", "test/sim/properties", "test/sim/mutants"]) {
    mkdirSync(join(into, part), { recursive: true })
    cpSync(join(root, part), join(into, part), { recursive: true })
  }
  cpSync(join(root, "package.json"), join(into, "package.json"))
  symlinkSync(join(root, "node_modules"), join(into, "node_modules"))
  if (mutant === undefined) return
  const file = join(into, mutant.file)
  writeFileSync(file, mutate(mutant, readFileSync(file, "utf8")))
}

const nothing: Found = { runs: 0, cpuSeconds: cpuBudget, alarms: [] }

/** Runs the checks of a copy in a process of their own. */
const run = (mutant: Mutant | undefined, args: ReadonlyArray<string>, timeout: number): Promise<Found> => {
  const into = mkdtempSync(join(tmpdir(), "chain-p2p-mutant-"))
  copy(into, mutant)
  return new Promise((resolve) => {
    const child = join(into, "test/sim/mutants/child.ts")
    const running = execFile(process.execPath, [child, ...args], { timeout, maxBuffer: 1 << 28 }, (_error, stdout) => {
      rmSync(into, { recursive: true, force: true })
      resolve(stdout === "" ? nothing : JSON.parse(stdout))
    })
    running.stderr?.pipe(process.stderr)
  })
}

/** So many at a time, in order. */
const each = async <A, B>(all: ReadonlyArray<A>, work: (one: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const results = new Map<number, B>()
  let next = 0
  const worker = async () => {
    for (let i = next++; i < all.length; i = next++) {
      const one = all[i]
      if (one !== undefined) results.set(i, await work(one))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return all.flatMap((_, i) => results.get(i) ?? [])
}

const hunt = async (only: string | undefined) => {
  const rows = await each(mutants.filter(({ name }) => only === undefined || name === only), async (mutant) => {
    const { alarms, cpuSeconds, runs } = await run(mutant, [String(cpuBudget)], patienceMillis)
    const [alarm] = alarms
    const isCaught = alarm !== undefined && cpuSeconds <= cpuBudget
    say(
      `${mutant.name}: ${
        isCaught ? `caught in run ${runs}, after ${rounded(cpuSeconds)} s` : `not caught in ${runs} runs`
      }`
    )
    return {
      mutant: mutant.name,
      file: mutant.file,
      means: mutant.means,
      caught: isCaught,
      property: alarm?.property ?? "",
      wrong: alarm?.wrong ?? "",
      replay: alarm?.replay ?? "",
      runs,
      cpuSeconds: rounded(cpuSeconds)
    }
  })
  const caught = rows.filter((row) => row.caught).length
  const slowest = Math.max(0, ...rows.flatMap((row) => row.caught ? [row.cpuSeconds] : []))
  report("mutants", rows, [
    atLeast(`mutants caught, of ${rows.length}`, caught, Math.min(19, rows.length)),
    atMost("CPU seconds of the slowest catch", slowest, cpuBudget)
  ])
}

const watchClean = async (wanted: number, from: number) => {
  const share = Math.ceil(wanted / atOnce)
  const found = await each(
    Array.from({ length: atOnce }, (_, i) => i),
    (i) => run(undefined, ["Infinity", String(share), String(from + i), String(atOnce), "--all"], 0)
  )
  const runs = found.reduce((sum, it) => sum + it.runs, 0)
  const alarms = found.flatMap((it) => it.alarms)
  const cpuSeconds = rounded(found.reduce((sum, it) => sum + it.cpuSeconds, 0))
  report("mutants, clean", [{ runs, cpuSeconds, alarms: alarms.length }], [
    atLeast("runs of the code as it is", runs, wanted),
    atMost("alarms among them", alarms.length, 0)
  ])
}

const clean = valueOf("--clean")
await (clean === undefined ? hunt(valueOf("--only")) : watchClean(Number(clean), Number(valueOf("--from") ?? 0)))
