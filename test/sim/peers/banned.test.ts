/** Who is banned hears of it, and leaves the other in peace. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { inprocessBackend } from "../../support/inprocess.ts"
import { chainOf, outboundOf, settle } from "./exchange/society.ts"

const inprocess = inprocessBackend(5)
const chains = [chainOf("a"), chainOf("b")]
const pair = Effect.fnUntraced(function*() {
  const { hosts: [judge, culprit] } = yield* inprocess.world(2)
  if (judge === undefined || culprit === undefined) return assert.fail("two hosts")
  const node = { sessionCount: 1 }
  const strict = yield* settle(judge, { chains, knows: [], node: { ...node, policy: { pick: () => [] } } })
  const banned = yield* settle(culprit, { chains, knows: [judge], node })
  return { strict, banned }
})

describe("a peer that is banned", () => {
  it("does not dial at once who banned it, and waits for ten minutes at a time", () =>
    inprocess.run(Effect.gen(function*() {
      const { banned, strict } = yield* pair()
      yield* Effect.sleep("20 seconds")
      assert.strictEqual(yield* outboundOf(banned), 1)
      const before = banned.dialled.length
      strict.book.ban(banned.host.peer, Duration.hours(1))
      yield* Effect.sleep("5 minutes")
      assert.strictEqual(banned.dialled.length, before)
      yield* Effect.sleep("20 minutes")
      assert.isAtMost(banned.dialled.length, before + 2)
      const line = banned.book.history(strict.host.peer).find(({ what }) => what.includes("banned"))
      assert.deepInclude(line, { what: "banned by the peer", charged: "nobody", did: "waits" })
    })))

  it("waits as long when it is turned away at the door", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [judge, culprit] } = yield* inprocess.world(2)
      if (judge === undefined || culprit === undefined) return assert.fail("two hosts")
      const strict = yield* settle(judge, { chains, knows: [] })
      strict.book.ban(culprit.peer, Duration.hours(1))
      const banned = yield* settle(culprit, { chains, knows: [judge] })
      yield* Effect.sleep("5 minutes")
      assert.isAtMost(banned.dialled.length, 1)
    })))
})
