/** Nodes of one chain on a fake net, for tests that watch what nodes do. Virtual time, seeded. */
import { Context, Deferred, Effect, Exit, Fiber, Layer, Random, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  type ConnectionClosed,
  type ConnectionFailed,
  type NodeEvent,
  type NodeServices,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook
} from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { FakeNet, introduce } from "./FakeNet.ts"
import { testChain } from "./world.ts"

/** Receives for ever, and takes whatever ends it as its own end. */
export const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

export interface Member<R> {
  readonly config?: Partial<P2pNodeConfig>
  readonly session?: P2pSession<unknown, R>
  readonly knows?: ReadonlyArray<number>
}

export interface Citizen {
  readonly node: P2pNode
  readonly services: Context.Context<NodeServices>
  /** All that the node has said so far. */
  readonly events: Array<NodeEvent>
  /** Shuts the node down. Takes virtual time. */
  readonly leave: Effect.Effect<void>
}

const later = (scope: Scope.Closeable) =>
  Effect.gen(function*() {
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(closing)
  })

export const town = Effect.fnUntraced(function*<R = never>(members: ReadonlyArray<Member<R>>) {
  const net = new FakeNet(yield* Effect.context<never>())
  const citizens: Array<Citizen> = []
  for (const [i, { config, knows = [], session = idle }] of members.entries()) {
    const scope = yield* Effect.acquireRelease(Scope.make(), later)
    const services = yield* Layer.build(net.services(i)).pipe(Scope.provide(scope))
    introduce(Context.get(services, PeerBook), knows)
    const node = yield* makeP2pNode({ chain: testChain, ...config }, session).pipe(
      Effect.provideContext(services),
      Scope.provide(scope)
    )
    const events: Array<NodeEvent> = []
    yield* Stream.runForEach(node.events, (event) => Effect.sync(() => events.push(event))).pipe(
      Effect.forkScoped({ startImmediately: true })
    )
    citizens.push({ node, services, events, leave: Scope.close(scope, Exit.void) })
  }
  return { net, citizens }
}, Random.withSeed("town"))

export const nth = (citizens: ReadonlyArray<Citizen>, i: number): Citizen => {
  const citizen = citizens[i]
  if (citizen === undefined) throw new Error(`there is no citizen ${i}`)
  return citizen
}
export const outcomes = ({ events }: Citizen) =>
  events.flatMap((event) => event._tag === "SessionEnded" ? [event.outcome] : [])

/** A session that waits for its end, and tells how it came. */
export const witness = (seen: Deferred.Deferred<ConnectionClosed | ConnectionFailed>): P2pSession => ({ receive }) =>
  Effect.forever(receive).pipe(Effect.catch((end) => Deferred.succeed(seen, end)), Effect.asVoid)
