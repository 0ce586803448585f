import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { mutants, mutate } from "./mutants.ts"

describe("the mutants", () => {
  it("are twenty, each with a name of its own", () => {
    assert.strictEqual(new Set(mutants.map(({ name }) => name)).size, 20)
  })

  it.each(mutants)("fit the sources: $name", (mutant) => {
    const source = readFileSync(new URL(`../../../${mutant.file}`, import.meta.url), "utf8")
    assert.notStrictEqual(mutate(mutant, source), source)
  })

  it("say so when they no longer fit", () => {
    const [mutant] = mutants
    assert(mutant !== undefined)
    assert.throws(() => mutate(mutant, "something else"), /no longer fits: its text is 0 times/)
    assert.throws(() => mutate(mutant, mutant.find + mutant.find), /2 times/)
  })
})
