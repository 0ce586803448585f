/** One session: carries messages between a connection and the core, which alone decides. */
import { Clock, type Context, Effect, Exit, Fiber, Random } from "effect"
import {
  type ConnectionClosed,
  type ConnectionFailed,
  type MessageTooLarge,
  monotonicMillis,
  type P2pConnection,
  type P2pMessage,
  ProtocolViolated
} from "../../../signatures/index.ts"
import type { Core, Moment, Outgoing } from "./Core.ts"
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
  const draws = yield* Random.Random
  const random = () => draws.nextDoubleUnsafe()
  return () => ({ now: monotonic(), wall: Math.floor(clock.currentTimeMillisUnsafe() / 1000), random })
})

type Sessions = Pick<Core, "next" | "receive" | "tooLarge">

/**
 * A session while it runs. A fiber waits for what the peer says; one that sends is there only while there is something to be
 * said: most sessions say nothing for most of the time, and there are thousands.
 */
class Talk {
  readonly #core: Sessions
  readonly #connection: P2pConnection
  readonly #run: (effect: Effect.Effect<void, HeaderSyncError>) => Fiber.Fiber<void, HeaderSyncError>
  #receiver: Fiber.Fiber<void, HeaderSyncError> | undefined
  #sender: Fiber.Fiber<void, HeaderSyncError> | undefined
  #isSending = false
  #hasNews = false
  #isOver = false
  #failure: Exit.Exit<void, HeaderSyncError> | undefined
  #failed: (exit: Exit.Exit<void, HeaderSyncError>) => void = (exit) => {
    this.#failure = exit
  }

  constructor(core: Sessions, connection: P2pConnection, context: Context.Context<never>) {
    this.#core = core
    this.#connection = connection
    this.#run = Effect.runForkWith(context)
  }

  /** What ends it. To be asked for once. */
  failure(
    peer: Peer,
    heard: (peer: Peer, bytes: P2pMessage) => string | undefined
  ): Effect.Effect<void, HeaderSyncError> {
    return Effect.callback((resume) => {
      if (this.#failure !== undefined) return resume(this.#failure)
      this.#failed = resume
      const receiving = Effect.flatMap(this.#connection.receive, (bytes) => {
        const what = heard(peer, bytes)
        return what === undefined ? Effect.void : Effect.fail(new ProtocolViolated({ what }))
      })
      this.wake(peer)
      this.#receiver = this.#run(Effect.forever(receiving))
      this.#receiver.addObserver((exit) => this.#failed(exit))
    })
  }

  fail(error: HeaderSyncError): void {
    this.#failed(Exit.fail(error))
  }

  /** There may be something to say. */
  wake(peer: Peer): void {
    this.#hasNews = !this.#isOver
    while (this.#hasNews && !this.#isSending) {
      this.#hasNews = false
      const first = this.#core.next(peer)
      if (first === undefined) return
      this.#isSending = true
      const sender = this.#run(this.#say(peer, first))
      this.#sender = sender
      sender.addObserver((exit) => {
        this.#isSending = false
        this.#sender = undefined
        if (Exit.isFailure(exit)) this.#failed(exit)
        else if (this.#hasNews) this.wake(peer)
      })
    }
  }

  /** One message, and then all that is left to say, one at a time. */
  #say(peer: Peer, { bytes, sent }: Outgoing): Effect.Effect<void, HeaderSyncError> {
    const rest = (): Effect.Effect<void, HeaderSyncError> => {
      const next = this.#core.next(peer)
      return next === undefined ? Effect.void : this.#say(peer, next)
    }
    return Effect.matchEffect(this.#connection.send(bytes), {
      onSuccess: () => {
        sent()
        return rest()
      },
      onFailure: (error) => {
        // Whatever ended the connection, `receive` says so too, once it has given what came before.
        if (error._tag !== "MessageTooLarge") return Effect.void
        return this.#core.tooLarge(peer, error.limit) ? rest() : Effect.fail(error)
      }
    })
  }

  /** Nothing is left of it when this completes. */
  get over(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isOver = true
      this.#hasNews = false
      const fibers = [this.#receiver, this.#sender].filter((fiber) => fiber !== undefined)
      return Fiber.interruptAll(fibers.filter((fiber) => fiber.pollUnsafe() === undefined))
    })
  }
}

/** `alarm` is called after whatever may have changed when something is due next. */
export const runSession = (
  core: Core,
  moment: () => Moment,
  alarm: (at: Moment) => void
): (connection: P2pConnection) => Effect.Effect<void, HeaderSyncError> => {
  const heard = (peer: Peer, bytes: P2pMessage): string | undefined => {
    const at = moment()
    const what = core.receive(peer, bytes, at)
    alarm(at)
    return what
  }
  const begun = (connection: P2pConnection) =>
    Effect.contextWith((context: Context.Context<never>) =>
      Effect.sync(() => {
        const talk = new Talk(core, connection, context)
        const peer: Peer = core.join({ wake: () => talk.wake(peer), stalled: (error) => talk.fail(error) })
        return { peer, talk }
      })
    )
  return (connection) =>
    Effect.acquireUseRelease(
      begun(connection),
      ({ peer, talk }) => talk.failure(peer, heard),
      ({ peer, talk }) => {
        const at = moment()
        core.leave(peer, at)
        alarm(at)
        return talk.over
      }
    )
}
