import { Cause, Effect, Effectable, Option } from "effect"
import {
  type ConnectionClosed,
  type ConnectionFailed,
  MessageTooLarge,
  type P2pConnection,
  type P2pMessage
} from "../../signatures/index.ts"
import { type ReceiveWaiter, SendWaiter, type SessionCore } from "./SessionCore.ts"

type Ended = ConnectionClosed | ConnectionFailed
type Receiving = Effect.Effect<P2pMessage, Ended>
type Sending = Effect.Effect<void, Ended | MessageTooLarge>

/**
 * The four operations over a core. While nothing has to wait, an operation is one synchronous step: no fiber, no timer, no
 * promise. Thousands of connections are idle, so what an operation needs is made when it is first used.
 *
 * A generator asks an operation for its iterator at the moment at which it is due, with `yield*`. So `send` and `receive`, if
 * they needn't wait, are done right then, and Effect's run loop never hears of them: that is most of what they would cost. They
 * can't keep a fiber from yielding to others for long, as both wait when there is nothing to read, or no more room.
 */
export const connectionOf = (core: SessionCore): P2pConnection => ({
  send: (message) => new Send(core, message),
  receive: new Receive(core),
  tryReceive: new TryReceive(core),
  close: new Close(core)
})

/** Of an operation that is done already: an iterator, and the result that it gives. */
class Done<A> {
  readonly done = true
  readonly value: A

  constructor(value: A) {
    this.value = value
  }

  next(): this {
    return this
  }
}

class Receive extends Effectable.Class<P2pMessage, Ended> {
  private readonly core: SessionCore

  constructor(core: SessionCore) {
    super()
    this.core = core
  }

  override [Symbol.iterator](): ReturnType<Receiving[typeof Symbol.iterator]> {
    const message = this.core.poll()
    return message === undefined ? super[Symbol.iterator]() : new Done(message)
  }

  asEffect(): Receiving {
    const { core } = this
    if (core.hasMessage) return pollOf(core, this)
    return core.outcome === undefined ? waitToReceive(core, this) : Effect.fail(core.outcome)
  }
}

/** Somebody else was faster. */
const nothing = Symbol("nothing")

/**
 * A message must leave the core in the very step in which the session gets it: whoever is interrupted between two steps would
 * lose it. Only `sync` hands its value over within its own step, and what it throws is the one way out of it.
 */
const pollOf = (core: SessionCore, receive: Receiving): Receiving =>
  Effect.catchCause(
    Effect.sync(() => {
      const message = core.poll()
      if (message === undefined) throw nothing
      return message
    }),
    (cause) => Cause.squash(cause) === nothing ? receive : Effect.failCause(cause)
  )

/** The message leaves the core in `take`: a fiber that is interrupted between its wake-up and that loses nothing. */
const waitToReceive = (core: SessionCore, receive: Receiving): Receiving =>
  Effect.callback((resume) => {
    // It came while we were about to wait.
    if (core.hasMessage) return resume(receive)
    const receiver = new Receiver(core, resume)
    core.waitToReceive(receiver)
    return receiver
  })

/** One who waits to receive; as an effect: who gives that up. An idle session holds one, so it is both. */
class Receiver extends Effectable.Class<void> implements ReceiveWaiter {
  before: ReceiveWaiter | undefined
  after: ReceiveWaiter | undefined
  message: P2pMessage | undefined
  private readonly core: SessionCore
  private readonly wake: (received: Receiving) => void

  constructor(core: SessionCore, wake: (received: Receiving) => void) {
    super()
    this.core = core
    this.wake = wake
  }

  resume(outcome?: Ended): void {
    this.wake(outcome === undefined ? Effect.sync(() => this.core.take(this)) : Effect.fail(outcome))
  }

  asEffect(): Effect.Effect<void> {
    this.core.cancelReceive(this)
    return Effect.void
  }
}

class TryReceive extends Effectable.Class<Option.Option<P2pMessage>, Ended> {
  private readonly core: SessionCore

  constructor(core: SessionCore) {
    super()
    this.core = core
  }

  asEffect(): Effect.Effect<Option.Option<P2pMessage>, Ended> {
    const { core } = this
    if (!core.hasMessage && core.outcome !== undefined) return Effect.fail(core.outcome)
    return Effect.sync(() => Option.fromUndefinedOr(core.poll()))
  }
}

class Close extends Effectable.Class<void> {
  private readonly core: SessionCore

  constructor(core: SessionCore) {
    super()
    this.core = core
  }

  asEffect(): Effect.Effect<void> {
    this.core.end("closed")
    return Effect.void
  }
}

const sent = new Done<void>(undefined)

class Send extends Effectable.Class<void, Ended | MessageTooLarge> {
  private readonly core: SessionCore
  private readonly message: P2pMessage

  constructor(core: SessionCore, message: P2pMessage) {
    super()
    this.core = core
    this.message = message
  }

  override [Symbol.iterator](): ReturnType<Sending[typeof Symbol.iterator]> {
    return this.core.trySend(this.message) ? sent : super[Symbol.iterator]()
  }

  asEffect(): Sending {
    const { core, message } = this
    if (core.trySend(message)) return Effect.void
    if (core.outcome !== undefined) return Effect.fail(core.outcome)
    const limit = core.terms.maxMessageBytes
    return message.length > limit
      ? Effect.fail(new MessageTooLarge({ size: message.length, limit }))
      : waitToSend(core, message)
  }
}

const waitToSend = (core: SessionCore, message: P2pMessage): Effect.Effect<void, Ended> =>
  Effect.callback((resume) => {
    const waiter = new SendWaiter(
      message,
      (outcome) => resume(outcome === undefined ? Effect.void : Effect.fail(outcome))
    )
    core.waitToSend(waiter)
    return Effect.sync(() => core.cancelSend(waiter))
  })
