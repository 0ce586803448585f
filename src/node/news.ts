import { Effect, PubSub, Stream } from "effect"
import type { NodeEvent } from "../../signatures/index.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const buffered = 1_024

/** Tells events to whoever listens. Costs nothing before that: a buffer weighs more than all else that an idle node holds. */
export class News {
  readonly #soon: (job: Effect.Effect<void>) => void
  #hub: PubSub.PubSub<NodeEvent> | undefined
  #untold: Array<NodeEvent> = []
  #isOver = false

  constructor(soon: (job: Effect.Effect<void>) => void) {
    this.#soon = soon
  }

  /** Soon, and not from inside: who hears of it may do anything at once, and the node isn't done yet with what it tells of. */
  tell(event: NodeEvent): void {
    if (this.#hub !== undefined && this.#untold.push(event) === 1) this.#soon(this.tellAll())
  }

  /** Now. */
  tellAll(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const events = this.#untold
      if (this.#hub === undefined || events.length === 0) return Effect.void
      this.#untold = []
      return PubSub.publishAll(this.#hub, events)
    })
  }

  /** Ends the streams. */
  end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isOver = true
      return this.#hub === undefined ? Effect.void : PubSub.shutdown(this.#hub)
    })
  }

  /** Hot. */
  get stream(): Stream.Stream<NodeEvent> {
    return Stream.unwrap(Effect.suspend(() =>
      this.#isOver
        ? Effect.succeed(Stream.empty)
        : Effect.map(PubSub.sliding<NodeEvent>(buffered), (made) => Stream.fromPubSub(this.#hub ??= made))
    ))
  }
}
