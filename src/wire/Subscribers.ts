import { Effect, Queue, Stream } from "effect"
import type { ControlEvent } from "../../signatures/index.ts"

/** Events that a subscriber may be behind: beyond them it loses the oldest. */
const eventsKept = 4096

/** Who listens to what peers say. Each has a queue of its own, which takes room for what waits in it and no more. */
export class Subscribers {
  private readonly queues = new Set<Queue.Queue<ControlEvent>>()

  tell(event: ControlEvent): void {
    for (const queue of this.queues) Queue.offerUnsafe(queue, event)
  }

  /** Hot. `first` is asked at the moment of the subscription, and goes first. */
  stream(first: () => ReadonlyArray<ControlEvent>): Stream.Stream<ControlEvent> {
    return Stream.unwrap(Effect.map(
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<ControlEvent>(eventsKept), (queue) => Effect.sync(() => this.queues.add(queue))),
        (queue) => Effect.sync(() => this.queues.delete(queue))
      ),
      (queue) => Stream.concat(Stream.fromIterable(first()), Stream.fromQueue(queue))
    ))
  }
}
