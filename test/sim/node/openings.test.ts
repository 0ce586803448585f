/** Openings that are given up when their connection is just coming, between any two operations of the fiber that opens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Latch } from "effect"
import * as fc from "fast-check"
import { simulate } from "../../../inprocess/kernel/index.ts"
import { type Address, type OpenedConnection, PeerId } from "../../../signatures/index.ts"
import { Opening } from "../../../src/node/openings.ts"

const opened: OpenedConnection = {
  connection: { send: () => Effect.void, receive: Effect.never, tryReceive: Effect.succeedNone, close: Effect.void },
  peer: PeerId.make("1Peer"),
  remote: "/ip4/20.0.0.1/tcp/1" as Address,
  end: () => {},
  fail: () => {},
  onEnded: () => {},
  ended: Effect.never,
  released: Effect.void
}

/** What the opener was told, and whether what came about was ended by whoever opens. */
const givenUp = (seed: number, turns: number, isAcceptedFirst: boolean) =>
  simulate(
    Effect.gen(function*() {
      const told: Array<string> = []
      let isEnded = false
      let accept = () => {}
      const waits = yield* Latch.make()
      const isOver = yield* Latch.make()
      const answer = Effect.callback<OpenedConnection>((resume) => {
        accept = () => resume(Effect.succeed(opened))
        waits.openUnsafe()
      })
      // As `Connections.open` does it, and who looks over its shoulder.
      const open = Effect.uninterruptible(Effect.interruptible(answer)).pipe(
        Effect.onInterrupt(() => Effect.sync(() => isEnded = true)),
        Effect.tap(() => Effect.void),
        Effect.map((one) => one)
      )
      const opening = new Opening(0)
      opening.run(open, yield* Effect.context<never>(), ({ _tag }) => {
        told.push(_tag)
        isOver.openUnsafe()
      })
      yield* waits.await
      if (isAcceptedFirst) accept()
      for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
      opening.cancel()
      if (!isAcceptedFirst) accept()
      yield* isOver.await
      // Whatever else it may be told, wrongly, follows in the same instant.
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      return { told, isEnded }
    }),
    { seed, schedule: { _tag: "RandomWalk", preemption: 0.3, wakeUps: true } }
  ).exit

describe("an opening that is given up when its connection is coming", () => {
  it("is told of once, and its connection is either handed over or ended", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(6), fc.boolean(), (seed, turns, isAcceptedFirst) => {
        const exit = givenUp(seed, turns, isAcceptedFirst)
        if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
        const { isEnded, told } = exit.value
        assert.deepStrictEqual(told, [isEnded ? "Cancelled" : "Opened"])
      }),
      { numRuns: 500 }
    )
  })
})
