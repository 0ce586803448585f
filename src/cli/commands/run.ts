/** `run`: the chains of a config file, until a signal. */
import { Effect, Layer } from "effect"
import { keyPath, type Loaded, loadOrMakeKey, lockDataDir } from "../../config/index.ts"
import { layerDisk, P2p } from "../../index.ts"
import { type ConfigFlags, load } from "../configFlags.ts"
import { CliFailed } from "../failure.ts"
import { layerLogs } from "../logs.ts"
import { chainStatus, makeAnswers, type RunningChain, startChain } from "../running.ts"
import { checkSession, makeSession } from "../sessionModules.ts"
import { stopSignal } from "../signals.ts"
import type { ChainStatus } from "../status/protocol.ts"
import { serveStatus } from "../status/server.ts"

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

const report = (chains: ReadonlyArray<RunningChain>): Effect.Effect<void> =>
  Effect.forEach(chains, (chain) =>
    chainStatus(chain).pipe(
      Effect.flatMap((status) => Effect.logInfo(statusLine(status))),
      Effect.annotateLogs({ chain: chain.config.chain.name })
    ), { discard: true })

/** Everything that runs, until the scope closes. */
const start = Effect.fnUntraced(function*(loaded: Loaded, flags: RunFlags) {
  const { settings } = loaded
  const wanted = settings.chains.filter(({ node }) => isWanted(flags)(node.chain.name))
  yield* lockDataDir(settings.dataDir)
  const { seed } = yield* loadOrMakeKey(keyPath(settings.dataDir))
  const disk = layerDisk({ root: settings.folder })
  // Opened before anybody can reach us: a store that can't be read stops the start.
  const opened = yield* Effect.forEach(
    wanted,
    (chain) => Effect.map(makeSession(chain, settings.folder), (made) => ({ made, node: chain.node }))
  ).pipe(Effect.provide(disk))
  const services = yield* Layer.build(P2p.layer({
    listen: settings.listen,
    bootstrap: settings.bootstrap,
    key: seed,
    limits: settings.limits
  }))
  return yield* Effect.gen(function*() {
    const chains = yield* Effect.forEach(opened, ({ made, node }) => startChain(node, made))
    const answers = yield* makeAnswers(settings.network, chains)
    yield* serveStatus(settings.dataDir, answers)
    const { addresses, peer } = yield* answers.status
    yield* Effect.logInfo(`running as ${peer}`).pipe(Effect.annotateLogs({ addresses }))
    return chains
  }).pipe(Effect.provideContext(services))
})

/** Ends in order at the first signal; a second one ends the process at once. */
const untilSignal = <A, E, R>(running: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  Effect.raceFirst(
    running,
    Effect.flatMap(stopSignal, (signal) => Effect.logInfo(`${signal}: ending sessions; another signal stops at once`))
  ).pipe(Effect.andThen(Effect.logInfo("stopped")))

export const run = (flags: RunFlags) =>
  Effect.gen(function*() {
    const loaded = yield* load(flags, (chain) => isWanted(flags)(chain.name) ? checkSession(chain) : Effect.succeed([]))
    yield* checkWanted(loaded, flags)
    yield* Effect.forEach(loaded.warnings, (warning) => Effect.logWarning(warning), { discard: true })
    yield* untilSignal(Effect.scoped(Effect.gen(function*() {
      const chains = yield* start(loaded, flags)
      return yield* report(chains).pipe(Effect.delay("10 seconds"), Effect.forever)
    })))
  }).pipe(Effect.provide(layerLogs))
