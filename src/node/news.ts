import { Effect, PubSub, type Scope, Stream } from "effect"
import type { NodeEvent } from "../../signatures/index.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const buffered = 1_024

/** Tells events to whoever listens. */
export interface News {
  readonly tell: (event: NodeEvent) => void
  /** Hot. Ends with the scope. */
  readonly stream: Stream.Stream<NodeEvent>
}

/** Costs nothing before somebody listens: a buffer weighs more than all else that an idle node holds. */
export const makeNews: Effect.Effect<News, never, Scope.Scope> = Effect.gen(function*() {
  let hub: PubSub.PubSub<NodeEvent> | undefined
  let isOver = false
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isOver = true
      return hub === undefined ? Effect.void : PubSub.shutdown(hub)
    })
  )
  return {
    tell: (event) => {
      if (hub !== undefined) PubSub.publishUnsafe(hub, event)
    },
    stream: Stream.unwrap(Effect.suspend(() =>
      isOver
        ? Effect.succeed(Stream.empty)
        : Effect.map(PubSub.sliding<NodeEvent>(buffered), (made) => Stream.fromPubSub(hub ??= made))
    ))
  }
})
