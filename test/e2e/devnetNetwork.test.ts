import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { devnetChains } from "../../src/cli/devnet/chains.ts"
import { cli, temporaryFolder } from "./support/cli.ts"

const Report = Schema.fromJsonString(Schema.Struct({
  nodes: Schema.Array(Schema.Struct({
    node: Schema.Int,
    chain: Schema.String,
    height: Schema.Int,
    tip: Schema.String,
    sessions: Schema.Int
  })),
  links: Schema.Int,
  seconds: Schema.Finite
}))

describe("devnet with more nodes than make a mesh", () => {
  it.live(
    "brings every header of every chain, generated ones too, to every node over part of the possible links",
    () =>
      Effect.gen(function*() {
        const [count, chains] = [18, devnetChains(3)]
        const flags = ["--nodes", String(count), "--chains", "3", "--until-synced", "--json", "--within", "110"]
        const { code, stderr, stdout } = yield* cli(["devnet", ...flags], { cwd: yield* temporaryFolder })
        assert.strictEqual(code, 0, stderr)
        const { links, nodes } = yield* Schema.decodeEffect(Report)(stdout)
        assert.deepStrictEqual(
          nodes.map(({ chain, height, node, tip }) => ({ node, chain, height, tip })),
          Array.from(
            { length: count },
            (_, index) => chains.map(({ height, name, tip }) => ({ node: index + 1, chain: name, height, tip }))
          ).flat()
        )
        for (const { sessions } of nodes) assert.isAtLeast(sessions, 1)
        assert.isAtLeast(links, count - 1)
        assert.isBelow(links, count * (count - 1) / 2)
      }),
    120_000
  )

  it("has chains that are the same every time, each with a genesis of its own", () => {
    const genesis = devnetChains(6).map((chain) => chain.genesis)
    assert.strictEqual(new Set(genesis).size, 6)
    assert.deepStrictEqual(devnetChains(6).map((chain) => chain.tip), devnetChains(6).map((chain) => chain.tip))
  })
})
