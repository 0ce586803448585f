/**
 * A flood: of so many nodes each has a few sessions, and every end of a session sends a burst, receives that of the other end,
 * and begins again. Once over the simulated network, with the wire's core and its Effect shell in the path, and once as a
 * plain heap of callbacks, one for each message.
 */
import { Effect } from "effect"
import { Heap, keyedRandom, makeNetwork } from "../../../inprocess/index.ts"
import { type P2pConnection, type RawStream, Transport } from "../../../signatures/index.ts"
import { connectionOf } from "../../../src/wire/connection.ts"
import { readFrames } from "../../../src/wire/FrameStream.ts"
import { SessionCore, type SessionHost } from "../../../src/wire/SessionCore.ts"
import { limits } from "./ours.ts"
import { makeWorld } from "./simWorld.ts"

export interface Flood {
  /** Moves so many messages, or a few more. Gives how many. */
  readonly move: (messages: number) => number
}

export interface FloodSize {
  readonly nodes: number
  /** Ends of sessions that a node has. Even: half of them it has opened. */
  readonly sessions: number
  readonly burst: number
}

const message = new Uint8Array(64).fill(7)
const latencyMicros = 10_000
const jitterMicros = 2_000

/** Nothing but a heap: what a simulation in plain JavaScript could come to. */
export const plainFlood = ({ burst, nodes, sessions }: FloodSize): Flood => {
  const heap = new Heap()
  const random = keyedRandom(1)("plain")
  let now = 0
  const begin = () => {
    let missing = burst
    const onMessage = () => {
      if (--missing === 0) sendBurst()
    }
    const sendBurst = () => {
      missing = burst
      for (let i = 0; i < burst; i++) heap.push(now + latencyMicros + random.between(0, jitterMicros), onMessage)
    }
    sendBurst()
  }
  for (let i = 0; i < nodes * sessions; i++) begin()
  return {
    move: (messages) => {
      // Each timer is a message, and whoever has its burst sends the next.
      for (let i = 0; i < messages; i++) {
        const timer = heap.pop()
        if (timer === undefined) throw new Error("the flood has run dry")
        now = timer.at
        timer.run()
      }
      return messages
    }
  }
}

const host: SessionHost = { concluded: () => {}, closing: () => {}, violated: () => {}, gone: () => {} }
const terms = { maxMessageBytes: limits.maxMessageBytes, window: limits.window, peerWindow: limits.window }

const nobodyHears = () => {}
const overStream = (stream: RawStream): P2pConnection =>
  connectionOf(readFrames(stream, nobodyHears, (frames) => new SessionCore(frames, terms, host)))

/** Over the simulated network: each node has a link to its next neighbours in a ring, and one session on each. */
export const simulatedFlood = ({ burst, nodes, sessions }: FloodSize): Flood => {
  const { run, simulation, until } = makeWorld()
  let received = 0
  // As sessions are written: a generator function of its own for each would weigh more than all else of a session.
  const session = Effect.fnUntraced(function*({ receive, send }: P2pConnection) {
    for (;;) {
      for (let i = 0; i < burst; i++) yield* send(message)
      for (let i = 0; i < burst; i++) {
        yield* receive
        received++
      }
    }
  })
  const connections: Array<P2pConnection> = []
  const keep = (stream: RawStream) => void connections.push(overStream(stream))
  run(
    Effect.gen(function*() {
      const network = yield* makeNetwork({ seed: 1, latency: latencyMicros / 1000, jitter: jitterMicros / 1000 })
      const hosts = yield* Effect.forEach(Array.from({ length: nodes }), () => network.host())
      for (const { services } of hosts) {
        yield* Effect.flatMap(Transport, ({ listen }) => listen((link) => link.accept(keep))).pipe(
          Effect.provideContext(services)
        )
      }
      const connect = Effect.fnUntraced(function*(from: number, to: number) {
        const [near, far] = [hosts[from], hosts[to % nodes]]
        if (near === undefined || far === undefined) return
        const { dial } = yield* Effect.provideContext(Transport, near.services)
        const link = yield* dial(far.peer, far.address)
        keep(yield* link.open("/chain-p2p/1"))
      })
      yield* Effect.forEach(
        Array.from({ length: nodes }, (_, from) => from),
        (from) =>
          Effect.forEach(Array.from({ length: sessions / 2 }, (_, n) => from + n + 1), (to) => connect(from, to)),
        { concurrency: 100, discard: true }
      )
      // The scopes of the listeners and of the network last as long as the simulation.
    }).pipe(Effect.scoped, Effect.orDie)
  )
  until(() => connections.length === nodes * sessions)
  for (const connection of connections) Effect.runForkWith(simulation.context)(session(connection))
  return {
    move: (messages) => {
      const before = received
      until(() => received - before >= messages)
      return received - before
    }
  }
}
