/** The README's examples, as they stand there. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

const root = join(import.meta.dirname, "../..")

const blocks = Array.from(
  readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g),
  (match) => match[1] ?? ""
)

/** In the project, so that the package's own name resolves; to its sources, so that nothing need be built. */
const runExample = async (code: string) => {
  const folder = mkdtempSync(join(root, "test/e2e/.readme-"))
  const file = join(folder, "example.ts")
  try {
    writeFileSync(file, code)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=chain-p2p-source", file],
      { cwd: root, timeout: 25_000 }
    )
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("the README", () => {
  it("shows in its first example two chains that share one link, and what it prints", async () => {
    const [first = ""] = blocks
    const promised = Array.from(first.matchAll(/^\/\/ (.*)$/gm), (match) => match[1])
    assert.include(promised, "links: 1")
    assert.deepStrictEqual((await runExample(first)).trim().split("\n"), promised)
  })

  it("shows nothing that does not run", async () => {
    assert.isAbove(blocks.length, 1)
    await Promise.all(blocks.slice(1).map(runExample))
  })
})
