/** A few simulated hosts with whole processes, that have a hard life. */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { type ChainHost, makeChainHost } from "../../../chains/index.ts"
import { type Network, type SimulatedHost } from "../../../inprocess/index.ts"
import { type Chain, ConnectionPool, type P2pSession, PeerBook, withPeer } from "../../../signatures/index.ts"
import { layerPeerExchange, layerPeerUpdates, layerStoredPeerBook } from "../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../src/pool/index.ts"
import { layerConnections } from "../../../src/wire/index.ts"
import { briefSession, type Draw, forgiving } from "./briefSessions.ts"

export const hostCount = 5
export const chains: ReadonlyArray<Chain> = Array.from(
  { length: 8 },
  (_, index) => ({ network: "churn", name: `chain-${index}`, genesis: "00" })
)
/** Two and a half of these are a peer's credit. */
const large = new Uint8Array(6_000)
const config = { sessionCount: 2, maxMessageBytes: 8_192, window: 16_384, drainTimeout: "50 millis" } as const

/** A process: its book in a file, its peers told of each other. */
interface Process {
  readonly chains: ChainHost
  readonly pool: ConnectionPool["Service"]
  readonly scope: Scope.Closeable
}

const start = Effect.fnUntraced(function*(host: SimulatedHost, hosts: ReadonlyArray<SimulatedHost>) {
  const bootstrap = hosts.flatMap(({ addresses, peer }) =>
    peer === host.peer ? [] : addresses.map((address) => withPeer(address, peer))
  )
  const layer = Layer.merge(Layer.fresh(layerPeerUpdates), layerPeerExchange()).pipe(
    Layer.provideMerge(layerConnections()),
    Layer.provideMerge(layerConnectionPool()),
    Layer.provideMerge(layerStoredPeerBook("peers.book", { bootstrap })),
    Layer.provideMerge(Layer.succeedContext(host.services))
  )
  const scope = yield* Scope.make()
  return yield* Effect.gen(function*() {
    const services = yield* Layer.build(layer)
    const book = forgiving(Context.get(services, PeerBook))
    const chains = yield* Effect.provideContext(makeChainHost, Context.add(services, PeerBook, book))
    return { scope, chains, pool: Context.get(services, ConnectionPool) } satisfies Process as Process
  }).pipe(Effect.orDie, Scope.provide(scope), Effect.provideContext(host.services))
})

/** Hosts and their processes, the chains that they run now, and what befalls them. */
export class Town {
  readonly network: Network
  readonly #processes: Array<Process> = []
  readonly #draw: Draw
  readonly #session: P2pSession<unknown>
  /** Which run now, on every host that is up. */
  #chains: ReadonlyArray<Chain> = []
  faults = 0

  constructor(network: Network, draw: Draw, count: () => void) {
    this.network = network
    this.#draw = draw
    this.#session = briefSession(draw, large, count)
  }

  /** Ends of links, as the network knows them. */
  get links(): Effect.Effect<number> {
    return Effect.map(this.network.hosts, (hosts) => hosts.reduce((sum, host) => sum + this.network.linkCount(host), 0))
  }

  /** As the pools know them. */
  get leases(): number {
    const views = this.#processes.flatMap(({ pool }) => [...pool.links().values()])
    return views.reduce((sum, view) => sum + view.chains.length, 0)
  }

  readonly start = (index: number): Effect.Effect<void> =>
    Effect.gen({ self: this }, function*() {
      const hosts = yield* this.network.hosts
      const host = hosts[index]
      if (host === undefined) return
      const process = yield* start(host, hosts)
      this.#processes[index] = process
      for (const chain of this.#chains) yield* this.#add(process, chain)
    })

  #add(process: Process, chain: Chain): Effect.Effect<void> {
    return Effect.ignore(process.chains.add({ ...config, chain }, this.#session))
  }

  /** Now these chains run, and no others. */
  serve(chains: ReadonlyArray<Chain>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const removed = this.#chains.filter((chain) => !chains.includes(chain))
      const added = chains.filter((chain) => !this.#chains.includes(chain))
      this.#chains = chains
      return Effect.forEach(this.#processes, (process) =>
        Effect.andThen(
          Effect.forEach(removed, ({ name }) => Effect.ignore(process.chains.remove(name)), {
            concurrency: "unbounded"
          }),
          Effect.forEach(added, (chain) => this.#add(process, chain))
        ), { concurrency: "unbounded", discard: true })
    })
  }

  /** Until nothing is left of the sessions: links linger, and books drop what they may not take back when there is news. */
  readonly settle: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    yield* Effect.sleep("2 minutes")
    const [chain] = chains
    for (const [index, { pool }] of this.#processes.entries()) {
      const neighbour = (yield* this.network.hosts)[(index + 1) % hostCount]
      if (chain === undefined || neighbour === undefined) continue
      const lease = yield* Effect.orDie(pool.lease(neighbour.peer, chain))
      lease.release()
    }
    yield* Effect.sleep("2 minutes")
  })

  /** Something goes wrong for a while, and is well again. */
  readonly fault: Effect.Effect<void> = Effect.suspend(() => {
    this.faults++
    const index = this.#draw(hostCount)
    const lasting = Effect.sleep(100 + this.#draw(14_000))
    const short = Effect.sleep(100 + this.#draw(2_000))
    const percent = 5 + this.#draw(40)
    const nth = this.#draw(100)
    const noticed = this.#draw(2_000)
    const chain = chains[this.#draw(chains.length)]
    const other = (index + 1 + this.#draw(hostCount - 1)) % hostCount
    const way = this.#draw(8)
    return Effect.flatMap(this.network.hosts, (hosts) => {
      const [a, b] = [hosts[index], hosts[other]]
      if (a === undefined || b === undefined) return Effect.void
      const { cut, heal, hold, kill, partition, release, resetStream, restart, setLoss } = this.network
      switch (way) {
        case 0:
          return cut(a, b)
        case 1:
        case 2:
          return resetStream(a, b, nth)
        case 3:
          return Effect.andThen(Effect.andThen(partition([a]), lasting), heal)
        case 4:
          return Effect.andThen(Effect.andThen(hold(a, b), short), release)
        case 5:
          return Effect.andThen(Effect.andThen(setLoss(a, b, percent / 100), short), setLoss(a, b, 0))
        case 6:
          return Effect.andThen(
            this.serve(chains.filter((other) => other !== chain)),
            Effect.andThen(short, this.serve(chains))
          )
        default:
          return Effect.gen({ self: this }, function*() {
            yield* kill(a, { noticedAfter: noticed })
            // What a killed process does on its way out takes time, in which others go on.
            const process = this.#processes[index]
            if (process !== undefined) yield* Effect.forkDetach(Scope.close(process.scope, Exit.void))
            yield* short
            yield* restart(a)
            yield* this.start(index)
          })
      }
    })
  })
}
