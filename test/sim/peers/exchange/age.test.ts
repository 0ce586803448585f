/** Records that are old, or from clocks that are wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option } from "effect"
import type { SimulatedHost } from "../../../../inprocess/index.ts"
import { Identity, type PeerId } from "../../../../signatures/index.ts"
import { isCurrent } from "../../../../src/peers/exchange/age.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { chainOf, type Citizen, settle, soon } from "./society.ts"

const inprocess = inprocessBackend(3)
const chain = chainOf("a")
const day = 24 * 60 * 60_000
const quiet = { chains: [chain], node: { policy: { pick: () => [] } } }

describe("how old a record is", () => {
  it.each([[0, true], [6.9, true], [-6.9, true], [7, false], [-7, false], [3_650, false], [-20_000, false]] as const)(
    "%d days: whether it is taken: %s",
    (days, taken) => {
      const today = 20_000 * day
      assert.strictEqual(isCurrent({ sequence: BigInt(today - days * day) }, today), taken)
    }
  )

  it("is bounded whatever the number in it", () => {
    assert.isFalse(isCurrent({ sequence: 0n }, 20_000 * day))
    assert.isFalse(isCurrent({ sequence: 2n ** 64n - 1n }, 20_000 * day))
  })
})

/** One who asks, one who answers, and one to be told of. */
const three = Effect.fnUntraced(function*() {
  const { hosts: [teller, asker, subject], network } = yield* inprocess.world(3)
  if (teller === undefined || asker === undefined || subject === undefined) return assert.fail("three hosts")
  return { teller, asker, subject, network }
})

const meet = Effect.fnUntraced(function*({ pool }: Citizen, other: SimulatedHost) {
  yield* pool.lease(other.peer, chain)
})

const told = Effect.fnUntraced(function*(asker: Citizen, teller: SimulatedHost) {
  const answer = Option.getOrThrow(yield* asker.control.askPeers(teller.peer))
  const { open } = Context.get(asker.host.services, Identity)
  return yield* Effect.forEach(answer, (record) => Effect.map(Effect.orDie(open(record)), ({ peer }): PeerId => peer))
})

describe("a peer whose clock is wrong", () => {
  it("by six days is told of all the same", () =>
    inprocess.run(Effect.gen(function*() {
      const { asker, network, subject, teller } = yield* three()
      yield* network.setSkew(subject, -6 * day)
      yield* network.setSkew(teller, 6 * day / 10)
      yield* settle(teller, { ...quiet, knows: [], exchange: soon })
      yield* Effect.flatMap(settle(subject, { ...quiet, knows: [teller] }), (citizen) => meet(citizen, teller))
      const curious = yield* settle(asker, { ...quiet, knows: [teller] })
      yield* meet(curious, teller)
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(yield* told(curious, teller), [subject.peer])
    })))

  it("by a month is told of to nobody, loses no link and is not charged; and it is told of once its clock is set", () =>
    inprocess.run(Effect.gen(function*() {
      const { asker, network, subject, teller } = yield* three()
      yield* network.setSkew(subject, -30 * day)
      const knowing = yield* settle(teller, { ...quiet, knows: [], exchange: soon })
      const behind = yield* settle(subject, { ...quiet, knows: [teller] })
      yield* meet(behind, teller)
      const curious = yield* settle(asker, { ...quiet, knows: [teller] })
      yield* meet(curious, teller)
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(yield* told(curious, teller), [])
      // What it says itself, of itself, counts: it is there.
      assert.isNotEmpty(Option.getOrThrow(knowing.book.peer(subject.peer)).addresses)
      yield* network.setSkew(subject, 0)
      yield* Effect.sleep("10 seconds")
      assert.deepStrictEqual(yield* told(curious, teller), [subject.peer])
      assert.isTrue(knowing.pool.links().has(subject.peer))
      for (const { book } of [knowing, behind, curious]) {
        for (const { peer } of book.all()) {
          assert.deepStrictEqual(book.history(peer).filter(({ did }) => did !== "good"), [])
        }
      }
    })))

  it("or jumps, does no more than that: its sessions and links stay, and it charges nobody", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(5)
      const node = { sessionCount: 2, sessionTimeout: "Infinity" } as const
      const citizens = yield* Effect.forEach(
        hosts,
        (host) => settle(host, { chains: [chain], knows: hosts, node, exchange: soon })
      )
      yield* Effect.sleep("20 seconds")
      const sessions = Effect.forEach(
        citizens,
        ({ nodes: [only] }) =>
          only === undefined
            ? assert.fail("a node")
            : Effect.map(only.sessions, (all) => all.map(({ peer }) => peer).toSorted())
      )
      const before = yield* sessions
      const [jumper] = hosts
      if (jumper === undefined) return assert.fail("five hosts")
      for (const step of [400, -800, 20_000, -19_600]) {
        yield* network.stepClock(jumper, step * day)
        yield* Effect.sleep("1 minute")
      }
      assert.deepStrictEqual(yield* sessions, before)
      for (const { book } of citizens) {
        for (const { peer } of hosts) {
          assert.deepStrictEqual(book.history(peer).filter(({ did }) => did === "failed"), [])
        }
      }
    })))
})
