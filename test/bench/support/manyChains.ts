/** A thousand chains between two processes, each with a node of its own at both ends, all on one link. */
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { Context, Effect, FiberSet } from "effect"
import { createLibp2p } from "libp2p"
import { ConnectionPool, p2pNode, type P2pServices, type P2pSession } from "../../../src/index.ts"
import { quantile } from "./measure.ts"
import { bytesInUse } from "./memory.ts"
import { overLibp2p } from "./ours.ts"
import { rawStreams } from "./rawLibp2p.ts"
import { rounded, type Row } from "./report.ts"

/** What libp2p tells a peer about us, in bytes, as a plain libp2p node reads it. */
const identifyBytes = async (address: string): Promise<number> => {
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  try {
    const stream = await node.dialProtocol(multiaddr(address), "/ipfs/id/1.0.0")
    let bytes = 0
    for await (const chunk of stream) bytes += chunk.byteLength
    return bytes
  } finally {
    await node.stop()
  }
}

/** Chains that come before what is measured: by then the code is compiled, and the tables of link, pool and book have grown. */
const warm = 500

/** Until the timers of the last openings are gone. */
const rest = Effect.sleep("1 second")

export const manyChains = (count: number) =>
  Effect.gen(function*() {
    const { bootstrap, far, near } = yield* overLibp2p("tcp")
    // As a program does that runs many nodes: each process's services are provided once.
    const fibers = yield* FiberSet.make()
    const run = FiberSet.runtime(fibers)<P2pServices>()
    const processes = yield* Effect.all([Effect.provide(run, far), Effect.provide(run, near)])
    let open = 0
    let awaited = Number.POSITIVE_INFINITY
    let reached = () => {}
    const idle: P2pSession<unknown> = (connection) =>
      Effect.suspend(() => {
        if (++open >= awaited) reached()
        return connection.receive
      })
    /** At both ends. */
    const start = (index: number) => {
      for (const run of processes) {
        run(p2pNode({ chain: { network: "bench", name: `chain-${index}`, genesis: "0" }, sessionCount: 1 }, idle))
      }
    }
    /** Both ends of so many sessions are open. */
    const untilOpen = (sessions: number) =>
      Effect.callback<void>((resume) => {
        awaited = 2 * sessions
        reached = () => resume(Effect.void)
        if (open >= awaited) reached()
      })
    const addAll = (from: number, to: number) =>
      Effect.suspend(() => {
        for (let index = from; index < to; index++) start(index)
        return untilOpen(to)
      })

    yield* Effect.andThen(addAll(0, warm), rest)
    const before = bytesInUse()
    const startedAt = process.hrtime.bigint()
    yield* addAll(warm, count)
    const allMillis = Number(process.hrtime.bigint() - startedAt) / 1_000_000
    yield* rest
    const after = bytesInUse()
    const links = Context.get(near, ConnectionPool).links().size
    const addMillis: Array<number> = []
    for (let index = count; index < count + 100; index++) {
      const started = process.hrtime.bigint()
      yield* addAll(index, index + 1)
      addMillis.push(Number(process.hrtime.bigint() - started) / 1_000_000)
    }
    const address = bootstrap[0] ?? ""
    const identified = yield* Effect.promise(() => identifyBytes(address))

    const raw = yield* Effect.promise(() => rawStreams(warm, count))
    // Both ends are in this process: half of it is what one end keeps.
    const kib = (bytes: number) => bytes / 1024 / (count - warm) / 2
    const kibPerPair = kib(after - before) - kib(raw)
    const rows: ReadonlyArray<Row> = [
      { what: "1,000 chains", measure: "links", value: links },
      { what: "1,000 chains", measure: "identify, bytes", value: identified },
      {
        what: "1,000 chains",
        measure: `the last ${count - warm} chains' sessions open, ms`,
        value: rounded(allMillis)
      },
      {
        what: "1,000 chains",
        measure: "one more chain to its first session, ms, p50",
        value: rounded(quantile(addMillis, 0.5))
      },
      {
        what: "1,000 chains",
        measure: "one more chain to its first session, ms, p99",
        value: rounded(quantile(addMillis, 0.99))
      },
      { what: "1,000 chains", measure: "memory per idle (chain, peer), KiB", value: rounded(kib(after - before)) },
      { what: "1,000 chains", measure: "of these libp2p's stream, KiB", value: rounded(kib(raw)) }
    ]
    return { links, identifyBytes: identified, addMillis: quantile(addMillis, 0.99), kibPerPair, rows }
  })
