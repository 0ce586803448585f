/** Yields between any two operations, which a long-running fiber meets too: no message may be on its way between two. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import * as fc from "fast-check"
import { simulate } from "../../../inprocess/kernel/index.ts"
import { connectionOf } from "../../../src/wire/connection.ts"
import { coresInMemory } from "../../bench/support/cores.ts"

const count = 12

const losesNothing = (
  seed: number,
  receiveOne: (taken: (message: Uint8Array) => void) => ReturnType<typeof receiver>
) =>
  simulate(
    Effect.gen(function*() {
      const { far, flush, nearShell } = coresInMemory()
      const got: Array<number> = []
      const taken = (message: Uint8Array) => void got.push(message[0] ?? -1)
      const shell = connectionOf(far)
      for (let n = 0; n < count; n++) {
        yield* nearShell.send(Uint8Array.of(n))
        if (n % 2 === 0) flush()
        const fiber = yield* Effect.forkChild(receiveOne(taken)(shell))
        for (let turn = 0; turn < n % 4; turn++) yield* Effect.yieldNow
        flush()
        yield* Fiber.interrupt(fiber)
      }
      // What is left, without preemption between the last look and its end.
      for (let left = far.poll(); left !== undefined; left = far.poll()) taken(left)
      return got
    }),
    { seed, schedule: { _tag: "RandomWalk", preemption: 0.3 } }
  ).exit

/** `map` runs in the step in which the message arrives. */
const receiver = (taken: (message: Uint8Array) => void) => (shell: ReturnType<typeof connectionOf>) =>
  Effect.asVoid(Effect.map(shell.receive, taken))

/** What runs between two `yield*` is one step. */
const generator = (taken: (message: Uint8Array) => void) => (shell: ReturnType<typeof connectionOf>) =>
  Effect.gen(function*() {
    taken(yield* shell.receive)
  })

const poller = (taken: (message: Uint8Array) => void) => (shell: ReturnType<typeof connectionOf>) =>
  Effect.asVoid(Effect.map(shell.tryReceive, (message) => Option.isSome(message) ? taken(message.value) : undefined))

describe("an interruption between any two operations", () => {
  it.each(
    [["receive", receiver], ["receive in a generator", generator], ["tryReceive", poller]] as const
  )("of %s loses no message", (_, receiveOne) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const exit = losesNothing(seed, receiveOne)
        assert.deepStrictEqual(exit, Exit.succeed(Array.from({ length: count }, (_, n) => n)))
      }),
      { numRuns: 500 }
    )
  })
})
