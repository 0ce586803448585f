/**
 * Many chains on one link, over loopback TCP: what one chain's session suffers from 63 others that stall or flood, and what
 * a thousand chains on a pair of processes cost. `--json` prints one object on stdout; `--rounds N`.
 */
import { Effect, Exit, Scope } from "effect"
import { floodCost } from "./support/flood.ts"
import { manyChains } from "./support/manyChains.ts"
import { median, pairedRatio, quantile } from "./support/measure.ts"
import { atMost, type Goal, report, rounded, type Row, say } from "./support/report.ts"
import { sharingCost } from "./support/sharing.ts"

const argument = process.argv.indexOf("--rounds")
const rounds = argument < 0 ? 20 : Number(process.argv[argument + 1])

const run = async <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> => {
  const scope = Scope.makeUnsafe()
  try {
    return await Effect.runPromise(Scope.provide(effect, scope))
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const rows: Array<Row> = []
const goals: Array<Goal> = []

for (const kind of ["stalled", "flooding"] as const) {
  say(`63 of 64 chains ${kind}, ${rounds} rounds`)
  const { alone, batchesPerFlooder, crowded } = await run(floodCost(kind, 64, rounds))
  const ratios = ([["p50", 0.5], ["p99", 0.99]] as const).map(([name, q]) => {
    const of = (blocks: ReadonlyArray<ReadonlyArray<number>>) => blocks.map((trips) => quantile(trips, q))
    rows.push({
      what: `63 of 64 ${kind}`,
      quantile: name,
      aloneMicros: rounded(median(of(alone))),
      crowdedMicros: rounded(median(of(crowded))),
      ratio: rounded(pairedRatio(of(crowded), of(alone)))
    })
    return [name, pairedRatio(of(crowded), of(alone))] as const
  })
  if (kind === "stalled") {
    goals.push(
      ...ratios.map(([name, ratio]) =>
        atMost(`64th chain's round trip, ${name}, 63 stalled against alone`, ratio, 1.25)
      )
    )
  } else {
    rows.push({ what: "63 of 64 flooding", quantile: "p99", batchesPerFlooder: rounded(batchesPerFlooder) })
    goals.push(atMost("batches of each flooder that a message of the 64th waits for, p99", batchesPerFlooder, 1))
  }
}

say("1,000 chains on a pair of processes")
const many = await run(manyChains(1000))
rows.push(...many.rows)
goals.push(
  atMost("links that 1,000 chains take", many.links, 1),
  atMost("identify message with 1,000 chains, bytes", many.identifyBytes, 1023),
  atMost("adding a chain to 1,000: ms to its first session, p99", many.addMillis, 50),
  atMost("own heap per idle (chain, peer) beyond libp2p's stream, KiB", many.kibPerPair, 8)
)

say("a second chain against a dial")
const sharing = await run(sharingCost(rounds))
rows.push(...sharing.rows)
goals.push(atMost("twenty more chains on a link against twenty links, time", sharing.ratio, 0.5))

report("chains", rows, goals)
process.exit(0)
