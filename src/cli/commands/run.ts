/** `run`: the chains of a config file, until a signal; SIGHUP has it read once more. */
import { Effect, Queue } from "effect"
import { resolve } from "node:path"
import type { ConfigInvalid } from "../../../signatures/index.ts"
import type { Loaded } from "../../config/index.ts"
import { configFileOf, type ConfigFlags, load } from "../configFlags.ts"
import { CliFailed } from "../failure.ts"
import { layerLogs } from "../logs.ts"
import { chainStatus, type RunningChains } from "../running/chains.ts"
import { startNode } from "../running/node.ts"
import { reload } from "../running/reload.ts"
import { checkSession } from "../sessionModules.ts"
import { hangups, stopSignal } from "../signals.ts"
import type { ChainStatus } from "../status/protocol.ts"

export interface RunFlags extends ConfigFlags {
  /** Only these; all where there are none. */
  readonly chain: ReadonlyArray<string>
}

const isWanted = (flags: RunFlags) => (name: unknown): boolean =>
  flags.chain.length === 0 || flags.chain.some((wanted) => wanted === name)

const checkWanted = Effect.fnUntraced(function*({ settings }: Loaded, { chain }: RunFlags) {
  const names = settings.chains.map(({ node }) => node.chain.name)
  const unknown = chain.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    return yield* new CliFailed({
      message: `flag --chain: there is no chain ${unknown}; the file has ${names.join(", ")}`
    })
  }
})

/** One line that a person can read at a glance. */
const statusLine = (status: ChainStatus): string => {
  const fields = Object.entries(status.session).filter(([, value]) => typeof value === "number")
  const progress = status.progress === undefined ? [] : [`progress ${status.progress.done} of ${status.progress.total}`]
  const target = !status.atTarget
    ? `target ${status.sessionCount}`
    : status.outbound < status.sessionCount
    ? `nobody else to ask (target ${status.sessionCount})`
    : "at target"
  return [
    `${status.outbound} outbound and ${status.inbound} inbound sessions`,
    target,
    ...progress,
    ...fields.slice(0, progress.length === 0 ? 3 : 0).map(([key, value]) => `${key} ${String(value)}`)
  ].join(", ")
}

const report = ({ list }: RunningChains): Effect.Effect<void> =>
  Effect.flatMap(list, (chains) =>
    Effect.forEach(chains, (chain) =>
      chainStatus(chain).pipe(
        Effect.flatMap((status) => Effect.logInfo(statusLine(status))),
        Effect.annotateLogs({ chain: chain.settings.node.chain.name })
      ), { discard: true }))

/** Ends in order at the first signal; a second one ends the process at once. */
const untilSignal = <A, E, R>(running: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  Effect.raceFirst(
    running,
    Effect.flatMap(
      stopSignal(["SIGINT", "SIGTERM"]),
      (signal) => Effect.logInfo(`${signal}: ending sessions; another signal stops at once`)
    )
  ).pipe(Effect.andThen(Effect.logInfo("stopped")))

/** Runs what the file says, and reads it again at each SIGHUP, until the terminal is gone. */
const running = Effect.fnUntraced(
  function*(loaded: Loaded, flags: RunFlags, again: Effect.Effect<Loaded, ConfigInvalid>) {
    const { settings } = loaded
    const wanted = settings.chains.filter(({ node }) => isWanted(flags)(node.chain.name))
    const hangup = yield* hangups
    const node = yield* startNode(settings, wanted, {
      configFile: resolve(configFileOf(flags.config)),
      environment: process.env
    })
    yield* Effect.logInfo(`running as ${node.peer}`).pipe(Effect.annotateLogs({ addresses: node.addresses }))
    yield* Effect.forkScoped(report(node.chains).pipe(Effect.delay("10 seconds"), Effect.forever))
    let before = settings
    while ((yield* Queue.take(hangup)) === "reload") before = yield* reload(node, before, again, isWanted(flags))
  }
)

export const run = (flags: RunFlags) =>
  Effect.gen(function*() {
    const wanted = isWanted(flags)
    const read = load(flags, (chain) => wanted(chain.name) ? checkSession(chain) : Effect.succeed([]))
    const loaded = yield* read
    yield* checkWanted(loaded, flags)
    yield* Effect.forEach(loaded.warnings, (warning) => Effect.logWarning(warning), { discard: true })
    yield* untilSignal(Effect.scoped(running(loaded, flags, read)))
  }).pipe(Effect.provide(layerLogs))
