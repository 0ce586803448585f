/** One chain's round trips on a link of its own and on a link that it shares with chains that stall or flood. */
import { Effect } from "effect"
import { interleaved } from "./measure.ts"
import { type Ends, overLibp2p, sessionContender } from "./ours.ts"

/** What a session's batch holds at most. */
const batchBytes = 64 * 1024
const pings = 100

/** Sends without end while `on`, then an empty message; counts what its other end has received until then. */
const flood = (ends: Ends, state: { on: boolean; received: number }) => {
  const message = new Uint8Array(1024).fill(1)
  const send = Effect.gen(function*() {
    while (state.on) yield* ends.near.send(message)
    yield* ends.near.send(new Uint8Array(0))
  })
  const receive = Effect.gen(function*() {
    for (;;) {
      const { length } = yield* ends.far.receive
      if (length === 0) return
      state.received += length
    }
  })
  return Effect.all([send, receive], { concurrency: "unbounded", discard: true })
}

/** Sends until the other end's window is used up, and then waits for ever. */
const stall = (ends: Ends) => Effect.forever(ends.near.send(new Uint8Array(1024)))

export const floodCost = (kind: "stalled" | "flooding", chains: number, rounds: number) =>
  Effect.gen(function*() {
    const alone = yield* Effect.flatMap(overLibp2p("tcp"), ({ connect }) => connect(0))
    const { connect } = yield* overLibp2p("tcp")
    const crowded = yield* connect(0)
    const others = yield* Effect.forEach(Array.from({ length: chains - 1 }, (_, index) => index + 1), connect)
    const scope = yield* Effect.scope
    const run = <A>(effect: Effect.Effect<A, unknown>) => Effect.runPromise(effect)
    const contender = (name: string, ends: Ends) => sessionContender(name, ends, run, async () => {})
    const quiet = contender("alone", alone)
    const loud = contender("crowded", crowded)
    const waits: Array<number> = []

    if (kind === "stalled") {
      yield* Effect.forEach(others, (ends) => Effect.forkIn(stall(ends), scope))
      // All windows are used up before anything is measured.
      yield* Effect.sleep("1 second")
    }

    /** Foreign bytes that arrive between a message's send and its arrival, in batches per flooder. */
    const waitOnce = Effect.fnUntraced(function*(state: { readonly received: number }) {
      const before = state.received
      yield* crowded.near.send(new Uint8Array(64))
      yield* crowded.far.receive
      waits.push((state.received - before) / batchBytes / others.length)
      yield* crowded.far.send(new Uint8Array(64))
      yield* crowded.near.receive
    })

    const crowdedBlock = async (): Promise<ReadonlyArray<number>> => {
      if (kind === "stalled") return loud.pingPong(64, pings)
      const state = { on: true, received: 0 }
      const floods = others.map((ends) => run(flood(ends, state)))
      const trips = await loud.pingPong(64, pings)
      await run(Effect.forEach(Array.from({ length: 20 }), () => waitOnce(state), { discard: true }))
      state.on = false
      await Promise.all(floods)
      return trips
    }

    const blocks = yield* Effect.promise(() =>
      interleaved<ReadonlyArray<number>>(
        new Map([
          ["alone", () => quiet.pingPong(64, pings)],
          ["crowded", crowdedBlock]
        ]),
        rounds
      )
    )
    const p99 = waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0
    return {
      alone: blocks.get("alone") ?? [],
      crowded: blocks.get("crowded") ?? [],
      batchesPerFlooder: p99
    }
  })
