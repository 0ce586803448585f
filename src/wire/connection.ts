import { Effect, Effectable, Option } from "effect"
import {
  type ConnectionClosed,
  type ConnectionFailed,
  MessageTooLarge,
  type P2pConnection,
  type P2pMessage
} from "../../signatures/index.ts"
import { ReceiveWaiter, SendWaiter, type SessionCore } from "./SessionCore.ts"

/**
 * The four operations over a core. While nothing has to wait, an operation is one synchronous step: no fiber, no timer, no
 * promise.
 */
export const connectionOf = (core: SessionCore): P2pConnection => {
  // The message leaves the core in `take`: a fiber that is interrupted between its wake-up and that loses nothing.
  const waitToReceive: Effect.Effect<P2pMessage, ConnectionClosed | ConnectionFailed> = Effect.callback((resume) => {
    // It came while we were about to wait.
    if (core.hasMessage) return resume(receive)
    const waiter = new ReceiveWaiter((outcome) =>
      resume(outcome === undefined ? Effect.sync(() => core.take(waiter)) : Effect.fail(outcome))
    )
    core.waitToReceive(waiter)
    return Effect.sync(() => core.cancelReceive(waiter))
  })

  // A message must leave the core in the very step in which the session gets it: whoever is interrupted between two steps
  // would lose it. Only `sync` hands its value over within its own step, and what it throws is the one way out of it.
  const receive: Effect.Effect<P2pMessage, ConnectionClosed | ConnectionFailed> = Effect.catchDefect(
    Effect.sync(() => {
      const message = core.poll()
      if (message === undefined) throw nothing
      return message
    }),
    (defect) => {
      if (defect !== nothing) return Effect.die(defect)
      // Something may have come since.
      if (core.hasMessage) return receive
      return core.outcome === undefined ? waitToReceive : Effect.fail(core.outcome)
    }
  )
  const poll = Effect.sync(() => Option.fromUndefinedOr(core.poll()))

  return {
    send: (message) => new Send(core, message),
    receive,
    tryReceive: Effect.suspend(() => core.hasMessage || core.outcome === undefined ? poll : Effect.fail(core.outcome)),
    close: Effect.sync(() => core.end("closed"))
  }
}

/** Nothing has arrived, or somebody else was faster. */
const nothing = Symbol("nothing")

/** An object where `Effect.suspend` would need a closure beside it. */
class Send extends Effectable.Class<void, ConnectionClosed | ConnectionFailed | MessageTooLarge> {
  readonly core: SessionCore
  readonly message: P2pMessage

  constructor(core: SessionCore, message: P2pMessage) {
    super()
    this.core = core
    this.message = message
  }

  asEffect(): Effect.Effect<void, ConnectionClosed | ConnectionFailed | MessageTooLarge> {
    const { core, message } = this
    if (core.trySend(message)) return Effect.void
    if (core.outcome !== undefined) return Effect.fail(core.outcome)
    const limit = core.terms.maxMessageBytes
    return message.length > limit
      ? Effect.fail(new MessageTooLarge({ size: message.length, limit }))
      : waitToSend(core, message)
  }
}

const waitToSend = (
  core: SessionCore,
  message: P2pMessage
): Effect.Effect<void, ConnectionClosed | ConnectionFailed> =>
  Effect.callback((resume) => {
    const waiter = new SendWaiter(
      message,
      (outcome) => resume(outcome === undefined ? Effect.void : Effect.fail(outcome))
    )
    core.waitToSend(waiter)
    return Effect.sync(() => core.cancelSend(waiter))
  })
