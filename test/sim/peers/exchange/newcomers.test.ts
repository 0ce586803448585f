import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { P2pNode } from "../../../../signatures/index.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { isFull } from "../town.ts"
import { chainOf, knownOf, outboundOf, settle, soon } from "./society.ts"

const inprocess = inprocessBackend(3)
/** With CHAIN_P2P_FULL=1 several. */
const seeds = isFull ? [1, 2, 3, 4, 5, 6, 7, 8] : [1]
const chains = [chainOf("a"), chainOf("b")]
/** As many inbound sessions as all the others need, and one for a newcomer. */
const node = { sessionCount: 3, maxInboundCount: 4, newcomerSlots: 1, maxSessionCount: 7 }

const sessionsOf = (nodes: ReadonlyArray<P2pNode>) =>
  Effect.map(Effect.forEach(nodes, ({ sessions }) => sessions), (all) => all.map((sessions) => sessions.length))

describe("four newcomers of a full network of twelve that all know the same resident", () => {
  it.each(seeds)(
    "have sessions on every chain within a minute, and no resident falls below its target for them (seed %i)",
    {
      timeout: 60_000
    },
    (seed) =>
      inprocess.run(
        Effect.gen(function*() {
          const { hosts, network } = yield* inprocess.world(12)
          const residents = yield* Effect.forEach(
            hosts,
            (host) => settle(host, { chains, knows: hosts.filter((other) => other !== host), node, exchange: soon })
          )
          yield* Effect.sleep("15 seconds")
          const inbound = yield* Effect.forEach(residents, ({ nodes }) => sessionsOf(nodes))
          assert.strictEqual(inbound.flat().reduce((sum, sessions) => sum + sessions, 0), 12 * 2 * 6)
          const [known] = hosts
          if (known === undefined) return assert.fail("twelve hosts were asked for")
          const newcomers = yield* Effect.forEach(
            Array.from({ length: 4 }),
            () =>
              Effect.flatMap(network.host(), (host) => settle(host, { chains, knows: [known], node, exchange: soon }))
          )
          for (let second = 0; second < 60; second++) {
            yield* Effect.sleep("1 second")
            for (const resident of residents) assert.strictEqual(yield* outboundOf(resident), 3)
          }
          for (const newcomer of newcomers) {
            for (const sessions of yield* sessionsOf(newcomer.nodes)) assert.isAtLeast(sessions, 1)
          }
        }),
        { seed }
      )
  )
})

describe("a newcomer that is turned away", () => {
  it("learns of others by the rejection alone", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(6)
      const [door, ...others] = hosts
      if (door === undefined) return assert.fail("six hosts were asked for")
      // The door takes nobody in, and the others have room.
      const closed = { ...node, newcomerSlots: 0, maxInboundCount: 0 }
      yield* settle(door, { chains, knows: others, node: closed, exchange: soon })
      yield* Effect.forEach(others, (host) => settle(host, { chains, knows: [door], node, exchange: soon }))
      yield* Effect.sleep("10 seconds")
      // It hears what rejections name, and never asks by itself.
      const newcomer = yield* settle(yield* network.host(), {
        chains,
        knows: [door],
        node,
        exchange: { ...soon, enough: 0, visitEvery: "Infinity" }
      })
      yield* Effect.sleep("5 seconds")
      assert.isAtLeast(knownOf(newcomer), 4)
      assert.isAtLeast(yield* outboundOf(newcomer), 1)
    })))
})
