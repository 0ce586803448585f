/** One run per seed: real nodes on a few hosts, with what befalls them and in which order things happen, all drawn from it. */
import { Cause, Effect, Exit, Random, References } from "effect"
import * as fc from "fast-check"
import { type FaultPlan, keyedRandom, type Scenario, simulate } from "../../../inprocess/index.ts"
import { Faults } from "../../../inprocess/testing/index.ts"
import { type Chain, Disk, type P2pSession } from "../../../signatures/index.ts"
import { easyParams, growFromGenesis } from "../../../src/cli/sim/mining.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { headerSync } from "../../../src/sessions/index.ts"

const talk: Chain = { network: "seeded", name: "talk", genesis: "0a" }
const ledger: Chain = { network: "seeded", name: "ledger", genesis: "0b" }
const params = easyParams()
const headers = growFromGenesis(params, 50)
const millis = 8_000

/** Says so much of so many bytes now and then, and notes what it hears. */
const talking = (note: (text: string) => void): P2pSession<unknown> => ({ receive, send }) =>
  Effect.raceFirst(
    Effect.forever(Effect.map(receive, (message) => note(`heard ${message.length} bytes`))),
    Effect.forever(Effect.gen(function*() {
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 900))
      yield* send(new Uint8Array(yield* Random.nextIntBetween(0, 40_000)))
    }))
  )

const scenario = (hosts: number): Scenario => ({
  hosts,
  duration: millis,
  program: ({ boot, index, note }) =>
    Effect.gen(function*() {
      const disk = yield* Disk
      if (index === 0 && boot === 0) yield* Effect.andThen(disk.append("headers", headers), disk.sync("headers"))
      const synced = yield* headerSync({ path: "headers", params })
      const config = { sessionCount: 3, sessionTimeout: "3 seconds" } as const
      yield* makeP2pNode({ ...config, chain: ledger }, synced.session)
      yield* makeP2pNode({ ...config, chain: talk }, talking(note))
      const { height } = yield* synced.awaitHeight(50)
      note(`has ${height} headers`)
      return yield* Effect.never
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
})

export interface SeededRun {
  readonly hosts: number
  readonly faults: FaultPlan
  readonly hash: string
  readonly steps: number
  /** Undefined: none. */
  readonly error: string | undefined
}

export const seededRun = (seed: number): SeededRun => {
  const hosts = keyedRandom(seed)("hosts").between(2, 7)
  const [faults = []] = fc.sample(Faults.any({ hosts, millis }), { seed, numRuns: 1 })
  const { exit, hash, steps } = simulate({ ...scenario(hosts), seed, faults })
  return { hosts, faults, hash, steps, error: Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined }
}
