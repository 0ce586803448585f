import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { hashOf, traceOf } from "./determinism.ts"

describe("a simulated network under a seed", () => {
  it("does the same again, event by event", () => {
    for (let seed = 1; seed <= 10; seed++) assert.deepStrictEqual(traceOf(seed), traceOf(seed))
  })

  it("does the same in another process", () => {
    const program = join(import.meta.dirname, "determinism.ts")
    const elsewhere = execFileSync(process.execPath, [program, "7"], { encoding: "utf8" })
    assert.strictEqual(elsewhere, hashOf(traceOf(7)))
  })

  it("does something else under another seed", () => {
    const hashes = Array.from({ length: 20 }, (_, seed) => hashOf(traceOf(seed)))
    assert.strictEqual(new Set(hashes).size, 20)
    assert.isTrue(traceOf(1).length > 300, "there is something to compare")
  })
})
