// What a user of the published package would get: publint and attw on the packed tarball.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const folder = mkdtempSync(join(tmpdir(), "chain-p2p-pack-"))
const run = (file, args, options = {}) => spawnSync(file, args, { cwd: root, encoding: "utf8", ...options })

const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder])
try {
  if (packed.status !== 0) throw new Error(`npm pack failed:\n${packed.stderr}`)
  const names = [...packed.stdout.matchAll(/"filename":\s*"([^"]+)"/g)].map((match) => match[1])
  const tarball = join(folder, names[0])
  const tool = (name, args) => {
    const bin = join(root, "node_modules", ".bin", name)
    if (run(process.execPath, [bin, ...args], { stdio: "inherit" }).status !== 0) throw new Error(`${name} found faults`)
  }
  tool("publint", ["run", tarball, "--strict"])
  tool("attw", [tarball, "--profile", "esm-only"])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
