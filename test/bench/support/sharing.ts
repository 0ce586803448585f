/** Twenty more sessions with a peer that is connected already, against twenty sessions that each need a link. */
import { Effect } from "effect"
import { median } from "./measure.ts"
import { overLibp2p } from "./ours.ts"
import { rounded, type Row } from "./report.ts"

const sessions = 20

const timed = Effect.fnUntraced(function*(work: Effect.Effect<unknown, unknown>) {
  const started = process.hrtime.bigint()
  yield* work
  return Number(process.hrtime.bigint() - started) / 1_000_000
})

const round = Effect.gen(function*() {
  const shared = yield* overLibp2p("tcp")
  yield* shared.connect(0)
  const pairs = yield* Effect.forEach(Array.from({ length: sessions }), () => overLibp2p("tcp"))
  const streams = yield* timed(Effect.forEach(pairs.keys(), (index) => shared.connect(index + 1)))
  const dials = yield* timed(Effect.forEach(pairs, ({ connect }) => connect(0)))
  return { streams, dials }
})

export const sharingCost = (rounds: number) =>
  Effect.gen(function*() {
    const results = yield* Effect.forEach(Array.from({ length: Math.ceil(rounds / 4) }), () => Effect.scoped(round))
    const [streams, dials] = [results.map((result) => result.streams), results.map((result) => result.dials)]
    const rows: ReadonlyArray<Row> = [
      { what: "twenty sessions", measure: "on one link, ms", value: rounded(median(streams)) },
      { what: "twenty sessions", measure: "on a link each, ms", value: rounded(median(dials)) }
    ]
    return { ratio: median(results.map((result) => result.streams / result.dials)), rows }
  })
