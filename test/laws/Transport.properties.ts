/** What holds of any sequence of operations on a stream: for backends where a thousand of them take no time. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { type Backend } from "../support/Backend.ts"
import { concat, connect, guard, isPrefix, openPair, pattern, watch, type Watched } from "../support/streams.ts"

type Operation =
  | { readonly _tag: "write"; readonly size: number; readonly end: 0 | 1 }
  | { readonly _tag: "attach" | "finish" | "abort"; readonly end: 0 | 1 }
  | { readonly _tag: "wait"; readonly millis: number }

const end = fc.constantFrom(0 as const, 1 as const)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ _tag: fc.constant("write" as const), size: fc.nat(3000), end }) },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("wait" as const), millis: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("attach" as const), end }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constantFrom("finish" as const, "abort" as const), end }) }
)

interface Plan {
  readonly steps: ReadonlyArray<Operation>
  /** How it ends: the link is cut, or both ends finish. */
  readonly cut: boolean
  /** Whether sinks that are still missing come only after that, in the same instant. */
  readonly late: boolean
}

const plan: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(operation, { maxLength: 40 }),
  cut: fc.boolean(),
  late: fc.boolean()
})

const holds = (backend: Backend, { cut, late, steps }: Plan) =>
  Effect.gen(function*() {
    const world = yield* backend.world(2)
    const [a, b] = world.hosts
    if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
    const [near, far] = yield* Effect.flatMap(connect(a, b), openPair)
    const streams = [guard(near), guard(far)] as const
    const watched: [Watched | undefined, Watched | undefined] = [undefined, undefined]
    const written: readonly [Array<Uint8Array>, Array<Uint8Array>] = [[], []]
    const finished = [false, false]
    let aborted = false
    const attached = (which: 0 | 1): Watched => watched[which] ??= watch(streams[which])
    for (const step of steps) {
      if (step._tag === "wait") yield* Effect.sleep(`${step.millis} millis`)
      else if (step._tag === "attach") attached(step.end)
      else if (step._tag === "write") {
        const bytes = pattern(step.size, written[step.end].length)
        streams[step.end].write(bytes)
        if (!aborted && finished[step.end] !== true) written[step.end].push(bytes)
      } else {
        streams[step.end][step._tag]()
        if (step._tag === "finish") finished[step.end] = true
        else aborted = true
      }
    }
    if (!late) {
      attached(0)
      attached(1)
    }
    if (cut) yield* world.cut(a, b)
    else for (const stream of streams) stream.finish()
    const ends = [attached(0), attached(1)] as const
    yield* Effect.all([ends[0].ended, ends[1].ended])
    // Whatever is still on its way has come by then, and a sink that was called too often has said so.
    yield* Effect.sleep("1 minute")
    yield* Effect.all([ends[0].until(() => true), ends[1].until(() => true)])
    for (const [reader, writer] of [[0, 1], [1, 0]] as const) {
      const all = concat(written[writer])
      const received = ends[reader].received()
      assert.isTrue(isPrefix(received, all), "what is received is a prefix of what was written")
      if (!aborted && !cut) assert.strictEqual(received.length, all.length)
      assert.strictEqual(ends[reader].ends().length, 1)
    }
  })

export const streamProperties = (backend: Backend): void => {
  it("gives each end a prefix of what the other wrote, all of it unless somebody aborted, and one end", () =>
    fc.assert(
      fc.asyncProperty(fc.integer(), plan, (seed, plan) => backend.run(holds(backend, plan), { seed })),
      { numRuns: 500 }
    ))
}
