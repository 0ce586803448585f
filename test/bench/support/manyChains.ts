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

export const manyChains = (count: number) =>
  Effect.gen(function*() {
    const { bootstrap, far, near } = yield* overLibp2p("tcp")
    const fibers = yield* FiberSet.make()
    let open = 0
    let awaited = Number.POSITIVE_INFINITY
    let reached = () => {}
    const idle: P2pSession<unknown> = (connection) =>
      Effect.suspend(() => {
        if (++open >= awaited) reached()
        return connection.receive
      })
    const start = (process: Context.Context<P2pServices>, index: number) =>
      p2pNode({ chain: { network: "bench", name: `chain-${index}`, genesis: "0" }, sessionCount: 1 }, idle).pipe(
        Effect.provide(process),
        FiberSet.run(fibers)
      )
    /** Both ends of so many sessions are open. */
    const untilOpen = (sessions: number) =>
      Effect.callback<void>((resume) => {
        awaited = 2 * sessions
        reached = () => resume(Effect.void)
        if (open >= awaited) reached()
      })
    const add = Effect.fnUntraced(function*(index: number) {
      yield* start(far, index)
      yield* start(near, index)
      yield* untilOpen(index + 1)
    })

    yield* add(0)
    const before = bytesInUse()
    const startedAt = process.hrtime.bigint()
    for (let index = 1; index < count; index++) {
      yield* start(far, index)
      yield* start(near, index)
    }
    yield* untilOpen(count)
    const allMillis = Number(process.hrtime.bigint() - startedAt) / 1_000_000
    const after = bytesInUse()
    const links = Context.get(near, ConnectionPool).links().size
    const addMillis: Array<number> = []
    for (let index = count; index < count + 100; index++) {
      const started = process.hrtime.bigint()
      yield* add(index)
      addMillis.push(Number(process.hrtime.bigint() - started) / 1_000_000)
    }
    const address = bootstrap[0] ?? ""
    const identified = yield* Effect.promise(() => identifyBytes(address))

    const raw = yield* Effect.promise(() => rawStreams(count - 1))
    // Both ends are in this process: half of it is what one end keeps.
    const kib = (bytes: number) => bytes / 1024 / (count - 1) / 2
    const kibPerPair = kib(after - before) - kib(raw)
    const rows: ReadonlyArray<Row> = [
      { what: "1,000 chains", measure: "links", value: links },
      { what: "1,000 chains", measure: "identify, bytes", value: identified },
      { what: "1,000 chains", measure: "all sessions open, ms", value: rounded(allMillis) },
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
