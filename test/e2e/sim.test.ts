import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { cli, temporaryFolder } from "./support/cli.ts"

const Result = Schema.fromJsonString(Schema.Struct({
  hash: Schema.String,
  agreed: Schema.Boolean,
  replay: Schema.String,
  chains: Schema.Array(Schema.Struct({ nodes: Schema.Int, tips: Schema.Int }))
}))
const small = ["sim", "--nodes", "6", "--chains", "2", "--minutes", "5", "--headers", "20", "--sessions", "2"]

describe("chain-p2p sim", { timeout: 60_000 }, () => {
  it.live("prints what the network came to, and does the same again by the line that it prints", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const first = yield* cli([...small, "--faults", "crash,partition", "--seed", "9", "--json"], { cwd })
      assert.strictEqual(first.code, 0, first.stderr)
      const result = yield* Schema.decodeEffect(Result)(first.stdout)
      assert.isTrue(result.agreed)
      assert.deepStrictEqual(result.chains, [{ nodes: 6, tips: 1 }, { nodes: 6, tips: 1 }])
      const [, ...words] = Array.from(result.replay.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => quoted ?? word)
      assert.match(words.join(" "), /--faults .*crash\(\d/)
      const again = yield* cli([...words, "--json"], { cwd })
      assert.strictEqual((yield* Schema.decodeEffect(Result)(again.stdout)).hash, result.hash)
    }))

  it.live("shows a table, and writes the diagram", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const done = yield* cli([...small, "--diagram", "run.html"], { cwd })
      assert.strictEqual(done.code, 0, done.stderr)
      assert.match(done.stdout, /^chain +height .*\nchain-1 +\d+ .*\nchain-2 /)
      assert.match(done.stdout, /5:\d\d min of virtual time in [\d.]+ s/)
      assert.include(readFileSync(join(cwd, "run.html"), "utf8"), ">host 5<")
    }))

  it.live("says what is wrong with what it is asked for, and starts nothing", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      for (
        const [args, said] of [
          [["--faults", "crahs"], "did you mean crash?"],
          [["--nodes", "7", "--faults", "crash(7,0)@1"], "names node 7"],
          [["--nodes", "1"], "expected 2 to 10,000"],
          [["--seed", "-1"], "expected 0 to"]
        ] as const
      ) {
        const { code, stderr, stdout } = yield* cli(["sim", ...args], { cwd })
        assert.strictEqual(code, 1)
        assert.include(stdout + stderr, said)
        assert.notInclude(stderr, "    at ")
      }
    }))
})
