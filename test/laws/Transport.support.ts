/** What the laws of a transport have in common: two hosts, a link between them, and ways to know that something has arrived. */
import { it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Backend } from "../support/Backend.ts"
import { connect, type Linked, pattern, type Watched, watchedPair } from "../support/streams.ts"

/** Writes in pieces, waiting for drain as told. */
export const writeAll = (stream: Watched, bytes: Uint8Array, piece: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let from = 0; from < bytes.length; from += piece) {
      const drains = stream.drains()
      if (!stream.write(bytes.slice(from, from + piece))) {
        yield* stream.until(() => stream.drains() > drains || stream.ends().length > 0)
      }
    }
  })

/** Bytes from one end to the other and back: what was under way before has arrived by now, or never will. */
export const roundTrip = (linked: Linked) =>
  Effect.gen(function*() {
    const [near, far] = yield* watchedPair(linked)
    near.write(pattern(8))
    yield* far.size(8)
    far.write(pattern(8))
    yield* near.size(8)
    near.finish()
    far.finish()
    yield* Effect.all([near.ended, far.ended])
  })

export const transportCourt = (backend: Backend) => {
  const two = Effect.map(backend.world(2), ({ cut, hosts: [a, b] }) => {
    if (a === undefined || b === undefined) throw new Error("two hosts were asked for")
    return { a, b, cut }
  })
  const linked = Effect.flatMap(
    two,
    (world) => Effect.map(connect(world.a, world.b), (made): typeof world & Linked => ({ ...world, ...made }))
  )
  // oxlint-disable-next-line vitest/valid-title -- every law below has its own
  const law = <A, E>(name: string, test: Effect.Effect<A, E, Scope.Scope>) => it(name, () => backend.run(test))
  return { two, linked, law }
}
