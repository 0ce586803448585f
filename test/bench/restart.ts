/**
 * How long a restarted process takes to its target, in simulated time: with no book, and with one of a thousand peers of which
 * most are dead, or most alive. The user names one peer in each case. `--json` prints one object on stdout; `--seeds N`.
 */
import { median, quantile } from "./support/measure.ts"
import { atMost, report, rounded, type Row, say } from "./support/report.ts"
import { runRestart, type Variant, variantNames, variants } from "./support/restart.ts"

const argument = process.argv.indexOf("--seeds")
const seeds = argument < 0 ? 50 : Number(process.argv[argument + 1])

const times = new Map<Variant, Array<number>>(variantNames.map((variant) => [variant, []]))
for (let seed = 1; seed <= seeds; seed++) {
  // One after the other for each seed, so that whoever stops it half-way has seen all of them.
  for (const variant of variantNames) {
    times.get(variant)?.push(runRestart({ seed, variant, mesh: 30, bootstrap: 1 }))
  }
  say(
    `seed ${seed} of ${seeds}: ${
      variantNames.map((name) => `${name} ${rounded(times.get(name)?.at(-1) ?? NaN)} ms`).join(", ")
    }`
  )
}

const rows = variantNames.map((variant): Row => {
  const all = times.get(variant) ?? []
  return {
    book: variant,
    peers: variants[variant].remembered,
    alive: variants[variant].remembered * variants[variant].alive,
    seeds,
    medianMillis: rounded(median(all)),
    p90Millis: rounded(quantile(all, 0.9)),
    slowestMillis: rounded(Math.max(...all))
  }
})
const share = (variant: Variant): number => median(times.get(variant) ?? []) / median(times.get("empty") ?? [])

report("restart", rows, [
  atMost(
    "time to target with nine of ten dead that refuse, of that without a book",
    share("nine of ten dead, refusing"),
    1
  ),
  atMost(
    "time to target with nine of ten dead and silent, of that without a book",
    share("nine of ten dead, silent"),
    1
  ),
  atMost("time to target with nine of ten alive, of that without a book", share("nine of ten alive"), 0.3)
])
