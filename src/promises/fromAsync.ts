import { Cause, type Context, type Duration, Effect, Exit, Option, Schema } from "effect"
import {
  ConnectionClosed,
  ConnectionFailed,
  MessageTooLarge,
  type P2pConnection,
  type P2pMessage,
  type P2pSession,
  ProtocolViolated
} from "../../signatures/index.ts"

/** `P2pConnection` over promises. They reject with the same errors, as these very classes. */
export interface AsyncConnection extends AsyncIterable<P2pMessage> {
  /** Waits while there is no room. May be left unawaited: order is kept. */
  readonly send: (message: P2pMessage) => Promise<void>
  /** Waits for the next message. */
  readonly receive: () => Promise<P2pMessage>
  /** Never waits: the next message, undefined if none is here; throws what `receive` would reject with. */
  readonly tryReceive: () => P2pMessage | undefined
  /** Never fails, never waits. What was sent before is still delivered. */
  readonly close: () => void
  /** Every message until the connection is closed by either end; throws when it fails. */
  readonly [Symbol.asyncIterator]: () => AsyncIterator<P2pMessage, undefined>
}

/**
 * Runs once per connection. The signal fires when the session is to end (rotation, drain, shutdown): what waits then, and
 * every `receive` after it, rejects with its reason; the function may still send a last word before it returns.
 */
export type AsyncSession = (connection: AsyncConnection, signal: AbortSignal) => Promise<void>

/** The function threw something that is no error of a connection; `cause` is what it threw. */
export class AsyncSessionFailed extends Schema.TaggedError<AsyncSessionFailed>()("AsyncSessionFailed", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the session's function failed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export type AsyncSessionError =
  | ConnectionClosed
  | ConnectionFailed
  | MessageTooLarge
  | ProtocolViolated
  | AsyncSessionFailed

const isSessionError = Schema.is(
  Schema.Union([ConnectionClosed, ConnectionFailed, MessageTooLarge, ProtocolViolated])
)

const thrown = <E>(exit: Exit.Exit<unknown, E>, signal: AbortSignal): unknown =>
  Exit.isSuccess(exit) ? undefined : Cause.hasInterruptsOnly(exit.cause) ? signal.reason : Cause.squash(exit.cause)

const asyncConnection = (
  connection: P2pConnection,
  services: Context.Context<never>,
  signal: AbortSignal
): AsyncConnection => {
  const fork = Effect.runForkWith(services)
  const runSync = Effect.runSyncExitWith(services)
  /** What waits when the signal fires gives up. */
  const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
    const promise = new Promise<A>((resolve, reject) => {
      const fiber = fork(effect)
      const giveUp = () => fiber.interruptUnsafe()
      if (!signal.aborted) signal.addEventListener("abort", giveUp)
      fiber.addObserver((exit) => {
        signal.removeEventListener("abort", giveUp)
        if (Exit.isSuccess(exit)) resolve(exit.value)
        else reject(thrown(exit, signal))
      })
    })
    // A send that nobody awaits must not end the process when the peer goes away.
    promise.catch(() => {})
    return promise
  }
  const receive = () => signal.aborted ? Promise.reject(signal.reason) : run(connection.receive)
  return {
    receive,
    send: (message) => {
      if (message instanceof Uint8Array) return run(connection.send(message))
      return Promise.reject(new TypeError("a message is a Uint8Array: encode it first, e.g. with TextEncoder"))
    },
    tryReceive: () => {
      const exit = runSync(connection.tryReceive)
      if (Exit.isSuccess(exit)) return Option.getOrUndefined(exit.value)
      throw thrown(exit, signal)
    },
    close: () => void runSync(connection.close),
    [Symbol.asyncIterator]: () => ({
      next: () =>
        receive().then(
          (value): IteratorResult<P2pMessage, undefined> => ({ done: false, value }),
          (error: unknown): IteratorResult<P2pMessage, undefined> => {
            if (error instanceof ConnectionClosed) return { done: true, value: undefined }
            throw error
          }
        )
    })
  }
}

/**
 * A session of an async function, for those who don't write Effect. `finishWithin` is how long the function may go on after
 * its signal fired (5 seconds): then the session ends without it.
 */
export const fromAsync = (
  session: AsyncSession,
  options: { readonly finishWithin?: Duration.Input } = {}
): P2pSession<AsyncSessionError> =>
(connection) =>
  Effect.contextWith((services: Context.Context<never>) =>
    Effect.callback<void, AsyncSessionError>((resume) => {
      const controller = new AbortController()
      const face = asyncConnection(connection, services, controller.signal)
      const ended = Promise.resolve().then(() => session(face, controller.signal)).then(
        () => resume(Effect.void),
        (cause: unknown) => resume(Effect.fail(isSessionError(cause) ? cause : new AsyncSessionFailed({ cause })))
      )
      // A function that never returns is not waited for: of the two, only the raced fibers can be interrupted here.
      return Effect.sync(() => controller.abort()).pipe(
        Effect.andThen(Effect.raceFirst(
          Effect.interruptible(Effect.promise(() => ended)),
          Effect.interruptible(Effect.sleep(options.finishWithin ?? "5 seconds"))
        ))
      )
    })
  )
