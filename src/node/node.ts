import { Effect, type Stream } from "effect"
import {
  type NodeEvent,
  type P2pNode,
  type P2pNodeConfig,
  type P2pNodeMake,
  type P2pNodeRun,
  type P2pSession
} from "../../signatures/index.ts"
import { Runtime } from "./runtime.ts"
import type { Services } from "./services.ts"
import { resolveSettings } from "./settings.ts"
import { sessionsOf, statsOf } from "./stats.ts"

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
    Effect.acquireRelease(
      Effect.suspend(() => {
        const runtime = new Runtime(resolveSettings(config), session, services)
        return Effect.as(runtime.start(), runtime)
      }),
      (runtime) => runtime.shutDown()
    )
  ).pipe(Effect.map((runtime) => new Handle(runtime)))

/** Runs a node for ever: one session of `session` on each connection that it opens or accepts. */
export const p2pNode: P2pNodeRun = <E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) =>
  Effect.contextWith((services: Services<R>) => {
    const runtime = new Runtime(resolveSettings(config), session, services)
    return Effect.uninterruptible(Effect.andThen(runtime.start(), Effect.withFiber((fiber) => runtime.run(fiber))))
  })
