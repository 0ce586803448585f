import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { makeP2pNode } from "../../../../src/node/index.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { chainOf, knownOf, settle, soon } from "./society.ts"

const inprocess = inprocessBackend(3)
const [alpha, beta] = [chainOf("alpha"), chainOf("beta")]
const node = { sessionCount: 1, maxInboundCount: 16, sessionTimeout: Duration.infinity }

/** Knows ten, one of whom knows twelve others; its chain has enough of them to try. */
const contentOne = Effect.gen(function*() {
  const { hosts } = yield* inprocess.world(23)
  const [self, teller, ...others] = hosts
  if (self === undefined || teller === undefined) return assert.fail("hosts were asked for")
  const serving = { chains: [alpha, beta], node }
  yield* settle(teller, { ...serving, knows: [], exchange: soon })
  yield* Effect.forEach(others, (host, n) => settle(host, { ...serving, knows: n < 9 ? [] : [teller] }))
  yield* Effect.sleep("5 seconds")
  const knows = [teller, ...others.slice(0, 9)]
  const content = yield* settle(self, { chains: [alpha], knows, node, exchange: { ...soon, enough: 0 } })
  // The one that could tell of others is linked, and so could be asked.
  yield* Effect.forkScoped(Effect.scoped(Effect.andThen(content.pool.lease(teller.peer, beta), Effect.never)))
  yield* Effect.sleep("1 minute")
  assert.isTrue(content.pool.links().has(teller.peer))
  assert.strictEqual(knownOf(content), 10)
  return { content, others }
})

describe("who has enough peers left to try", () => {
  it("asks nobody until too few of them are left", () =>
    inprocess.run(Effect.gen(function*() {
      const { content, others } = yield* contentOne
      for (const { peer } of others.slice(0, 3)) content.book.ban(peer, Duration.hours(1))
      yield* Effect.sleep("5 seconds")
      assert.isAbove(knownOf(content), 10)
    })))

  it("asks when it serves one more chain that has few", () =>
    inprocess.run(Effect.gen(function*() {
      const { content } = yield* contentOne
      yield* makeP2pNode({ chain: chainOf("gamma"), ...node }, () => Effect.never).pipe(
        Effect.provideContext(content.services)
      )
      yield* Effect.sleep("10 seconds")
      assert.isAbove(knownOf(content), 10)
    })))
})
