/** The commands and their flags. What a command does is loaded when it is run. */
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import { readFileSync } from "node:fs"
import { CliFailed } from "./failure.ts"
import { config, dataDir, json, lazily, many } from "./flags.ts"
import { nodeCommands } from "./nodeCommands.ts"

const listen = many("listen", "MULTIADDR", "Where to listen, instead of the file's list; may be repeated")
const bootstrap = many("bootstrap", "MULTIADDR", "Peers to begin with, instead of the file's list; may be repeated")

const run = Command.make(
  "run",
  {
    config,
    dataDir,
    listen,
    bootstrap,
    chain: many("chain", "NAME", "Run only this chain of the file; may be repeated")
  },
  (flags) => lazily(() => import("./commands/run.ts"), (module) => module.run(flags))
).pipe(Command.withDescription("Run a node until a signal: the first drains its sessions, a second stops at once"))

const devnet = Command.make(
  "devnet",
  {
    nodes: Flag.Int("nodes").pipe(
      Flag.withDescription("How many nodes, 2 to 64. Up to 16, each has a session with each other one on each chain"),
      Flag.filter((nodes) => nodes >= 2 && nodes <= 64, () => "2 to 64 nodes"),
      Flag.withDefault(4)
    ),
    chains: Flag.Int("chains").pipe(
      Flag.withDescription("How many chains, 1 to 64: two real ones, then generated ones of easy proof of work"),
      Flag.filter((chains) => chains >= 1 && chains <= 64, () => "1 to 64 chains"),
      Flag.withDefault(2)
    ),
    untilSynced: Flag.Boolean("until-synced").pipe(
      Flag.withDescription("Stop once every node has all headers, and a session with each other node on each chain"),
      Flag.withDefault(false)
    ),
    data: Flag.String("data").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("Keep the nodes' files here, and go on from them. Default: a temporary folder"),
      Flag.optional
    ),
    within: Flag.Int("within").pipe(
      Flag.withMetavar("SECONDS"),
      Flag.withDescription("When --until-synced gives up. Default: 50, and 100 for more than 16 nodes"),
      Flag.filter((seconds) => seconds > 0, () => "a number of seconds above 0"),
      Flag.optional
    ),
    json
  },
  (flags) => lazily(() => import("./commands/devnet.ts"), (module) => module.devnet(flags))
).pipe(Command.withDescription("Run several real nodes in this process, on chains whose headers they sync"))

const between = (name: string, least: number, most: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.filter((value) => value >= least && value <= most, () => `expected ${least} to ${most.toLocaleString("en")}`)
  )

const sim = Command.make(
  "sim",
  {
    nodes: between("nodes", 2, 10_000, "How many nodes. Default: 100").pipe(Flag.withDefault(100)),
    chains: between("chains", 1, 1_000, "How many chains, each on every node. Default: 4").pipe(Flag.withDefault(4)),
    minutes: between("minutes", 1, 10_000, "Of virtual time. Default: 60").pipe(Flag.withDefault(60)),
    headers: between("headers", 0, 100_000, "Of each chain at the beginning, on one node. Default: 100").pipe(
      Flag.withDefault(100)
    ),
    sessions: between("sessions", 1, 64, "That each node tries to hold on each chain. Default: 6").pipe(
      Flag.withDefault(6)
    ),
    bootstrap: between(
      "bootstrap",
      1,
      10_000,
      "Nodes that all know at the beginning, and from which they learn of the others. Default: all know all"
    ).pipe(Flag.optional),
    faults: Flag.String("faults").pipe(
      Flag.withMetavar("FAULTS"),
      Flag.withDescription(
        "What befalls the network: none, any, kinds such as crash,partition, or a whole plan. Default: none"
      ),
      Flag.withDefault("none")
    ),
    seed: between(
      "seed",
      0,
      0x7fff_fffe,
      "Decides all that is drawn: the same seed, the same run. Default: another each time"
    ).pipe(Flag.optional),
    diagram: Flag.String("diagram").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write a sequence diagram of the run, as HTML"),
      Flag.optional
    ),
    diagramFrom: between("diagram-from", 0, 600_000, "Second at which the diagram begins. Default: 0").pipe(
      Flag.withDefault(0)
    ),
    json
  },
  (flags) => lazily(() => import("./commands/sim.ts"), (module) => module.sim(flags))
).pipe(Command.withDescription("Simulate a network of real nodes in virtual time, on chains made for it"))

