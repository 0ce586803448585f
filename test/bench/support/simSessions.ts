/**
 * Six hosts with sessions among them, over links, streams and the wire's core, with whatever befalls them in twenty virtual
 * seconds: what a protocol costs that is tried for itself, without nodes. Who has lost a session gets another one.
 */
import { Effect, Exit, FiberSet } from "effect"
import { type ProgramHost, type Scenario, simulate } from "../../../inprocess/index.ts"
import { type Link, type P2pConnection, type RawStream, Transport } from "../../../signatures/index.ts"
import { connectionOf } from "../../../src/wire/connection.ts"
import { readFrames } from "../../../src/wire/FrameStream.ts"
import { SessionCore, type SessionHost } from "../../../src/wire/SessionCore.ts"
import { limits } from "./ours.ts"
import { type Hardship, hardships, hosts, seconds } from "./simHardships.ts"

/** Sessions that each opens: with its next neighbours. */
const opens = 2
const message = new Uint8Array(64).fill(7)
const host: SessionHost = { concluded: () => {}, closing: () => {}, violated: () => {}, gone: () => {} }
const terms = { maxMessageBytes: limits.maxMessageBytes, window: limits.window, peerWindow: limits.window }

const overStream = (stream: RawStream): P2pConnection =>
  connectionOf(readFrames(stream, () => {}, (frames) => new SessionCore(frames, terms, host)))

/** What became of all of its sessions. */
export interface Sessions {
  begun: number
  broken: number
  /** Begun in the place of one that broke. */
  again: number
  received: number
}

/** Answers whatever it is told. */
const answer = Effect.fnUntraced(function*({ receive, send }: P2pConnection, sessions: Sessions) {
  for (;;) {
    yield* send(yield* receive)
    sessions.received++
  }
})

/** Says something every second, and hears the answer. */
const ask = Effect.fnUntraced(function*({ receive, send }: P2pConnection, sessions: Sessions) {
  for (;;) {
    yield* send(message)
    yield* receive
    sessions.received++
    yield* Effect.sleep(1000)
  }
})

const program = Effect.fnUntraced(function*(self: ProgramHost, sessions: Sessions) {
  const { dial, listen } = yield* Transport
  const run = yield* FiberSet.makeRuntime<never>()
  yield* listen((link) => link.accept((stream) => void run(Effect.ignore(answer(overStream(stream), sessions)))))

  const talk = Effect.fnUntraced(function*(other: ProgramHost["hosts"][number]) {
    let link: Link | undefined
    let isFirst = true
    const session = Effect.gen(function*() {
      const [address] = other.addresses
      if (address === undefined) return yield* Effect.never
      link ??= yield* Effect.timeout(dial(other.peer, address), "5 seconds")
      const connection = overStream(yield* link.open("/chain-p2p/1"))
      sessions.begun++
      if (!isFirst) sessions.again++
      isFirst = false
      return yield* Effect.onError(ask(connection, sessions), () => Effect.sync(() => sessions.broken++))
    })
    for (;;) {
      const failure = yield* Effect.flip(session)
      if (failure._tag !== "ConnectionFailed" || failure.reason === "link-lost") link = undefined
      yield* Effect.sleep("500 millis")
    }
  })
  const others = Array.from({ length: opens }, (_, n) => self.hosts[(self.index + 1 + n) % hosts])
  yield* Effect.forEach(others, (other) => other === undefined ? Effect.void : talk(other), {
    concurrency: "unbounded",
    discard: true
  })
})

const scenario = (world: Sessions): Scenario<Sessions> => ({
  hosts,
  services: "links",
  world: () => world,
  program: (self, sessions) => Effect.orDie(program(self, sessions)),
  duration: `${seconds} seconds`
})

/** One run. Says what became of the sessions. */
export const runSessions = (seed: number, hardship: Hardship): Sessions => {
  const world: Sessions = { begun: 0, broken: 0, again: 0, received: 0 }
  const result = simulate({ ...scenario(world), seed, ...hardships(seed, hardship) })
  if (Exit.isFailure(result.exit)) throw new Error(`run ${seed} failed: ${String(result.exit.cause)}`)
  return world
}
