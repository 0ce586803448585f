import { type Cause, Effect, Queue, Stream } from "effect"
import type { NodeEvent } from "../../signatures/index.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const buffered = 1_024

type Listener = Queue.Queue<NodeEvent, Cause.Done>

/** Tells events to whoever listens. Costs nothing before that. */
export class News {
  readonly #soon: (job: Effect.Effect<void>) => void
  /** Each with a queue of its own: all of an instant's events are told in one step, so that they stay in order. */
  readonly #listeners = new Set<Listener>()
  #untold: Array<NodeEvent> = []
  #isOver = false

  constructor(soon: (job: Effect.Effect<void>) => void) {
    this.#soon = soon
  }

  /** Soon, and not from inside: who hears of it may do anything at once, and the node isn't done yet with what it tells of. */
  tell(event: NodeEvent): void {
    if (this.#listeners.size > 0 && this.#untold.push(event) === 1) this.#soon(this.tellAll())
  }

  /** Now. */
  tellAll(): Effect.Effect<void> {
    return Effect.sync(() => {
      const events = this.#untold
      this.#untold = []
      for (const listener of this.#listeners) for (const event of events) Queue.offerUnsafe(listener, event)
    })
  }

  /** Ends the streams, once they have given what was told. */
  end(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#isOver = true
      for (const listener of this.#listeners) Queue.endUnsafe(listener)
    })
  }

  /** Hot. */
  get stream(): Stream.Stream<NodeEvent> {
    const listen = Effect.tap(
      Queue.sliding<NodeEvent, Cause.Done>(buffered),
      (listener) => Effect.sync(() => this.#listeners.add(listener))
    )
    const leave = (listener: Listener) => Effect.sync(() => this.#listeners.delete(listener))
    return Stream.unwrap(Effect.suspend(() =>
      this.#isOver
        ? Effect.succeed(Stream.empty)
        : Effect.map(Effect.acquireRelease(listen, leave), (listener) => Stream.fromQueue(listener))
    ))
  }
}
