import { Effect, PubSub, type Scope, Stream } from "effect"
import type { NodeEvent } from "../../signatures/index.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const buffered = 1_024

/** Tells events to whoever listens. */
export interface News {
  /** Soon, and not from inside: who hears of it may do anything at once, and the node isn't done yet with what it tells of. */
  readonly tell: (event: NodeEvent) => void
  /** Now. */
  readonly tellAll: Effect.Effect<void>
  /** Hot. Ends with the scope. */
  readonly stream: Stream.Stream<NodeEvent>
}

/** Costs nothing before somebody listens: a buffer weighs more than all else that an idle node holds. */
export const makeNews = (soon: (job: Effect.Effect<void>) => void): Effect.Effect<News, never, Scope.Scope> =>
  Effect.gen(function*() {
    let hub: PubSub.PubSub<NodeEvent> | undefined
    let isOver = false
    let untold: Array<NodeEvent> = []
    const tellAll = Effect.suspend(() => {
      const events = untold
      untold = []
      return hub === undefined || events.length === 0 ? Effect.void : PubSub.publishAll(hub, events)
    })
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isOver = true
        return hub === undefined ? Effect.void : Effect.andThen(tellAll, PubSub.shutdown(hub))
      })
    )
    return {
      tell: (event) => {
        if (hub === undefined) return
        if (untold.push(event) === 1) soon(tellAll)
      },
      tellAll,
      stream: Stream.unwrap(Effect.suspend(() =>
        isOver
          ? Effect.succeed(Stream.empty)
          : Effect.map(PubSub.sliding<NodeEvent>(buffered), (made) => Stream.fromPubSub(hub ??= made))
      ))
    }
  })
