/** Sessions that count what they say and hear, and end in any way in which sessions do. */
import { Effect, Exit, Fiber, Option, Random } from "effect"
import {
  ConnectionClosed,
  ConnectionFailed,
  type P2pConnection,
  type P2pSession,
  ProtocolViolated
} from "../../../signatures/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { type SessionRun } from "./World.ts"

const headerBytes = 32
const largest = 3_000

type End = ConnectionClosed | ConnectionFailed

const isEnd = (error: unknown): error is End => error instanceof ConnectionClosed || error instanceof ConnectionFailed

const encode = (run: SessionRun, lane: number, sequence: number, at: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(Math.max(headerBytes, size))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, run.id)
  view.setUint32(4, lane)
  view.setUint32(8, sequence)
  view.setFloat64(12, at)
  view.setUint32(20, bytes.length)
  return bytes
}

const begin = (watch: ChainWatch, connection: P2pConnection): SessionRun => {
  const { world } = watch.home
  const held = world.connections.get(connection)
  const run: SessionRun = {
    id: world.nextRun(),
    home: watch.home,
    chain: watch.chain,
    held,
    accepted: 0,
    uncertain: new Set(),
    from: undefined,
    to: undefined,
    received: new Set(),
    lastReceivedAt: undefined,
    fallsSilent: false,
    closedWith: undefined
  }
  world.runs.set(run.id, run)
  if (held !== undefined) held.run = run
  return run
}

/** A run has fewer. */
const mostLanes = 16

/** Of a message, within its run. */
const idOf = (lane: number, sequence: number): number => sequence * mostLanes + lane

const name = (id: number): string => `${id % mostLanes}.${Math.floor(id / mostLanes)}`

/** What has arrived: of this chain and peer, of one run of its session, each message once, those of each fiber in order. */
class Inbox {
  readonly #watch: ChainWatch
  readonly #run: SessionRun
  readonly #inOrder: boolean
  readonly #next = new Map<number, number>()
  #latest = Number.NEGATIVE_INFINITY

  constructor(watch: ChainWatch, run: SessionRun, inOrder: boolean) {
    this.#watch = watch
    this.#run = run
    this.#inOrder = inOrder
  }

