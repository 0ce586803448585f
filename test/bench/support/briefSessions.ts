/** Sessions that last for a moment, and end in every way there is. */
import { Effect } from "effect"
import type { P2pConnection, P2pSession, PeerBook } from "../../../signatures/index.ts"

/** A whole number from 0 on that is less than `below`. */
export type Draw = (below: number) => number

/** Mulberry32. */
export const drawsOf = (seed: number): Draw => {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Forgives everything at once, or so many sessions would take days of waiting for their peers to cool. */
export const forgiving = (book: PeerBook["Service"]): PeerBook["Service"] => ({
  ...book,
  standing: () => ({ _tag: "Clear" }),
  candidates: (chain) => book.candidates(chain).map((peer) => ({ ...peer, standing: { _tag: "Clear" } }))
})

const small = new Uint8Array(64)
const soon = "20 millis"

/** Ends in one of these ways; `count` is called as it begins. A few `large` messages exhaust the peer's credit. */
export const briefSession = (draw: Draw, large: Uint8Array, count: () => void): P2pSession<unknown> => {
  const ways: ReadonlyArray<(connection: P2pConnection) => Effect.Effect<unknown, unknown>> = [
    () => Effect.void,
    ({ send }) => send(small),
    ({ receive, send }) => Effect.andThen(send(small), Effect.timeoutOption(receive, soon)),
    ({ receive }) => Effect.timeoutOption(Effect.forever(receive), soon),
    // Never read: the peer's credit runs out.
    ({ send }) => Effect.timeoutOption(Effect.forever(send(large)), soon),
    ({ close, send }) => Effect.andThen(send(large), close),
    ({ close, receive }) => Effect.andThen(close, Effect.ignore(receive)),
    () => Effect.fail("the session has had enough"),
    () => Effect.die(new Error("a bug of the session")),
    () => Effect.interrupt,
    ({ receive, send }) => Effect.raceFirst(receive, send(large)),
    ({ receive }) => Effect.forkChild(Effect.forever(receive))
  ]
  return (connection) =>
    Effect.suspend(() => {
      count()
      return Effect.asVoid(ways[draw(ways.length)]?.(connection) ?? Effect.void)
    })
}
