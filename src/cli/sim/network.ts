/** The simulated network of `chain-p2p sim`: real nodes with header sync on generated chains. */
import { Cause, Effect, Exit, References } from "effect"
import {
  type FaultPlan,
  keyedRandom,
  type ProgramHost,
  type Scenario,
  simulate,
  type SimulationEvent,
  type TraceWindow
} from "../../../inprocess/index.ts"
import { ConnectionPool, Disk, monotonicMillis, type P2pSession } from "../../../signatures/index.ts"
import { makeP2pNode } from "../../node/index.ts"
import { headerSize } from "../../sessions/header-sync/header.ts"
import { type HeaderChain, headerSync } from "../../sessions/index.ts"
import { layerLogs } from "../logs.ts"
import { grow } from "./mining.ts"
import { type Home, type Place, type Snapshot, snapshotOf } from "./snapshot.ts"
import { drawChains, drawFinds, type Find, type SimulatedChain } from "./world.ts"

export interface SimOptions {
  readonly nodes: number
  readonly chains: number
  readonly minutes: number
  /** Of each chain, after its genesis. */
  readonly headers: number
  readonly sessionCount: number
  readonly seed: number
  readonly faults: FaultPlan
  /** The first so many nodes are known to all, who learn of the others from peers. Undefined: all know all. */
  readonly bootstrap?: number | undefined
  readonly trace?: TraceWindow
  /** Called about once per virtual second. Must not change anything. */
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Virtual. */
  readonly seconds: number
  readonly sessions: number
  readonly messages: number
}

export interface SimResult {
  /** Undefined: it came to its end, and all nodes had the same tips. */
  readonly failure: string | undefined
  readonly hash: string
  readonly virtualSeconds: number
  readonly steps: number
  readonly messages: number
  readonly bytes: number
  /** At the end; of those that are up. */
  readonly snapshot: Snapshot
  readonly trace: ReadonlyArray<SimulationEvent>
}

/** What programs write down. Nothing in the run depends on it but its end. */
class World {
  readonly homes: Array<Home | undefined>
  sessions = 0
  messages = 0
  bytes = 0
  now: () => number = () => 0
  reportAt = 0
  snapshot: Snapshot | undefined

  constructor(nodes: number) {
    this.homes = Array.from({ length: nodes }, () => undefined)
  }
}

/** How long nodes may take, after the last fault, to agree. */
const settleWithin = "10 minutes"

/** Who knows all others asks nobody; who doesn't, asks until nearly all are known, and is told of peers that are young, too. */
const discovery = ({ bootstrap, nodes }: SimOptions): Pick<Scenario, "exchange" | "knows"> =>
  bootstrap === undefined ? { exchange: { enough: 0 } } : {
    exchange: { enough: Math.ceil(Math.min(nodes, 250) * 0.9), provenFor: "10 seconds" },
    knows: () => Array.from({ length: Math.min(bootstrap, nodes) }, (_, index) => index)
  }

/** Counts what a session receives. */
const counted = (world: World, session: P2pSession<unknown>): P2pSession<unknown> => (connection) => {
  const count = (message: Uint8Array) => {
    world.messages++
    world.bytes += message.length
  }
  return Effect.acquireUseRelease(
    Effect.sync(() => void world.sessions++),
    () =>
      session({
        ...connection,
        receive: Effect.tap(connection.receive, (message) => Effect.sync(() => count(message)))
      }),
    () => Effect.sync(() => void world.sessions--)
  )
}

/** Puts one header onto the best chain, as whoever found it does. */
const find = Effect.fnUntraced(function*(chain: SimulatedChain, headers: HeaderChain, salt: number) {
  const { height } = yield* headers.tip
  const tip = yield* headers.headers(height, height + 1)
  yield* headers.add(grow(chain.params, tip, [chain.params.spacing], salt).slice(headerSize))
})

/** What befalls the network is no news; a bug is. */
const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(Effect.provideService(References.MinimumLogLevel, "Error"), Effect.provide(layerLogs))

