import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inprocess } from "../../../support/inprocess.ts"
import { chainOf, knownOf, outboundOf, settle, soon } from "./society.ts"

const chains = [chainOf("a"), chainOf("b")]
const sessionCount = 4

describe("a hundred hosts that know one", () => {
  it(
    "know 95 others within 30 seconds and are at their targets, also once the one is gone",
    { timeout: 300_000 },
    () =>
      inprocess.run(
        Effect.gen(function*() {
          const { hosts, network } = yield* inprocess.world(100)
          const [first, ...others] = hosts
          if (first === undefined) return assert.fail("a hundred hosts were asked for")
          const citizens = yield* Effect.forEach(hosts, (host) =>
            settle(host, {
              chains,
              knows: host === first ? [] : [first],
              node: { sessionCount },
              exchange: { ...soon, enough: 97 }
            }))
          yield* Effect.sleep("30 seconds")
          const newcomers = citizens.slice(1)
          for (const citizen of newcomers) {
            assert.isAtLeast(knownOf(citizen), 95)
            assert.strictEqual(yield* outboundOf(citizen), sessionCount)
          }
          yield* network.kill(first)
          yield* Effect.sleep("30 seconds")
          const known = new Set(others.map(({ peer }) => peer))
          for (const citizen of newcomers) {
            assert.strictEqual(yield* outboundOf(citizen), sessionCount)
            for (const peer of citizen.pool.links().keys()) assert.isTrue(known.has(peer))
          }
        }),
        { seed: 1 }
      )
  )
})