const init = Command.make(
  "init",
  {
    file: Argument.String("file").pipe(Argument.withDescription("The file to write"), Argument.withDefault("node.yaml"))
  },
  ({ file }) => lazily(() => import("./commands/files.ts"), (module) => module.init(file))
).pipe(Command.withDescription("Write an annotated config file, and its JSON Schema beside it"))

const check = Command.make(
  "check",
  { file: Argument.String("file").pipe(Argument.withDescription("The file to check"), Argument.optional) },
  ({ file }) => lazily(() => import("./commands/files.ts"), (module) => module.check(file))
).pipe(Command.withDescription("Report every mistake of a config file, and start nothing"))

const printConfig = Command.make(
  "print",
  { config, dataDir, json },
  (flags) => lazily(() => import("./commands/files.ts"), (module) => module.printConfig(flags))
).pipe(
  Command.withDescription("Show the values that hold, and where each comes from")
)

const schema = Command.make("schema", {}, () => lazily(() => import("./commands/files.ts"), (module) => module.schema))
  .pipe(Command.withDescription("Print the config file's JSON Schema, for editors"))

const keyShow = Command.make(
  "show",
  { config, dataDir, json },
  (flags) => lazily(() => import("./commands/files.ts"), (module) => module.keyShow(flags))
).pipe(
  Command.withDescription("Show the peer id and public key of the node")
)

const root = Command.make("chain-p2p").pipe(
  Command.withDescription("A chain-aware peer-to-peer node: sessions per chain, over links that the chains share"),
  Command.withSubcommands([
    run,
    devnet,
    sim,
    ...nodeCommands,
    init,
    Command.make("config").pipe(
      Command.withDescription("Check and show config files"),
      Command.withSubcommands([check, printConfig])
    ),
    schema,
    Command.make("key").pipe(Command.withDescription("The node's key"), Command.withSubcommands([keyShow]))
  ])
)

/** The package's, whether this runs from its sources or from what was built of them. */
const version = (): string => {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"))
      if (typeof found === "object" && found !== null && "version" in found) return String(found.version)
    } catch {
      // One of the two is not there.
    }
  }
  return "unknown"
}

/**
 * What `effect/cli` may ask for. None of our flags has it look at files, and nothing has it start a process: the real ones
 * would be loaded, at each start, for nothing.
 */
const platform = Layer.mergeAll(
  NodePath.layer,
  NodeTerminal.layer,
  NodeStdio.layer,
  FileSystem.layerNoop({}),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => Effect.die("the command line starts no processes"))
  )
)

/** A user's mistake is one message; only what we didn't foresee shows where it came from. */
const report = (cause: Cause.Cause<unknown>): number => {
  const error = Cause.squash(cause)
  if (CliError.isCliError(error)) return 1
  const isForeseen = cause.reasons.every(Cause.isFailReason) && error instanceof Error
  process.stderr.write(
    isForeseen ? `${error.message}\n` : `chain-p2p: this is a bug, please report it\n${Cause.pretty(cause)}\n`
  )
  return error instanceof CliFailed ? error.exitCode ?? 1 : 1
}

export const main = (args: ReadonlyArray<string>): void => {
  const program = Command.runWith(root, { version: version() })(args).pipe(Effect.provide(platform))
  // Sockets and timers of foreign code must not decide when the process ends, neither way.
  const alive = setInterval(() => {}, 2 ** 30)
  Effect.runFork(program).addObserver((exit) => {
    clearInterval(alive)
    process.exit(Exit.isSuccess(exit) ? 0 : report(exit.cause))
  })
}
