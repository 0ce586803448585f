/** `devnet`: several real nodes in this process, over loopback TCP and QUIC, on real chains and generated ones. */
import { Effect, Option, References, type Scope } from "effect"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative, resolve } from "node:path"
import { monotonicMillis } from "../../../signatures/index.ts"
import { devnetChains } from "../devnet/chains.ts"
import { type DevnetNode, largestMesh, startNodes } from "../devnet/nodes.ts"
import { type DevnetPlan, type DevnetView, lacking, look, progressLine, summary, totalHeight } from "../devnet/view.ts"
import { CliFailed } from "../failure.ts"
import { layerLogs } from "../logs.ts"
import { note, printJson } from "../output.ts"
import { exitCodeOf, stopSignal } from "../signals.ts"

export interface DevnetFlags {
  readonly nodes: number
  readonly chains: number
  readonly untilSynced: boolean
  readonly data: Option.Option<string>
  readonly json: boolean
  /** Seconds after which `--until-synced` gives up. */
  readonly within: Option.Option<number>
}

const folder = (data: Option.Option<string>): Effect.Effect<string, never, Scope.Scope> =>
  Option.match(data, {
    onSome: (path) => Effect.succeed(resolve(path)),
    onNone: () =>
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "chain-p2p-devnet-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
  })

/** Without QUIC's package the devnet still runs, over TCP alone. */
const hasQuic = Effect.tryPromise(() => import("@chainsafe/libp2p-quic")).pipe(
  Effect.as(true),
  Effect.catch(() =>
    Effect.as(
      note("note: no QUIC here (the package @chainsafe/libp2p-quic can't be loaded): going on with TCP alone"),
      false
    )
  )
)

/** On a terminal one line that changes; elsewhere a line whenever there is news. */
const makeProgress = (plan: DevnetPlan) => {
  let last = ""
  let before: { readonly at: number; readonly height: number } | undefined
  return (view: DevnetView, now: number): Effect.Effect<void> =>
    Effect.sync(() => {
      const height = totalHeight(view)
      const rate = before === undefined ? 0 : ((height - before.height) / (now - before.at)) * 1000
      before = { at: now, height }
      const line = progressLine(view, plan, rate)
      if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${line.slice(0, process.stderr.columns - 1)}`)
      else if (line !== last) process.stderr.write(`${line}\n`)
      last = line
    })
}

const endProgress = Effect.sync(() => {
  if (process.stderr.isTTY) process.stderr.write("\n")
})

/** Looks until nothing is lacking. */
const waitUntilSynced = Effect.fnUntraced(function*(nodes: ReadonlyArray<DevnetNode>, plan: DevnetPlan) {
  const now = yield* monotonicMillis
  const show = makeProgress(plan)
  let shown = Number.NEGATIVE_INFINITY
  for (;;) {
    const view = yield* look(nodes)
    const isDone = lacking(view, plan).length === 0
    if (isDone || now() - shown >= 500) {
      shown = now()
      yield* show(view, now())
    }
    if (isDone) {
      yield* endProgress
      return view
    }
    yield* Effect.sleep("50 millis")
  }
})

/** The command as it was started, for what to try next. */
const self = (): string =>
  [process.execPath, process.argv[1] ?? "chain-p2p"].map((path) => {
    const short = relative(process.cwd(), path)
    return short.startsWith("..") ? path : short
  }).join(" ")

const nextSteps = (nodes: ReadonlyArray<DevnetNode>): string =>
  [
    "The nodes keep running: sessions rotate every few minutes. Ctrl-C stops them in order. To try next, in another terminal:",
    ...nodes.slice(0, 1).flatMap(({ dataDir }) => [
      `  ${self()} status --data-dir ${dataDir}`,
      `  ${self()} peers --data-dir ${dataDir}`,
      `  ${self()} chains list --data-dir ${dataDir}     likewise add and remove: the others notice nothing`,
      `  ${self()} why PEER --data-dir ${dataDir}        likewise ban and unban`
    ]),
    `  ${self()} init        writes a config file for a node of your own`
  ].join("\n")

/** npm prints a banner on stdout before anything of ours, unless it is told not to. */
const noteBanner = (flags: DevnetFlags): Effect.Effect<void> =>
  flags.json && !process.stdout.isTTY && process.env["npm_lifecycle_event"] !== undefined &&
    process.env["npm_config_loglevel"] !== "silent"
    ? note("note: npm printed its banner on stdout before the JSON; run  npm start -s -- --until-synced --json")
    : Effect.void

const reasons = (view: DevnetView, plan: DevnetPlan): string =>
  lacking(view, plan).slice(0, 8).map((reason) => `\n  ${reason}`).join("")

const results = ({ links, rows }: DevnetView, seconds: number) => ({
  nodes: rows.map(({ chain, height, node, sessions, tip }) => ({ node, chain, height, tip, sessions })),
  links,
  seconds: Math.round(seconds * 10) / 10
})

const running = Effect.fnUntraced(function*(flags: DevnetFlags) {
  const now = yield* monotonicMillis
  const started = now()
  yield* noteBanner(flags)
  const plan: DevnetPlan = { nodes: flags.nodes, chains: devnetChains(flags.chains) }
  yield* note(
    `starting ${flags.nodes} nodes on loopback, ${flags.chains} ${
      flags.chains === 1 ? "chain" : "chains"
    } each; node 1 has the headers, the others fetch them`
  )
  const within = Option.getOrElse(flags.within, () => flags.nodes <= largestMesh ? 50 : 100)
  let nodes: ReadonlyArray<DevnetNode> = []
  const synced = startNodes({ ...plan, folder: yield* folder(flags.data), quic: yield* hasQuic }).pipe(
    Effect.tap((all) => Effect.sync(() => void (nodes = all))),
    Effect.flatMap((all) => waitUntilSynced(all, plan))
  )
  const view = yield* flags.untilSynced
    ? Effect.timeoutOrElse(synced, {
      duration: `${within} seconds`,
      orElse: () =>
        Effect.flatMap(
          look(nodes),
          (found) =>
            Effect.fail(
              new CliFailed({ message: `not synced after ${within} seconds:${reasons(found, plan)}` })
            )
        )
    })
    : synced
  const seconds = (now() - started) / 1000
  if (flags.json) yield* printJson(results(view, seconds))
  else {
    yield* note(
      `\n${summary(view, plan)}\n\nEvery header verified by every node, ${view.links} links carry it all, after ${
        seconds.toFixed(1)
      } s.`
    )
  }
  if (flags.untilSynced) return
  yield* note(`\n${nextSteps(nodes)}`)
  return yield* Effect.never
})

const interrupted = (flags: DevnetFlags) =>
  Effect.flatMap(stopSignal(), (signal) =>
    flags.untilSynced
      ? Effect.fail(
        new CliFailed({ message: `${signal}: stopped before all was synced`, exitCode: exitCodeOf(signal) })
      )
      : note("\nstopping: sessions end in order; another signal stops at once"))

/** What goes wrong, and no more, unless the user asks for it. */
const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.serviceOption(GlobalFlag.LogLevel),
    (asked) =>
      Option.isSome(Option.flatten(asked)) ? effect : Effect.provideService(effect, References.MinimumLogLevel, "Warn")
  )

export const devnet = (flags: DevnetFlags) =>
  Effect.raceFirst(Effect.scoped(running(flags)), interrupted(flags)).pipe(
    Effect.provide(layerLogs),
    quiet
  )