  take(message: Uint8Array): void {
    const view = new DataView(message.buffer, message.byteOffset, message.length)
    const watch = this.#watch
    const run = this.#run
    const world = watch.home.world
    const sender = world.runs.get(view.getUint32(0))
    const [lane, sequence, at] = [view.getUint32(4), view.getUint32(8), view.getFloat64(12)]
    if (sender === undefined || view.getUint32(20) !== message.length) return watch.accuse("a message that nobody sent")
    if (sender.chain !== watch.chain) watch.accuse(`a message of ${sender.chain.name}`)
    if (run.held === undefined || sender.held === undefined) return
    if (sender.home.peer !== run.held.peer || sender.held.peer !== watch.home.peer) {
      watch.accuse(`a message of host ${sender.home.index}, for another`)
    }
    run.from ??= sender
    sender.to ??= run
    if (run.from !== sender || sender.to !== run) watch.accuse("messages of two sessions on one connection")
    const id = idOf(lane, sequence)
    if (run.received.has(id)) watch.accuse(`message ${name(id)} arrived twice`)
    run.received.add(id)
    run.lastReceivedAt = watch.home.now()
    if (!this.#inOrder) return
    let next = this.#next.get(lane) ?? 0
    while (next < sequence && sender.uncertain.has(idOf(lane, next))) next++
    if (next !== sequence) watch.accuse(`message ${name(idOf(lane, next))} is missing before ${name(id)}`)
    this.#next.set(lane, sequence + 1)
    // Who began to wait at an earlier time is served before.
    if (at < this.#latest) {
      watch.accuse(`message ${name(id)} was sent at ${at}, and overtaken by one of ${this.#latest}`)
    }
    this.#latest = Math.max(this.#latest, at)
  }
}

/** All that was sent before an end is there before it, and it is the end that it was. */
const checkEnd = (watch: ChainWatch, run: SessionRun, end: End): void => {
  if (end._tag !== "ConnectionClosed" || end.by !== "remote" || run.from === undefined) return
  const sender = run.from
  if (sender.closedWith !== undefined && sender.closedWith !== end.code) {
    watch.accuse(`the peer ended with ${sender.closedWith}, and here it is ${end.code}`)
  }
  let certain = 0
  for (const id of run.received) if (!sender.uncertain.has(id)) certain++
  if (certain < sender.accepted) {
    watch.accuse(`of ${sender.accepted} messages that were sent before an end only ${certain} have arrived`)
  }
}

const between = (from: number, to: number) => Random.nextIntBetween(from, to, { halfOpen: true })

const oneOf = <A>(all: readonly [A, ...ReadonlyArray<A>]) => Effect.map(between(0, all.length), (i) => all[i] ?? all[0])

/** Sends now and then, and gives up waiting if `patience` says so. */
const lane = Effect.fnUntraced(function*(
  watch: ChainWatch,
  run: SessionRun,
  { send }: P2pConnection,
  number: number,
  pause: number,
  patience: number | undefined
) {
  for (let sequence = 0;; sequence++) {
    // A flood comes to its end, or a run would hold nothing else.
    if (pause < 10 && sequence > 60) return yield* Effect.never
    const id = idOf(number, sequence)
    const size = yield* between(headerBytes, sequence % 4 === 3 ? largest : 100)
    const sent = Effect.map(
      Effect.suspend(() => send(encode(run, number, sequence, watch.home.now(), size))),
      () => {
        run.accepted++
        run.uncertain.delete(id)
      }
    )
    // Given up while it waits, it was sent whole or not at all: nobody knows which.
    run.uncertain.add(id)
    yield* patience === undefined ? sent : Effect.timeoutOption(sent, patience)
    yield* Effect.sleep(yield* between(0, pause))
  }
})

/** Begun, and given up after so many turns, in the same instant. */
const givenUp = Effect.fnUntraced(function*<E>(effect: Effect.Effect<void, E>, turns: number) {
  const fiber = yield* Effect.forkChild(effect)
  for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
  yield* Fiber.interrupt(fiber)
  const exit = yield* Fiber.await(fiber)
  if (Exit.isFailure(exit) && !Exit.hasInterrupts(exit)) yield* exit
})

/** Receives in order. `patience`: gives up waiting and comes back; `pause`: is slow about it. */
const listen = Effect.fnUntraced(function*(
  inbox: Inbox,
  { receive, tryReceive }: P2pConnection,
  pause: number,
  patience: number | undefined
) {
  // `map` runs in the step in which the message arrives: an interruption finds it either here or not yet received.
  const one = Effect.map(receive, (message) => inbox.take(message))
  while (true) {
    if (patience === undefined) yield* one
    else {
      yield* patience > 0 ? Effect.timeoutOption(one, patience) : givenUp(one, yield* between(0, 4))
      yield* Effect.map(tryReceive, (message) => Option.isSome(message) ? inbox.take(message.value) : undefined)
    }
    // Who gives up at once must not go round in one instant.
    if (patience === 0) yield* Effect.sleep(1)
    if (pause > 0) yield* Effect.sleep(yield* between(0, pause))
  }
})

const kinds = [
  "talks",
  "talks",
  "talks",
  "floods",
  "brief",
  "closes",
  "fails",
  "dies",
  "lazy",
  "impatient"
] as const

/** The session of a host and chain: each run draws what it is like. */
export const talk = (watch: ChainWatch): P2pSession<unknown> => (connection) =>
  Effect.gen(function*() {
    const run = begin(watch, connection)
    if (watch.home.world.shape.talks === "silently") return yield* Effect.forever(connection.receive)
    const { talks } = watch.home.world.shape
    const kind = talks === "steadily" || talks === "seldom"
      ? "talks"
      : talks === "impatiently"
      ? "impatient"
      : yield* oneOf(kinds)
    run.fallsSilent = kind === "floods"
    const receivers = talks === "impatiently" ? 1 : yield* oneOf([1, 1, 3])
    const lanes = yield* oneOf([1, 2, 3])
    const inbox = new Inbox(watch, run, receivers === 1)
    const pause = kind === "floods" ? 3 : talks === "impatiently" ? 25 : talks === "seldom" ? 15_000 : 1_500
    const patience = kind === "impatient"
      ? yield* talks === "impatiently" ? oneOf([0, 0, 1, 3]) : between(1, 40)
      : undefined
    const { home } = watch
    const talking = Effect.all([
      ...Array.from({ length: lanes }, (_, i) => lane(watch, run, connection, i, pause, patience)),
      ...Array.from({ length: receivers }, () => listen(inbox, connection, kind === "lazy" ? 200 : 0, patience))
    ], { concurrency: "unbounded", discard: true })
    const accusation = Effect.suspend(() => {
      if (run.held !== undefined) home.world.accused.add(run.held.peer)
      return Effect.fail(new ProtocolViolated({ what: "it was said to" }))
    })
    if (home.index === home.world.shape.accuser && (yield* between(0, 8)) === 0) return yield* accusation

    /** What was sent before it must arrive, or the connection fail. */
    const lastWord = Effect.ignore(Effect.map(
      Effect.suspend(() => connection.send(encode(run, lanes, 0, home.now(), headerBytes))),
      () => void run.accepted++
    ))
    const forSomeTime = Effect.timeoutOption(talking, yield* between(0, 4_000))
    const session: Effect.Effect<unknown, unknown> = kind === "brief"
      ? forSomeTime
      : kind === "closes"
      ? Effect.andThen(forSomeTime, Effect.andThen(connection.close, connection.close))
      : kind === "fails"
      ? Effect.andThen(forSomeTime, Effect.fail("it was drawn so"))
      : kind === "dies"
      ? Effect.andThen(forSomeTime, Effect.die("it was drawn so"))
      : talking
    // Those who talk side by side end by interrupting each other, and what is left is received before the end is judged.
    const rest = Effect.forever(Effect.map(connection.receive, (message) => inbox.take(message))).pipe(
      Effect.catch((end) => Effect.sync(() => checkEnd(watch, run, end)))
    )
    const judged = session.pipe(
      Effect.catch((error) => Effect.andThen(isEnd(error) ? rest : Effect.void, Effect.fail(error)))
    )
    yield* Effect.onExit(judged, (exit) => Exit.hasInterrupts(exit) ? lastWord : Effect.void)
  }).pipe(Effect.asVoid)
