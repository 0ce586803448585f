/** Our sessions as contenders: two processes' worth of pool, wire and transport, and one connection between them. */
import { Context, Deferred, Duration, Effect, Exit, Layer } from "effect"
import {
  ConnectionPool,
  Connections,
  Identity,
  nodeDefaults,
  type OpenedConnection,
  P2p,
  type P2pConnection,
  type P2pServices,
  PeerBook,
  withPeer
} from "../../../src/index.ts"
import type { Contender } from "./contender.ts"

const chainOf = (index: number) => ({ network: "bench", name: `chain-${index}`, genesis: `${index}` })

export const limits = {
  maxMessageBytes: nodeDefaults.maxMessageBytes,
  minMessageBytes: nodeDefaults.minMessageBytes,
  window: nodeDefaults.window,
  closeTimeout: Duration.seconds(10),
  private: false
}

export interface Ends {
  readonly near: P2pConnection
  readonly far: P2pConnection
}

export interface Processes {
  readonly near: Context.Context<P2pServices>
  readonly far: Context.Context<P2pServices>
  /** Opens a connection for the chain with this index. */
  readonly connect: (chain: number) => Effect.Effect<Ends, unknown>
}

/** Opens connections between two processes, however they were made. */
export const connecting = (
  near: Context.Context<P2pServices>,
  far: Context.Context<P2pServices>
): Processes["connect"] =>
  Effect.fnUntraced(function*(index: number) {
    const chain = chainOf(index)
    const accepted = yield* Deferred.make<OpenedConnection>()
    Context.get(far, Connections).serve(chain, limits, () => ({
      accept: (opened) => Deferred.doneUnsafe(accepted, Exit.succeed(opened))
    }))
    const opened = yield* Context.get(near, Connections).open(Context.get(far, Identity).self, chain, limits)
    return { near: opened.connection, far: (yield* Deferred.await(accepted)).connection }
  })

/** Over libp2p and loopback sockets. */
export const overLibp2p = (kind: "tcp" | "quic") =>
  Effect.gen(function*() {
    const address = kind === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1"
    const far = yield* Layer.build(P2p.layer({ listen: [address] }))
    const near = yield* Layer.build(P2p.layer({ listen: [] }))
    const { self } = Context.get(far, Identity)
    const addresses = Context.get(far, ConnectionPool).addresses
    Context.get(near, PeerBook).learn({ peer: self, sequence: 0n, addresses }, "config")
    return { near, far, connect: connecting(near, far), bootstrap: addresses.map((at) => withPeer(at, self)) }
  })

/** Runs what a session does: both ends' fibers, to their end. */
export const sessionContender = (
  name: string,
  { far, near }: Ends,
  run: <A>(effect: Effect.Effect<A, unknown>) => Promise<A>,
  close: () => Promise<void>
): Contender => {
  const sendAll = (message: Uint8Array, count: number) =>
    Effect.gen(function*() {
      for (let i = 0; i < count; i++) yield* near.send(message)
    })
  const receiveAll = (count: number) =>
    Effect.gen(function*() {
      for (let i = 0; i < count; i++) yield* far.receive
    })
  return {
    name,
    close,
    stream: (size, count) =>
      run(Effect.all([receiveAll(count), sendAll(new Uint8Array(size).fill(7), count)], {
        concurrency: "unbounded",
        discard: true
      })),
    pingPong: (size, count) => {
      const message = new Uint8Array(size).fill(7)
      const echo = Effect.gen(function*() {
        for (let i = 0; i < count; i++) yield* far.send(yield* far.receive)
      })
      const ask = Effect.gen(function*() {
        const trips: Array<number> = []
        for (let i = 0; i < count; i++) {
          const started = process.hrtime.bigint()
          yield* near.send(message)
          yield* near.receive
          trips.push(Number(process.hrtime.bigint() - started) / 1000)
        }
        return trips
      })
      return run(Effect.all([ask, echo], { concurrency: "unbounded" })).then(([trips]) => trips)
    }
  }
}
