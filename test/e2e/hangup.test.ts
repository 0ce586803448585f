/** A node in a terminal: `script` gives it one, and takes it away. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { demoChains } from "../../chains/data/index.ts"
import { ask, repository, temporaryFolder, until, writeYaml } from "./support/cli.ts"
import { entry } from "./support/pair.ts"

const program = "script"
const hasScript = process.platform === "linux" && spawnSync(program, ["--version"]).status === 0

describe("SIGHUP in a terminal", () => {
  it.live.skipIf(!hasScript)(
    hasScript
      ? "rereads the file, and ends the node in order only when the terminal has gone away"
      : "needs the program script, which isn't here",
    () =>
      Effect.gen(function*() {
        const cwd = yield* temporaryFolder
        const write = (count: number) =>
          writeYaml(join(cwd, "node.yaml"), {
            network: "devnet",
            listen: ["/ip4/127.0.0.1/tcp/0"],
            chains: demoChains.slice(0, count).map((chain) => entry(chain))
          })
        write(1)
        const command = `'${process.execPath}' '${join(repository, "src/cli/main.ts")}' run`
        const terminal = yield* Effect.acquireRelease(
          Effect.sync(() => spawn(program, ["-qec", command, "/dev/null"], { cwd, stdio: "ignore" })),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const { pid } = yield* until("running", ask(join(cwd, "data"), "status"), () => true, 20_000)
        // While it is there, the signal means to read the file again.
        write(2)
        process.kill(pid, "SIGHUP")
        yield* until("read again", ask(join(cwd, "data"), "chains"), (chains) => chains.length === 2, 20_000)
        terminal.kill("SIGKILL")
        yield* until(
          "ended in order",
          Effect.sync(() => existsSync(join(cwd, "data", "node.lock"))),
          (isHeld) => !isHeld,
          20_000
        )
      }),
    120_000
  )
})
