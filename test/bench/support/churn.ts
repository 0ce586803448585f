/**
 * Two processes that open and close sessions over TCP for as long as it takes, with whatever can go wrong: to see that nothing
 * is left of them.
 */
import { Context, Deferred, Effect, Fiber, Logger } from "effect"
import { type ChainHost, makeChainHost } from "../../../chains/index.ts"
import { type Chain, ConnectionPool, PeerBook } from "../../../signatures/index.ts"
import { SessionCore } from "../../../src/wire/SessionCore.ts"
import { type Process, process as startProcess } from "../../laws/nodes.ts"
import { libp2pBackend } from "../../support/libp2p.ts"
import { briefSession, drawsOf, forgiving } from "./briefSessions.ts"
import { bytesInUse, countOf } from "./memory.ts"

const large = new Uint8Array(200_000)

interface Town {
  readonly hosts: readonly [ChainHost, ChainHost]
  readonly processes: readonly [Process, Process]
  readonly cut: Effect.Effect<void>
}

const makeTown = Effect.gen(function*() {
  const { cut, hosts: [a, b] } = yield* libp2pBackend("tcp").world(2)
  if (a === undefined || b === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
  const processes = [yield* startProcess(a, [b]), yield* startProcess(b, [a])] as const
  const host = ({ services }: Process) =>
    Effect.provideContext(makeChainHost, Context.add(services, PeerBook, forgiving(Context.get(services, PeerBook))))
  const chains = [yield* host(processes[0]), yield* host(processes[1])] as const
  return { hosts: chains, processes, cut: cut(a, b) } satisfies Town as Town
})

const chainsOf = (count: number): ReadonlyArray<Chain> =>
  Array.from({ length: count }, (_, index) => ({ network: "churn", name: `chain-${index}`, genesis: "00" }))

const untilNoLink = ({ services }: Process): Effect.Effect<void> =>
  Effect.scoped(Effect.gen(function*() {
    const pool = Context.get(services, ConnectionPool)
    const none = Deferred.makeUnsafe<void>()
    const look = () => void (pool.links().size === 0 && Deferred.doneUnsafe(none, Effect.void))
    yield* pool.watch(look)
    look()
    yield* Deferred.await(none)
  }))

/** Runs so many sessions, and takes everything down again that belongs to them. */
const run = Effect.fnUntraced(function*(town: Town, chains: ReadonlyArray<Chain>, sessions: number, seed: number) {
  const draw = drawsOf(seed)
  const enough = Deferred.makeUnsafe<void>()
  // Both ends count each.
  let left = 2 * sessions
  const callback = briefSession(draw, large, () => {
    if (--left === 0) Deferred.doneUnsafe(enough, Effect.void)
  })
  const add = (chain: Chain) =>
    Effect.forEach(town.hosts, (host) => host.add({ chain, sessionCount: 1, drainTimeout: "50 millis" }, callback))
  const remove = ({ name }: Chain) =>
    Effect.forEach(town.hosts, (host) => Effect.ignore(host.remove(name)), { concurrency: 2 })
  yield* Effect.forEach(chains, add)
  const faults = yield* Effect.gen(function*() {
    yield* Effect.sleep(200 + draw(1_600))
    if (draw(2) === 0) return yield* town.cut
    const chain = chains[draw(chains.length)]
    if (chain === undefined) return
    yield* remove(chain)
    yield* Effect.ignore(add(chain))
  }).pipe(Effect.uninterruptible, Effect.forever, Effect.forkChild)
  yield* Deferred.await(enough)
  yield* Fiber.interrupt(faults)
  yield* Effect.forEach(chains, remove, { concurrency: "unbounded" })
  // Links linger; what they hold is another matter.
  yield* town.cut
  yield* Effect.forEach(town.processes, untilNoLink)
  yield* Effect.sleep("1500 millis")
}, Effect.provide(Logger.layer([])))

/** What there is in the process. */
export interface Census {
  readonly fibers: number
  readonly sessions: number
  readonly streams: number
  readonly maps: number
  readonly timers: number
  readonly sockets: number
  readonly bytes: number
}

const census = Effect.map(
  Effect.withFiber((fiber) => Effect.succeed(fiber.constructor)),
  (fiberClass): Census => {
    const active = process.getActiveResourcesInfo()
    return {
      bytes: bytesInUse(),
      fibers: countOf(fiberClass),
      sessions: countOf(SessionCore),
      // All of libp2p's streams and connections, and every AbortSignal, are among these.
      streams: countOf(EventTarget),
      maps: countOf(Map),
      timers: active.filter((name) => name === "Timeout").length,
      sockets: active.filter((name) => name === "TCPSocketWrap").length
    }
  }
)

export interface ChurnOptions {
  /** Each has about one session a second: who opens as its peer does waits a while. */
  readonly chains: number
  readonly sessions: number
  /** Sessions before the first count, so that everything is there that is made once. */
  readonly warmUp: number
  readonly seed: number
}

/** Before and after so many sessions. */
export const churn = Effect.fnUntraced(function*(options: ChurnOptions) {
  const { seed, sessions, warmUp } = options
  const chains = chainsOf(options.chains)
  const town = yield* makeTown
  yield* run(town, chains, warmUp, seed)
  const before = yield* census
  const start = performance.now()
  yield* run(town, chains, sessions, seed + 1)
  const seconds = (performance.now() - start) / 1000
  return { before, after: yield* census, seconds }
}, Effect.orDie)
