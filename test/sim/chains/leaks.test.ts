import { describe, expect, it } from "vitest"
import { simulatedChurn } from "../../bench/support/simChurn.ts"

describe("simulated sessions that end in every way there is, while links, hosts and chains come and go", () => {
  // A million of them: npm run bench:leaks -- --simulated.
  it("leave no fiber, timer, link, lease, session, stream or map behind", () => {
    const { after, before, faults } = simulatedChurn({ sessions: 2_000, warmUp: 300, seed: 1 })
    expect(faults).toBeGreaterThan(10)
    const { bytes: _, maps, sets, ...counts } = after
    expect(before).toMatchObject(counts)
    expect(counts).toMatchObject({ links: 0, leases: 0, sessions: 0, streams: 0 })
    // Those of the test runner are among them.
    expect(maps - before.maps).toBeLessThan(100)
    expect(sets - before.sets).toBeLessThan(100)
  }, 120_000)
})
