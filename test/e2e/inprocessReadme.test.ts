/** The tutorial of the simulated network: its examples as they stand there, and the way of a user who has planted a bug. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { afterAll } from "vitest"

const root = join(import.meta.dirname, "../..")
const binaries = join(root, "node_modules/.bin")

interface Example {
  readonly name: string
  readonly code: string
}

/** Whole files: the first line names each. */
const examplesIn = (readme: string): ReadonlyArray<Example> =>
  Array.from(
    readFileSync(join(root, readme), "utf8").matchAll(/```ts\n(\/\/ (\S+)\n[\s\S]*?)```/g),
    ([, code = "", name = ""]) => ({ name, code })
  )

const tutorial = examplesIn("inprocess/README.md")
const examples = [...tutorial, ...examplesIn("inprocess/testing/README.md")]

/** In the project, so that the package's own name resolves; to its sources, so that nothing need be built. */
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(root, "test/e2e/.inprocess-"))
  for (const { code, name } of examples) writeFileSync(join(folder, name), code)
  const conditions = `["chain-p2p-source", "node", "import", "module", "default"]`
  writeFileSync(
    join(folder, "vitest.config.ts"),
    `export default { resolve: { conditions: ${conditions} }, ssr: { resolve: { conditions: ${conditions} } } }`
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly failed: boolean
  readonly said: string
}

/** A line of a shell, as a user pastes it. */
const shell = (line: string): Promise<Ended> =>
  new Promise((resolve) => {
    const { CHAIN_P2P_SIM: _, NODE_OPTIONS: __, VITEST: ___, ...env } = process.env
    execFile("sh", ["-c", line], {
      cwd: folder,
      env: {
        ...env,
        PATH: [binaries, env["PATH"]].join(delimiter),
        NODE_OPTIONS: "--conditions=chain-p2p-source",
        NO_COLOR: "1"
      }
    }, (error, stdout, stderr) => resolve({ failed: error !== null, said: `${stdout}\n${stderr}` }))
  })

const patternOf = (promised: string): RegExp =>
  new RegExp(
    `^${promised.split("…").map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)).join(".*")}$`,
    "m"
  )

describe("the tutorial of the simulated network", () => {
  for (const { code, name } of tutorial.filter(({ name }) => !/^(numbers|find)\.|\.test\./.test(name))) {
    it(`shows in ${name} what runs, and what it prints`, { timeout: 60_000 }, async () => {
      const { failed, said } = await shell(`node ${name}`)
      assert.isFalse(failed, said)
      for (const [, promised = ""] of code.matchAll(/^\/\/ > (.*)$/gm)) assert.match(said, patternOf(promised))
    })
  }

  it("shows tests that pass, here and in the README of the test kit", { timeout: 120_000 }, async () => {
    assert.deepStrictEqual(
      examples.map(({ name }) => name).filter((name) => name.includes(".test.")),
      ["numbers.test.ts", "converges.test.ts"]
    )
    const { failed, said } = await shell("vitest run numbers.test.ts converges.test.ts")
    assert.isFalse(failed, said)
    assert.match(said, /2 passed/)
  })
})

const failureIn = (said: string): string => /^(?:Error: )?SimulationFailed: .*$/m.exec(said)?.[0] ?? said
const replayIn = (said: string): string => /^ *replay: (.*)$/m.exec(said)?.[1] ?? ""
const faultsIn = (said: string): ReadonlyArray<string> => (/^ *faults: (.*)$/m.exec(said)?.[1] ?? "").split(" ")

describe("a bug that a user has planted", () => {
  it(
    "is found, shrunk to two faults at most, and there again by the line that is printed",
    { timeout: 120_000 },
    async () => {
      const found = await shell("node find.ts")
      assert.isTrue(found.failed)
      assert.match(failureIn(found.said), /InvariantBroken: .*: host \d has told \d+, and knows \d+$/)
      assert.isAtMost(faultsIn(found.said).length, 2)
      const again = await shell(`${replayIn(found.said)} node find.ts`)
      assert.isTrue(again.failed)
      assert.strictEqual(failureIn(again.said), failureIn(found.said))
      assert.strictEqual(replayIn(again.said), replayIn(found.said))
    }
  )

  it("fails a test, whose line can be pasted as it is", { timeout: 120_000 }, async () => {
    const tested = examples.find(({ name }) => name === "numbers.test.ts")?.code ?? assert.fail("no test is shown")
    writeFileSync(join(folder, "planted.test.ts"), tested.replace("syncs: true", "syncs: false"))
    const found = await shell("vitest run planted.test.ts")
    assert.isTrue(found.failed)
    assert.isAtMost(faultsIn(found.said).length, 2, found.said)
    const line = replayIn(found.said)
    assert.match(line, /^CHAIN_P2P_SIM='[^']*' npx vitest run -t 'tells nothing that it could forget'$/)
    const again = await shell(`${line} planted.test.ts`)
    assert.isTrue(again.failed)
    assert.strictEqual(failureIn(again.said), failureIn(found.said))
  })
})
