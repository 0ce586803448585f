/** What the laws of a node need on every backend: whole processes, and sessions that do as the test says. */
import { Context, Deferred, Effect, Exit, Latch, Layer, Queue, Scope, Stream } from "effect"
import {
  type Chain,
  ConnectionPool,
  type Connections,
  type Control,
  type Identity,
  type NodeEvent,
  type P2pConnection,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook,
  withPeer
} from "../../signatures/index.ts"
import { makeP2pNode } from "../../src/node/index.ts"
import { layerPeerBook, layerPeerUpdates } from "../../src/peers/index.ts"
import { type ConnectionPoolOptions, layerConnectionPool } from "../../src/pool/index.ts"
import { layerConnections } from "../../src/wire/index.ts"
import type { Host } from "../support/Backend.ts"

export const alpha: Chain = { network: "laws", name: "alpha", genesis: "0a" }
export const beta: Chain = { network: "laws", name: "beta", genesis: "0b" }

type Services = Connections | ConnectionPool | PeerBook | Identity | Control

export interface Process {
  readonly host: Host
  readonly services: Context.Context<Services>
  readonly node: <E>(config: P2pNodeConfig, session: P2pSession<E>) => Effect.Effect<P2pNode, never, Scope.Scope>
  readonly links: () => ReturnType<ConnectionPool["Service"]["links"]>
  readonly book: PeerBook["Service"]
}

/** A whole process on a host, that knows some others from the beginning. Ends with the scope. */
export const process = Effect.fnUntraced(
  function*(host: Host, knows: ReadonlyArray<Host> = [], pool: ConnectionPoolOptions = {}) {
    const bootstrap = knows.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
    const layer = Layer.fresh(layerPeerUpdates).pipe(
      Layer.provideMerge(layerConnections()),
      Layer.provideMerge(layerConnectionPool(pool)),
      Layer.provideMerge(layerPeerBook({ bootstrap, allowLoopback: true })),
      Layer.provideMerge(Layer.succeedContext(host.services))
    )
    const services = yield* Layer.build(layer).pipe(Effect.orDie)
    return {
      host,
      services,
      node: (config, session) => makeP2pNode(config, session).pipe(Effect.provideContext(services)),
      links: () => Context.get(services, ConnectionPool).links(),
      book: Context.get(services, PeerBook)
    } satisfies Process as Process
  }
)

/** A session under way, that waits for the test to say what it does. */
export interface Guest {
  readonly connection: P2pConnection
  readonly play: (part: Effect.Effect<void, unknown, Scope.Scope>) => Effect.Effect<void>
}

export interface Stage {
  readonly session: P2pSession<unknown>
  /** The next session that begins. */
  readonly next: Effect.Effect<Guest>
  /** How many have begun. */
  readonly count: () => number
}

export const stage: Effect.Effect<Stage> = Effect.map(Queue.unbounded<Guest>(), (guests) => {
  let begun = 0
  return {
    session: (connection) =>
      Effect.suspend(() => {
        begun++
        const part = Deferred.makeUnsafe<Effect.Effect<void, unknown, Scope.Scope>>()
        Queue.offerUnsafe(guests, { connection, play: (effect) => Effect.asVoid(Deferred.succeed(part, effect)) })
        return Effect.scoped(Effect.flatten(Deferred.await(part)))
      }),
    next: Queue.take(guests),
    count: () => begun
  }
})

/** Waits until something holds of a node: looks now, and again after each of its events. */
export const until = <A>(node: P2pNode, look: Effect.Effect<A | undefined>): Effect.Effect<A> =>
  Effect.scoped(Effect.gen(function*() {
    const news = Latch.makeUnsafe()
    yield* Stream.runForEach(node.events, () => Effect.sync(() => news.openUnsafe())).pipe(
      Effect.forkScoped({ startImmediately: true })
    )
    while (true) {
      news.closeUnsafe()
      const found = yield* look
      if (found !== undefined) return found
      yield* news.await
    }
  }))

/** Waits for the first event of a kind from now on. */
export const nextEvent = <Tag extends NodeEvent["_tag"]>(node: P2pNode, tag: Tag) =>
  Effect.map(
    Stream.runHead(Stream.filter(node.events, (event) => event._tag === tag)),
    (event) => event._tag === "Some" ? event.value as Extract<NodeEvent, { readonly _tag: Tag }> : undefined
  )

/** A scope that the test may close before its own ends. */
export const room: Effect.Effect<Scope.Closeable, never, Scope.Scope> = Effect.acquireRelease(
  Scope.make(),
  (scope) => Scope.close(scope, Exit.void)
)
