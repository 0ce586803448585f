/**
 * Runs the checks of the tree in which it lies, until one fails or so many seconds of this process's CPU time or runs are
 * over, and prints what it found as one line of JSON. `child.ts SECONDS RUNS FROM STEP`: the runs n with n ≡ FROM (mod STEP).
 */
import { nth } from "../properties/checks.ts"
import { type Alarm } from "../properties/run.ts"

const [seconds = 60, most = Infinity, first = 0, step = 1] = process.argv.slice(2).map(Number)
const base = 1

/** The runs that were wrong, of which `--clean` wants all and a mutant the first. */
const alarms: Array<Alarm> = []
const wantsAll = process.argv.includes("--all")
const mostAlarms = wantsAll ? Infinity : 1

const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1e6
}

let runs = 0
while (runs < most && cpuSeconds() < seconds && alarms.length < mostAlarms) {
  const { check, seed } = nth(first + runs * step, base)
  let alarm: Alarm | undefined
  try {
    alarm = check.run(seed)
  } catch (error) {
    alarm = { property: check.name, seed, wrong: String(error), replay: `seed=${seed}` }
  }
  if (alarm !== undefined) {
    alarms.push(alarm)
    // It may go on for hours.
    if (wantsAll) process.stderr.write(`${alarm.property}: ${alarm.wrong}\n  CHAIN_P2P_SIM='${alarm.replay}'\n`)
  }
  runs++
}
process.stdout.write(`${JSON.stringify({ runs, cpuSeconds: cpuSeconds(), alarms })}\n`)
