/** A sample of `npm run -s sim:check`. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"

const script = join(import.meta.dirname, "../../bench/sim-check.ts")

describe("real nodes under drawn faults and schedules", { timeout: 120_000 }, () => {
  it("do the same in two processes, whatever was run before", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--seeds", "16", "--from", "100", "--json"])
    const { goals, rows } = JSON.parse(stdout) as {
      readonly rows: ReadonlyArray<{ readonly steps: number }>
      readonly goals: ReadonlyArray<{ readonly met: boolean; readonly value: number }>
    }
    assert.deepStrictEqual(goals.map(({ value }) => value), [16, 0, 0])
    assert.isTrue(goals.every(({ met }) => met))
    assert.isAbove(rows.reduce((sum, { steps }) => sum + steps, 0), 10_000)
  })
})
