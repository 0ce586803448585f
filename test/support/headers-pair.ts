/** Two ends of a connection in memory, and the running of sessions on them, for tests that need no network. */
import { Cause, Effect, type Option, Queue } from "effect"
import {
  ConnectionClosed,
  ConnectionFailed,
  MessageTooLarge,
  type P2pConnection,
  type P2pSession
} from "../../signatures/index.ts"

type End = ConnectionClosed | ConnectionFailed

export interface PairEnd extends P2pConnection {
  /** What the node does when the session has failed. */
  readonly abort: (reason: ConnectionFailed["reason"]) => void
  /** Messages that this end has sent, all of them. */
  readonly sent: Array<Uint8Array>
}

/** Holds up to 16 messages each way. */
export const connectionPair = (
  options: { readonly maxMessageBytes?: number } = {}
): Effect.Effect<readonly [PairEnd, PairEnd]> =>
  Effect.gen(function*() {
    const limit = options.maxMessageBytes ?? 2 * 1024 * 1024
    const [toA, toB] = [yield* Queue.bounded<Uint8Array, End>(16), yield* Queue.bounded<Uint8Array, End>(16)]
    const end = (inbox: Queue.Queue<Uint8Array, End>, outbox: Queue.Queue<Uint8Array, End>): PairEnd => {
      let local: End | undefined
      const sent: Array<Uint8Array> = []
      const finish = (mine: End, theirs: End) => {
        if (local !== undefined) return
        local = mine
        Queue.failCauseUnsafe(outbox, Cause.fail(theirs))
        Queue.failCauseUnsafe(inbox, Cause.fail(mine))
      }
      const closed = (by: "local" | "remote") => new ConnectionClosed({ by, code: "closed" })
      return {
        sent,
        send: (message) =>
          Effect.suspend((): Effect.Effect<void, End | MessageTooLarge> => {
            if (local !== undefined) return Effect.fail(local)
            if (message.length > limit) return Effect.fail(new MessageTooLarge({ size: message.length, limit }))
            sent.push(message)
            return Effect.flatMap(
              Queue.offer(outbox, message),
              (taken) => taken ? Effect.void : Effect.fail(closed("remote"))
            )
          }),
        receive: Effect.suspend(() => local === undefined ? Queue.take(inbox) : Effect.fail(local)),
        tryReceive: Effect.suspend((): Effect.Effect<Option.Option<Uint8Array>, End> =>
          local === undefined ? Queue.poll(inbox) : Effect.fail(local)
        ),
        close: Effect.sync(() => finish(closed("local"), closed("remote"))),
        abort: (reason) =>
          finish(
            new ConnectionFailed({ reason: "local-session-failed" }),
            new ConnectionFailed({ reason: reason === "local-session-failed" ? "remote-session-failed" : reason })
          )
      }
    }
    return [end(toA, toB), end(toB, toA)]
  })

/** Runs a session as a node does: its end closes the connection, its failure aborts it. Gives the failure, if there was one. */
export const runAsNode = <E extends { readonly _tag: string }, R>(
  session: P2pSession<E, R>,
  connection: PairEnd
): Effect.Effect<E | undefined, never, R> =>
  session(connection).pipe(
    Effect.as(undefined),
    Effect.catch((error: E) => Effect.succeed(error._tag === "ConnectionClosed" ? undefined : error)),
    Effect.tap((error) =>
      error === undefined
        ? connection.close
        : Effect.sync(() =>
          connection.abort(error._tag === "ProtocolViolated" ? "protocol-violation" : "local-session-failed")
        )
    ),
    Effect.onInterrupt(() => connection.close)
  )
