/**
 * Two processes that open and close sessions over TCP for as long as it takes, with whatever can go wrong: to see that nothing
 * is left of them.
 */
import { Context, Deferred, Effect, Fiber, Logger } from "effect"
import { queryObjects } from "node:v8"
import { type ChainHost, makeChainHost } from "../../../chains/index.ts"
import { type Chain, ConnectionPool, type P2pSession, PeerBook } from "../../../signatures/index.ts"
import { SessionCore } from "../../../src/wire/SessionCore.ts"
import { type Process, process as startProcess } from "../../laws/nodes.ts"
import { libp2pBackend } from "../../support/libp2p.ts"
import { bytesInUse } from "./memory.ts"

/** Mulberry32. */
const drawsOf = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Forgives everything at once, or ten thousand sessions would take a day of waiting for their peers to cool. */
const forgiving = (book: PeerBook["Service"]): PeerBook["Service"] => ({
  ...book,
  standing: () => ({ _tag: "Clear" }),
  candidates: (chain) => book.candidates(chain).map((peer) => ({ ...peer, standing: { _tag: "Clear" } }))
})

const small = new Uint8Array(64)
const large = new Uint8Array(200_000)
const soon = "20 millis"

/** Ends in one of the ways in which sessions end. */
const session = (draw: (below: number) => number, count: () => void): P2pSession<unknown> => (connection) =>
  Effect.suspend(() => {
    count()
    const { close, receive, send } = connection
    const ways: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
      Effect.void,
      Effect.andThen(send(small), Effect.void),
      Effect.andThen(send(small), Effect.timeoutOption(receive, soon)),
      Effect.timeoutOption(Effect.forever(receive), soon),
      // Never read: the peer's credit runs out.
      Effect.timeoutOption(Effect.andThen(Effect.forever(send(large)), Effect.never), soon),
      Effect.andThen(send(large), close),
      Effect.andThen(close, Effect.ignore(receive)),
      Effect.fail("the session has had enough"),
      Effect.die(new Error("a bug of the session")),
      Effect.interrupt,
      Effect.raceFirst(receive, send(large)),
      Effect.forkChild(Effect.forever(receive))
    ]
    return ways[draw(ways.length)] ?? Effect.void
  }).pipe(Effect.asVoid)

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
  const callback = session(draw, () => {
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

/** Walks the whole heap, and so takes its time. */
const countOf = (one: Function): number => queryObjects(one, { format: "count" })

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
