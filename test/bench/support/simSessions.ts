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
/** How long a dial may take, and until the next try when a session is lost or none was had. */
const dialTimeout = "5 seconds"
const pauseMillis = 1000

type Other = ProgramHost["hosts"][number]
const host: SessionHost = { concluded: () => {}, closing: () => {}, violated: () => {}, gone: () => {} }
const terms = { maxMessageBytes: limits.maxMessageBytes, window: limits.window, peerWindow: limits.window }

const nobodyHears = () => {}
const overStream = (stream: RawStream): P2pConnection =>
  connectionOf(readFrames(stream, nobodyHears, (frames) => new SessionCore(frames, terms, host)))

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

/** Says something every two seconds, and hears the answer. */
const ask = Effect.fnUntraced(function*({ receive, send }: P2pConnection, sessions: Sessions) {
  for (;;) {
    yield* send(message)
    yield* receive
    sessions.received++
    yield* Effect.sleep(2000)
  }
})

/** Of one host's talk with another: its link, for as long as it lasts, and whether they have talked before. */
interface Talk {
  link: Link | undefined
  isFirst: boolean
}

const session = Effect.fnUntraced(function*(other: Other, sessions: Sessions, talk: Talk) {
  const [address] = other.addresses
  if (address === undefined) return yield* Effect.never
  const { dial } = yield* Transport
  talk.link ??= yield* Effect.timeout(dial(other.peer, address), dialTimeout)
  const connection = overStream(yield* talk.link.open("/chain-p2p/1"))
  sessions.begun++
  if (!talk.isFirst) sessions.again++
  talk.isFirst = false
  return yield* Effect.onError(ask(connection, sessions), () => Effect.sync(() => sessions.broken++))
})

/** One session after the other, for as long as it is let. */
const keepTalking = Effect.fnUntraced(function*(other: Other, sessions: Sessions) {
  const talk: Talk = { link: undefined, isFirst: true }
  for (;;) {
    const failure = yield* Effect.flip(session(other, sessions, talk))
    if (failure._tag !== "ConnectionFailed" || failure.reason === "link-lost") talk.link = undefined
    yield* Effect.sleep(pauseMillis)
  }
})

const program = Effect.fnUntraced(function*(self: ProgramHost, sessions: Sessions) {
  const { listen } = yield* Transport
  const run = yield* FiberSet.makeRuntime<never>()
  yield* listen((link) => link.accept((stream) => void run(Effect.ignore(answer(overStream(stream), sessions)))))
  for (let n = 1; n <= opens; n++) {
    const other = self.hosts[(self.index + n) % hosts]
    if (other !== undefined) yield* Effect.forkChild(keepTalking(other, sessions))
  }
  return yield* Effect.never
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
