/** Many peers of few address groups that all want to come in. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isBusy } from "../../../src/node/pair.ts"
import { statsOf } from "../../../src/node/stats.ts"
import { address, NodeWorld, peerId } from "./world.ts"

const config = { sessionCount: 6, maxInboundCount: 12, newcomerSlots: 0 }
const comeFrom = (world: NodeWorld, group: string, from: number, count: number) =>
  Array.from({ length: count }, (_, n) => world.hello(peerId(from + n), { group }))
const accepted = (answers: ReadonlyArray<string>) => answers.filter((answer) => answer === "accepted").length

/** How many inbound sessions each group holds. */
const heldBy = (world: NodeWorld): ReadonlyMap<string | undefined, number> => {
  const held = new Map<string | undefined, number>()
  for (const pair of world.pairs.values()) {
    if (isBusy(pair) && pair.state === "Active") held.set(pair.groups[0], (held.get(pair.groups[0]) ?? 0) + 1)
  }
  return held
}

const closeEnded = (world: NodeWorld) => {
  for (const [attempt, { asked }] of world.sessions) if (asked) world.released(attempt)
}

describe("peers of one address group", () => {
  it("take all the room but what is kept for other groups", () => {
    const world = new NodeWorld(config)
    expect(accepted(comeFrom(world, "a", 0, 20))).toBe(9)
    expect(world.hello(peerId(30), { group: "b" })).toBe("accepted")
    expect(world.hello(peerId(31), { group: "a" })).toBe("full")
  })

  it("take all of little room", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 3, newcomerSlots: 0 })
    expect(accepted(comeFrom(world, "a", 0, 5))).toBe(3)
  })

  it("make room again when others have taken what was kept: the youngest of them, told that we drain", () => {
    const world = new NodeWorld(config)
    for (let n = 0; n < 9; n++) {
      world.hello(peerId(n), { group: "a" })
      world.pass(1_000)
    }
    world.hello(peerId(30), { group: "b" })
    const ended = [...world.sessions.values()].flatMap(({ asked, peer }) => asked ? [peer] : [])
    expect(ended).toEqual([peerId(8)])
    closeEnded(world)
    expect(heldBy(world)).toEqual(new Map([["a", 8], ["b", 1]]))
  })

  it("hold no more than their share once there are three such groups, and others find room at once", () => {
    const world = new NodeWorld(config)
    for (const [n, group] of ["a", "b", "c"].entries()) {
      for (let round = 0; round < 5; round++) {
        comeFrom(world, group, 20 * n, 20)
        closeEnded(world)
      }
    }
    expect(heldBy(world)).toEqual(new Map([["a", 3], ["b", 3], ["c", 3]]))
    expect(["d", "e", "f"].map((group, n) => world.hello(peerId(80 + n), { group }))).toEqual(
      ["accepted", "accepted", "accepted"]
    )
    expect(statsOf(world.state).closing).toBe(0)
  })

  it("are let in as long as there is room when the user named them", () => {
    const knownPeers = Array.from({ length: 12 }, (_, n) => address(`/ip4/20.1.1.${n}/tcp/1/p2p/${peerId(n)}`))
    const world = new NodeWorld({ ...config, knownPeers })
    expect(accepted(comeFrom(world, "a", 0, 12))).toBe(12)
    // Nobody of them has to go for others.
    expect(world.hello(peerId(30), { group: "b" })).toBe("full")
    expect([...world.sessions.values()].filter(({ asked }) => asked)).toEqual([])
  })

  it("don't come in a crowd where addresses have no group, as on a local network", () => {
    const world = new NodeWorld(config)
    const answers = Array.from({ length: 12 }, (_, n) => world.hello(peerId(n)))
    expect(accepted(answers)).toBe(12)
  })

  it("of any number: three groups never hold all, however they come, and nobody of a small group is made to go", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 40 }),
        fc.array(fc.record({ peer: fc.nat(99), group: fc.constantFrom("a", "b", "c"), leaves: fc.boolean() }), {
          maxLength: 200
        }),
        (maxInboundCount, comings) => {
          const world = new NodeWorld({ sessionCount: 6, maxInboundCount, newcomerSlots: 0 })
          const share = Math.max(1, Math.floor((maxInboundCount - 1) / 3))
          for (const { group, leaves, peer } of comings) {
            world.pass(10)
            world.hello(peerId(peer), { group })
            const pair = world.pairOf(peerId(peer))
            if (leaves && isBusy(pair)) world.released(pair.attempt)
            const before = heldBy(world)
            closeEnded(world)
            for (const [group, count] of before) expect(Math.min(count, heldBy(world).get(group) ?? 0)).toBe(count)
            const { closing, inbound } = statsOf(world.state)
            expect(inbound + closing).toBeLessThan(maxInboundCount)
          }
          for (const count of heldBy(world).values()) {
            expect(count <= share || statsOf(world.state).inbound <= maxInboundCount - Math.floor(maxInboundCount / 4))
              .toBe(true)
          }
          expect(world.hello(peerId(100), { group: "d" })).toBe("accepted")
        }
      ),
      { numRuns: 200 }
    )
  })
})
