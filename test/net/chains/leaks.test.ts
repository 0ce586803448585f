import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { churn } from "../../bench/support/churn.ts"

describe("sessions over TCP that end in every way there is", () => {
  // Ten thousand of them: npm run bench:leaks.
  it.live("leave no fiber, session, stream, timer or socket behind", () =>
    Effect.gen(function*() {
      const { after, before } = yield* churn({ chains: 24, sessions: 120, warmUp: 60, seed: 1 })
      // A few are always under way: the link's, the book's. The same few after any number of sessions.
      for (const what of ["fibers", "sessions", "streams", "timers", "sockets"] as const) {
        assert.isAtMost(after[what], before[what] + 4, what)
      }
    }), 120_000)
})
