/** The programs of a run: on each host a node per chain, all watched. */
import { Effect, Exit, Logger, Random, Scope, Stream } from "effect"
import { type HostServices, type ProgramHost, type Scenario } from "../../../inprocess/index.ts"
import {
  type Chain,
  ConnectionPool,
  Connections,
  monotonicMillis,
  PeerBook,
  Transport,
  withPeer
} from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { ChainWatch } from "./ChainWatch.ts"
import { Home } from "./Home.ts"
import { watchBook, watchConnections, watchPool, watchTransport } from "./observe.ts"
import { talk } from "./sessions.ts"
import { configOf, type Shape } from "./shapes.ts"
import { World } from "./World.ts"

const lookEvery = "200 millis"

/** What the product itself calls a bug is one. That a drawn session dies is none. */
const listening = (home: () => Home | undefined) =>
  Logger.layer([
    Logger.make(({ logLevel, message }) => {
      const text = String(Array.isArray(message) ? message[0] : message)
      if ((logLevel === "Error" || logLevel === "Fatal") && !text.startsWith("a session died")) {
        home()?.accuse(`logged "${text}"`)
      }
    })
  ])

const settle = Effect.fnUntraced(function*(host: ProgramHost, world: World) {
  const home = new Home(world, {
    index: host.index,
    boot: host.boot,
    peer: host.peer,
    now: yield* monotonicMillis,
    isAlive: host.isAlive,
    book: yield* PeerBook,
    pool: yield* ConnectionPool
  })
  watchBook(home)
  watchPool(home)
  watchTransport(home, yield* Transport)
  watchConnections(home, yield* Connections)
  return home
})

/** One life of a node, until its scope closes. */
const live = Effect.fnUntraced(function*(home: Home, host: ProgramHost, chain: Chain) {
  const { shape } = home.world
  const isPrivate = shape.isPrivate && chain === shape.chains[0]
  const most = isPrivate ? Infinity : shape.hasKnown ? 1 : 0
  const known = shape.knows(home.index).slice(0, most).flatMap((i) => host.hosts[i] ?? [])
  const node = { ...shape.node, private: isPrivate, known: new Set(known.map(({ peer }) => peer)) }
  const watch = new ChainWatch(home, chain, node)
  const knownPeers = known.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
  watch.node = yield* makeP2pNode({ ...configOf(chain, node), knownPeers }, talk(watch))
  yield* Stream.runForEach(watch.node.events, (event) => Effect.sync(() => watch.hear(event))).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
  return watch
})

const nodeOf = Effect.fnUntraced(function*(home: Home, host: ProgramHost, chain: Chain, startsAt: number) {
  const { comesAndGoes } = home.world.shape
  yield* Effect.sleep(startsAt)
  while (true) {
    const scope = yield* Scope.make()
    const watch = yield* live(home, host, chain).pipe(Scope.provide(scope))
    // Also when it is interrupted: the host's end is the node's.
    const end = Effect.suspend(() => {
      watch.isStopping = true
      return Effect.andThen(Scope.close(scope, Exit.void), Effect.sync(() => watch.over()))
    })
    const life = comesAndGoes ? Effect.sleep(yield* Random.nextIntBetween(500, 12_000)) : Effect.never
    yield* Effect.ensuring(life, end)
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
  }
})

/** What a host runs: its nodes, and whoever looks at them now and then. */
const townsman = (host: ProgramHost, world: World): Effect.Effect<void, never, HostServices> =>
  Effect.gen(function*() {
    const { chains, serves, startsAt } = world.shape
    const home = yield* settle(host, world)
    const served = chains.flatMap((chain, i) => serves(home.index, i) ? [{ chain, at: startsAt(home.index, i) }] : [])
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep(lookEvery), Effect.sync(() => home.lookAround())))
    )
    yield* Effect.forEach(served, ({ at, chain }) => nodeOf(home, host, chain, at), {
      concurrency: "unbounded",
      discard: true
    })
  }).pipe(Effect.provide(listening(() => world.homes[host.index])))

/** A scenario over a shape: whatever befalls it, the invariants must hold after every step. */
export const town = (shape: Shape): Scenario<World, never> => ({
  hosts: shape.addresses.map((address) => ({ addresses: [address] })),
  world: () => new World(shape),
  program: townsman,
  invariant: (world) => world.look(),
  knows: shape.knows,
  network: shape.network,
  pool: shape.pool
})
