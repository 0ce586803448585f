import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import * as fc from "fast-check"
import { simulate } from "../../../inprocess/kernel/index.ts"
import type { NodeEvent } from "../../../signatures/index.ts"
import { News } from "../../../src/node/news.ts"

const nth = (at: number): NodeEvent => ({ _tag: "TargetReached", at })

describe("the events of a node", () => {
  it("come in the order in which they were told, under any schedule", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { exit } = simulate(
          Effect.gen(function*() {
            const services = yield* Effect.context<never>()
            const news = new News((job) => void Effect.runForkWith(services)(Effect.andThen(Effect.yieldNow, job)))
            const heard: Array<number> = []
            yield* Stream.runForEach(news.stream, ({ at }) => Effect.sync(() => heard.push(at))).pipe(Effect.forkChild)
            yield* Effect.sleep("1 milli")
            for (let at = 0; at < 20; at++) {
              news.tell(nth(at))
              if (at % 3 === 0) yield* Effect.yieldNow
            }
            yield* Effect.sleep("1 milli")
            return heard
          }),
          { seed, schedule: { _tag: "RandomWalk", preemption: 0.3 } }
        )
        assert.deepStrictEqual(exit, Exit.succeed(Array.from({ length: 20 }, (_, at) => at)))
      })
    )
  })

  it("end with the node, after the last of them was given", () => {
    const { exit } = simulate(
      Effect.gen(function*() {
        const services = yield* Effect.context<never>()
        const news = new News((job) => void Effect.runForkWith(services)(job))
        const heard: Array<number> = []
        const reader = yield* Stream.runForEach(
          news.stream,
          ({ at }) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => heard.push(at)))
        ).pipe(Effect.forkChild)
        yield* Effect.sleep("1 milli")
        for (let at = 0; at < 3; at++) news.tell(nth(at))
        yield* Effect.andThen(news.tellAll(), news.end())
        yield* Effect.sleep("1 minute")
        assert.isDefined(reader.pollUnsafe())
        assert.deepStrictEqual(yield* Stream.runCollect(news.stream), [])
        return heard
      }),
      { seed: 1 }
    )
    assert.deepStrictEqual(exit, Exit.succeed([0, 1, 2]))
  })
})
