/** The commands that speak with a running node. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { config, dataDir, json, lazily, many } from "./flags.ts"
import type { PlainAsk } from "./status/protocol.ts"

const asking = { config, dataDir, json }

/** A question that needs no more than what all of these take. */
const plain = (name: string, question: PlainAsk, description: string) =>
  Command.make(name, asking, (flags) => lazily(() => import("./commands/ask.ts"), (module) => module[question](flags)))
    .pipe(Command.withDescription(description))

const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const add = Command.make(
  "add",
  {
    ...asking,
    name: Argument.String("name").pipe(Argument.withDescription("The chain's short name"), Argument.optional),
    genesis: optional("genesis", "TEXT", "What identifies its first block, as displayed"),
    session: optional("session", "NAME|PATH", "What runs on each connection. Default: header-sync"),
    option: many("option", "KEY=VALUE", "An option of the session; may be repeated"),
    set: many("set", "KEY=VALUE", "Any other key of a chain, such as sessionCount=3; may be repeated"),
    file: Flag.String("file").pipe(
      Flag.withAlias("f"),
      Flag.withMetavar("FILE"),
      Flag.withDescription("Instead of the name and these flags: a file with chains: as in a config file"),
      Flag.optional
    )
  },
  (flags) => lazily(() => import("./commands/chains.ts"), (module) => module.add(flags))
).pipe(
  Command.withDescription(
    "Add a chain to a running node. Paths start from the node's config file, which isn't changed: prints what to put there"
  )
)

const remove = Command.make(
  "remove",
  { ...asking, name: Argument.String("name").pipe(Argument.withDescription("The chain's name")) },
  (flags) => lazily(() => import("./commands/chains.ts"), (module) => module.remove(flags))
).pipe(
  Command.withDescription(
    "Remove a chain from a running node: its sessions end in order, the links stay for the others"
  )
)

const peer = Argument.String("peer").pipe(
  Argument.withDescription("Its id, or enough of the beginning or the end of it")
)

const why = Command.make(
  "why",
  {
    ...asking,
    peer,
    chain: Argument.String("chain").pipe(Argument.withDescription("Of this chain only"), Argument.optional)
  },
  (flags) => lazily(() => import("./commands/peers.ts"), (module) => module.why(flags))
).pipe(
  Command.withDescription("Explain how a peer stands: its state, what it was charged for, when it may be picked again")
)

const ban = Command.make(
  "ban",
  {
    ...asking,
    peer,
    for: Flag.String("for").pipe(
      Flag.withMetavar("DURATION"),
      Flag.withDescription("How long, up to 365 days"),
      Flag.withDefault("30 minutes")
    ),
    reason: optional("reason", "TEXT", "Why: for the log, and shown by why and peers")
  },
  (flags) => lazily(() => import("./commands/peers.ts"), (module) => module.ban(flags))
).pipe(Command.withDescription("Ban a peer: its sessions end, its link closes, and it isn't let in again until then"))

const unban = Command.make(
  "unban",
  { ...asking, peer },
  (flags) => lazily(() => import("./commands/peers.ts"), (module) => module.unban(flags))
).pipe(Command.withDescription("End a ban"))

export const nodeCommands = [
  plain("status", "status", "Show a running node: its chains, sessions and links"),
  plain("peers", "peers", "Show the peers that a running node knows"),
  plain("sessions", "sessions", "Show the sessions of a running node"),
  Command.make("chains").pipe(
    Command.withDescription("Show, add and remove the chains of a running node"),
    Command.withSubcommands([
      plain("list", "chains", "Show the chains of a running node, and who gave them"),
      add,
      remove
    ])
  ),
  why,
  ban,
  unban
] as const
