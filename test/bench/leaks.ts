/**
 * Ten thousand sessions over TCP, or with `--simulated` a million between simulated hosts, that begin and end in every way
 * there is: what is left of them.
 */
import { Effect } from "effect"
import { type Census, churn } from "./support/churn.ts"
import { atMost, report, rounded, say } from "./support/report.ts"
import { simulatedChurn } from "./support/simChurn.ts"

const numberOf = (flag: string, otherwise: number): number => {
  const at = process.argv.indexOf(flag)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const seed = numberOf("--seed", 1)

const overTcp = async (sessions: number): Promise<void> => {
  say(`${sessions} sessions over TCP with random ends, cuts and removals, seed ${seed}`)
  const { after, before, seconds } = await Effect.runPromise(
    Effect.scoped(churn({ chains: 128, sessions, warmUp: Math.max(500, sessions / 5), seed }))
  )
  const grown = (key: keyof Census) => after[key] - before[key]
  report(
    "leaks",
    [
      { what: "before", ...before, seconds: 0 },
      { what: "after", ...after, seconds: rounded(seconds) }
    ],
    [
      // A few are always under way, the link's and the book's: the same few after any number of sessions.
      ...(["fibers", "sessions", "streams", "timers", "sockets"] as const).map((what) =>
        atMost(`${what} more than before`, grown(what), 4)
      ),
      // The book keeps what happened in the last seconds: some hundreds more or less, but no more the longer it goes on.
      atMost("maps more than before, for each thousand sessions", 1000 * grown("maps") / sessions, 50),
      atMost("growth of memory in use, %", 100 * grown("bytes") / before.bytes, 5)
    ]
  )
}

const simulated = (sessions: number): void => {
  // Errors are many here, and nobody reads where they came from.
  Error.stackTraceLimit = 0
  say(`${sessions} simulated sessions with random ends and faults, seed ${seed}`)
  const start = performance.now()
  const { after, before, ...run } = simulatedChurn({
    sessions,
    warmUp: Math.max(2_000, sessions / 50),
    seed,
    progress: (so) => say(`${so} sessions, ${Math.round((performance.now() - start) / 1000)} s`)
  })
  report(
    "leaks of simulated sessions",
    [{ what: "before", ...before }, { what: "after", ...after }, { what: "run", ...run }],
    [
      ...(["fibers", "timers", "links", "leases", "sessions", "streams", "maps", "sets"] as const).map((what) =>
        atMost(`${what} more than before`, after[what] - before[what], 0)
      ),
      atMost("growth of memory in use, %", 100 * (after.bytes - before.bytes) / before.bytes, 5)
    ]
  )
}

if (process.argv.includes("--simulated")) simulated(numberOf("--sessions", 1_000_000))
else await overTcp(numberOf("--sessions", 10_000))
process.exit(0)