const program = (
  options: SimOptions,
  chains: ReadonlyArray<SimulatedChain>,
  finds: ReadonlyArray<ReadonlyArray<Find>>
) =>
  Effect.fnUntraced(function*({ boot, index, isAlive, peer }: ProgramHost, world: World) {
    const disk = yield* Disk
    const now = yield* monotonicMillis
    world.now = now
    const places: Array<Place> = []
    for (const { chain, headers: begun, params, source } of chains) {
      if (boot === 0 && source === index) {
        yield* disk.append(chain.name, begun)
        yield* disk.sync(chain.name)
      }
      const headers = yield* headerSync({ path: chain.name, params })
      const node = yield* makeP2pNode({ chain, sessionCount: options.sessionCount }, counted(world, headers.session))
      places.push({ node, headers })
    }
    if (!isAlive()) return
    world.homes[index] = { self: peer, pool: yield* ConnectionPool, places }
    for (const { at, chain } of finds[index] ?? []) {
      const wait = at * 1000 - now()
      const [of, place] = [chains[chain], places[chain]]
      // What would have been found while the node was down was not.
      if (wait < 0 || of === undefined || place === undefined) continue
      yield* Effect.sleep(wait)
      yield* find(of, place.headers, index + 1)
    }
    return yield* Effect.never
  }, quiet)

const tipOf = (home: Home | undefined, chain: number): Effect.Effect<string | undefined> =>
  Effect.map(home?.places[chain]?.headers.tip ?? Effect.undefined, (tip) => tip?.hash)

/** Whether every node has the same best chain, of each chain. */
const agree = Effect.fnUntraced(function*(homes: ReadonlyArray<Home | undefined>, chains: number) {
  for (let chain = 0; chain < chains; chain++) {
    const first = yield* tipOf(homes[0], chain)
    for (const home of homes) if (first === undefined || (yield* tipOf(home, chain)) !== first) return false
  }
  return true
})

const scenarioOf = (options: SimOptions): { readonly scenario: Scenario<World>; readonly world: World } => {
  const { chains: count, minutes, nodes, onProgress } = options
  const random = keyedRandom(options.seed)
  const chains = drawChains(random, options)
  const finds = drawFinds(random, { nodes, chains: count, seconds: minutes * 60 })
  const world = new World(nodes)
  const report = () => {
    const millis = world.now()
    if (millis < world.reportAt) return
    world.reportAt = millis + 1000
    onProgress?.({ seconds: millis / 1000, sessions: Math.round(world.sessions / 2), messages: world.messages })
  }
  const scenario: Scenario<World> = {
    hosts: nodes,
    world: () => world,
    program: program(options, chains, finds),
    duration: `${minutes} minutes`,
    deadline: `${minutes + 20} minutes`,
    maxSteps: Infinity,
    ...discovery(options),
    eventually: {
      within: settleWithin,
      holds: (world) =>
        Effect.gen(function*() {
          const isDone = yield* agree(world.homes, count)
          if (isDone || world.snapshot === undefined) world.snapshot = yield* snapshotOf(world.homes, count)
          return isDone
        })
    },
    ...(onProgress === undefined ? {} : { invariant: report })
  }
  return { scenario, world }
}

const none: Snapshot = { links: 0, chains: [] }

/** Synchronous, and takes as long as it takes. The same options give the same result. */
export const runSim = (options: SimOptions): SimResult => {
  const { scenario, world } = scenarioOf(options)
  const { exit, hash, micros, steps, trace } = simulate({
    ...scenario,
    seed: options.seed,
    faults: options.faults,
    schedule: { _tag: "Fifo" },
    ...(options.trace === undefined ? {} : { trace: options.trace })
  })
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return {
    failure: error === undefined
      ? undefined
      : error instanceof Error
      ? `${error.name}: ${error.message}`
      : String(error),
    hash,
    virtualSeconds: micros / 1_000_000,
    steps,
    messages: world.messages,
    bytes: world.bytes,
    snapshot: world.snapshot ?? none,
    trace
  }
}
