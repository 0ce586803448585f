/** What the laws of a connection need on every backend: two processes, and both ends of connections between them. */
import { it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, type Fiber, Layer, Queue, Result, type Scope } from "effect"
import {
  type Chain,
  type CloseCode,
  type ConnectionFailed,
  type ConnectionLimits,
  type ConnectionPool,
  Connections,
  type Control,
  type Identity,
  type OpenedConnection,
  type P2pConnection,
  type P2pMessage,
  withPeer
} from "../../signatures/index.ts"
import { layerPeerBook } from "../../src/peers/index.ts"
import { layerConnectionPool } from "../../src/pool/index.ts"
import { layerConnections } from "../../src/wire/index.ts"
import type { Backend, Host, World } from "../support/Backend.ts"

export const limits: ConnectionLimits = {
  maxMessageBytes: 200_000,
  minMessageBytes: 1,
  window: 100_000,
  closeTimeout: Duration.seconds(10),
  private: false
}

export const chainOf = (name: string): Chain => ({ network: "laws", name, genesis: "0c" })

/** A host with all that is below a node. */
const process = Effect.fnUntraced(function*(host: Host, knows: ReadonlyArray<Host>) {
  const bootstrap = knows.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
  const layer: Layer.Layer<Connections | Control | ConnectionPool | Identity> = layerConnections().pipe(
    Layer.provideMerge(Layer.orDie(layerConnectionPool())),
    Layer.provide(layerPeerBook({ bootstrap, allowLoopback: true })),
    Layer.provideMerge(Layer.succeedContext(host.services))
  )
  return yield* Layer.build(Layer.fresh(layer))
})

export interface Pair {
  readonly near: OpenedConnection
  readonly far: OpenedConnection
}

export interface Duo {
  readonly world: World
  readonly a: Host
  readonly b: Host
  /** Opens a connection from a to b on a chain of its own, b's limits being `over`. */
  readonly meet: (name: string, over?: Partial<ConnectionLimits>) => Effect.Effect<Pair, never, Scope.Scope>
  /** Completes once every message of an earlier turn has arrived, over a connection of its own. */
  readonly roundTrips: (n: number) => Effect.Effect<void>
  readonly cut: Effect.Effect<void>
}

/** Two processes; the first knows the second. */
export const duo = Effect.fnUntraced(function*(backend: Backend) {
  const world = yield* backend.world(2)
  const [a, b] = world.hosts
  if (a === undefined || b === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
  const far = Context.get(yield* process(b, []), Connections)
  const near = Context.get(yield* process(a, [b]), Connections)
  const attempt = Effect.fnUntraced(function*(chain: Chain, over: Partial<ConnectionLimits>) {
    const accepted = yield* Deferred.make<OpenedConnection>()
    far.serve(chain, { ...limits, ...over }, () => ({
      accept: (opened) => void Deferred.doneUnsafe(accepted, Effect.succeed(opened))
    }))
    const opened = yield* near.open(b.peer, chain, limits)
    return { near: opened, far: yield* Deferred.await(accepted) }
  })
  const meet: Duo["meet"] = Effect.fnUntraced(function*(name, over = {}) {
    for (let tries = 1;; tries++) {
      // On a chain of its own, so that what is left of an earlier one is not taken for it.
      const met = yield* Effect.result(attempt(chainOf(tries === 1 ? name : `${name}, try ${tries}`), over))
      if (Result.isSuccess(met)) return met.success
      const mayTimeOut = backend.isSlow === true && tries < 3
      const timedOut = met.failure._tag === "OpenFailed" && met.failure.reason === "timeout"
      if (!mayTimeOut || !timedOut) return yield* Effect.die(met.failure)
    }
  })
  const echo = yield* meet("echo")
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(echo.far.connection.receive, echo.far.connection.send)))
  return {
    world,
    a,
    b,
    meet,
    roundTrips: (n) =>
      Effect.orDie(Effect.andThen(echo.near.connection.send(numbered(0)), echo.near.connection.receive)).pipe(
        Effect.repeat({ times: n - 1 }),
        Effect.asVoid
      ),
    cut: world.cut(a, b)
  } satisfies Duo as Duo
})

/** A law is a test of its own, and takes its two processes from `test`. */
export const connectionCourt = (backend: Backend) => ({
  test: duo(backend),
  // oxlint-disable-next-line vitest/valid-title -- every law has its own
  law: <A, E>(name: string, effect: Effect.Effect<A, E, Scope.Scope>) => it(name, () => backend.run(effect))
})

/** A peer that speaks no protocol of ours: only its identity and the address of who it attacks are given. */
export const target = Effect.fnUntraced(function*(backend: Backend) {
  const world = yield* backend.world(2)
  const [a, b] = world.hosts
  if (a === undefined || b === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
  const connections = Context.get(yield* process(b, []), Connections)
  const accepted = yield* Queue.unbounded<OpenedConnection>()
  connections.serve(chainOf("target"), limits, () => ({
    accept: (opened) => void Queue.offerUnsafe(accepted, opened)
  }))
  return { attacker: a, victim: b, accepted: Queue.take(accepted) }
})

/** A message that says its number, and can be told from every other at every byte. */
export const numbered = (n: number, size = 8): P2pMessage => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? n >>> (8 * i) : n * 31 + i
  return bytes
}

export const numberOf = (message: P2pMessage): number =>
  ((message[0] ?? 0) | ((message[1] ?? 0) << 8) | ((message[2] ?? 0) << 16) | ((message[3] ?? 0) << 24)) >>> 0

export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

export const closedBy = (by: "local" | "remote", code: CloseCode = "closed") =>
  ({ _tag: "ConnectionClosed", by, code }) as const
export const failedAs = (reason: ConnectionFailed["reason"]) => ({ _tag: "ConnectionFailed", reason }) as const

/** What `receive`, `tryReceive` and `send` fail with. */
export const failures = (connection: P2pConnection) =>
  Effect.all([
    Effect.flip(connection.receive),
    Effect.flip(connection.tryReceive),
    Effect.flip(connection.send(numbered(0)))
  ])

/** Sends until it fails, counting what was accepted. */
export const flood = (connection: P2pConnection, message: (n: number) => P2pMessage) => {
  const sent = { count: 0, bytes: 0 }
  const next = Effect.suspend(() => {
    const body = message(sent.count)
    return Effect.tap(connection.send(body), () =>
      Effect.sync(() => {
        sent.count++
        sent.bytes += body.length
      }))
  })
  return { sent, run: Effect.flip(Effect.forever(next)) }
}

/** All that can still be received, and how it ended. */
export const receiveAll = (connection: P2pConnection) =>
  Effect.gen(function*() {
    const messages: Array<P2pMessage> = []
    const ended = yield* Effect.flip(Effect.forever(
      Effect.tap(connection.receive, (message) => Effect.sync(() => messages.push(message)))
    ))
    return { messages, ended }
  })

/** Forked, and waiting already. */
export const waiting = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>, never, Scope.Scope> =>
  Effect.forkScoped(effect, { startImmediately: true })
