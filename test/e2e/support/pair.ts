import { Effect } from "effect"
import { join } from "node:path"
import { type DemoChain, demoChains } from "../../../chains/data/index.ts"
import { ask, type Running, start, temporaryFolder, until, writeYaml } from "./cli.ts"

const [bitcoin] = demoChains

/** As a config file has it. */
export const entry = (chain: DemoChain, more: object = {}) => ({
  name: chain.name,
  genesis: chain.genesis,
  session: "header-sync",
  options: { headers: `./${chain.name}.headers` },
  ...more
})

export interface Place {
  readonly cwd: string
  readonly dataDir: string
  readonly process: Running
}

/** Two nodes over TCP, each a process of its own, with a session on bitcoin; the second knows the first. */
export const twoNodes = Effect.gen(function*() {
  const begin = Effect.fnUntraced(function*(bootstrap: ReadonlyArray<string>) {
    const cwd = yield* temporaryFolder
    writeYaml(join(cwd, "node.yaml"), {
      network: "devnet",
      listen: ["/ip4/127.0.0.1/tcp/0"],
      bootstrap,
      chains: [entry(bitcoin)]
    })
    const process = yield* start(["run"], { cwd })
    yield* Effect.promise(() => process.untilSaid("running as"))
    return { cwd, dataDir: join(cwd, "data"), process } satisfies Place
  })
  const first = yield* begin([])
  const { addresses } = yield* ask(first.dataDir, "status")
  const second = yield* begin(addresses)
  const sessions = Effect.forEach([first, second], ({ dataDir }) => ask(dataDir, "sessions"))
  yield* until("connected", sessions, (both) => both.every((all) => all.length === 1), 10_000)
  return { first, second, both: [first, second] }
})
