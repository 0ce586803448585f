/** One session: carries messages between a connection and the core, which alone decides. */
import { Clock, Deferred, Effect, Latch, Random } from "effect"
import {
  type ConnectionClosed,
  type ConnectionFailed,
  type MessageTooLarge,
  monotonicMillis,
  type P2pConnection,
  ProtocolViolated
} from "../../../signatures/index.ts"
import type { Core, Moment } from "./Core.ts"
import type { HeaderSyncStalled } from "./errors.ts"
import type { Peer } from "./Peer.ts"

export type HeaderSyncError =
  | ConnectionClosed
  | ConnectionFailed
  | MessageTooLarge
  | ProtocolViolated
  | HeaderSyncStalled

/** Reads the time and the randomness of the fiber that asks, once; then synchronously. */
export const momentReader: Effect.Effect<() => Moment> = Effect.gen(function*() {
  const monotonic = yield* monotonicMillis
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  return () => ({
    now: monotonic(),
    wall: Math.floor(clock.currentTimeMillisUnsafe() / 1000),
    random: () => random.nextDoubleUnsafe()
  })
})

/** Sends what the core has to say, one message at a time, and waits while it has nothing. */
const sending = (core: Core, peer: Peer, connection: P2pConnection, more: Latch.Latch) =>
  Effect.gen(function*() {
    while (true) {
      more.closeUnsafe()
      const outgoing = core.next(peer)
      if (outgoing === undefined) yield* more.await
      else {
        yield* connection.send(outgoing.bytes).pipe(
          Effect.andThen(Effect.sync(outgoing.sent)),
          Effect.catchTag(
            "MessageTooLarge",
            (error) => core.tooLarge(peer, error.limit) ? Effect.void : Effect.fail(error)
          )
        )
      }
    }
  }).pipe(
    // Whatever ended the connection, `receive` says so too, once it has given what came before.
    Effect.catchTags({ ConnectionClosed: () => Effect.never, ConnectionFailed: () => Effect.never })
  )

/** `alarm` is called after whatever may have changed when something is due next. */
export const runSession = (core: Core, alarm: () => void) =>
  Effect.fnUntraced(function*(connection: P2pConnection): Effect.fn.Return<void, HeaderSyncError> {
    const moment = yield* momentReader
    const more = Latch.makeUnsafe()
    const stalled = yield* Deferred.make<never, HeaderSyncStalled>()
    const receiving = (peer: Peer) =>
      Effect.flatMap(connection.receive, (bytes) => {
        const what = core.receive(peer, bytes, moment())
        alarm()
        return what === undefined ? Effect.void : Effect.fail(new ProtocolViolated({ what }))
      }).pipe(Effect.forever)
    return yield* Effect.acquireUseRelease(
      Effect.sync(() =>
        core.join({
          wake: () => void more.openUnsafe(),
          stalled: (error) => void Deferred.doneUnsafe(stalled, Effect.fail(error))
        })
      ),
      (peer) => Effect.raceAllFirst([sending(core, peer, connection, more), receiving(peer), Deferred.await(stalled)]),
      (peer) =>
        Effect.sync(() => {
          core.leave(peer, moment())
          alarm()
        })
    )
  })
