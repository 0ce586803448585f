import { Context, Effect, Scope, type Stream } from "effect"
import {
  chainId,
  type NodeEvent,
  type P2pNode,
  type P2pNodeConfig,
  type P2pNodeMake,
  type P2pNodeRun,
  type P2pSession,
  PeerBook
} from "../../signatures/index.ts"
import { Runtime, type Services } from "./runtime.ts"
import { resolveSettings, type Settings } from "./settings.ts"
import { sessionsOf, statsOf } from "./state.ts"

/** Makes the peers known that the user gave, for as long as the node runs. */
const keepKnown = ({ chain, known }: Settings, book: PeerBook["Service"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      for (const [peer, addresses] of known) {
        book.learn({ peer, sequence: 0n, addresses: [...addresses] }, "config")
        book.stick(peer, chainId(chain))
      }
    }),
    () => Effect.sync(() => known.forEach((_, peer) => book.unstick(peer, chainId(chain))))
  )

const setUp = <E, R>(
  config: P2pNodeConfig,
  session: P2pSession<E, R>,
  services: Services<R>,
  scope: Scope.Scope
): Effect.Effect<Runtime<E, R>> =>
  Effect.uninterruptible(Effect.suspend(() => {
    const settings = resolveSettings(config)
    const runtime = new Runtime(settings, session, services)
    // What is acquired last is released first: sessions end before anything that they need goes.
    return (settings.known.size > 0 ? keepKnown(settings, Context.get(services, PeerBook)) : Effect.void).pipe(
      Effect.andThen(runtime.start()),
      Effect.andThen(Scope.addFinalizerExit(scope, () => runtime.shutDown())),
      Effect.as(runtime),
      Scope.provide(scope)
    )
  }))

/** What a program has of a node. */
class Handle<E, R> implements P2pNode {
  readonly #runtime: Runtime<E, R>

  constructor(runtime: Runtime<E, R>) {
    this.#runtime = runtime
  }

  get stats(): P2pNode["stats"] {
    return Effect.sync(() => statsOf(this.#runtime.state))
  }

  get sessions(): P2pNode["sessions"] {
    return Effect.sync(() => sessionsOf(this.#runtime.state))
  }

  get events(): Stream.Stream<NodeEvent> {
    return this.#runtime.news.stream
  }

  get drain(): Effect.Effect<void> {
    return this.#runtime.stop("draining")
  }
}

/** A running node, until the scope closes: then its sessions end with `shutdown`, and all that it holds is given back. */
export const makeP2pNode: P2pNodeMake = <E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) =>
  Effect.contextWith((services: Services<R>) =>
    Effect.flatMap(
      Effect.scope,
      (scope) => Effect.map(setUp(config, session, services, scope), (runtime) => new Handle(runtime))
    )
  )

/** Runs a node for ever: one session of `session` on each connection that it opens or accepts. */
export const p2pNode: P2pNodeRun = <E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) =>
  Effect.contextWith((services: Services<R>) =>
    Effect.scopedWith((scope) => Effect.flatMap(setUp(config, session, services, scope), ({ broken }) => broken))
  )
