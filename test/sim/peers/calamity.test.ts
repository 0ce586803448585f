/**
 * Much goes wrong at once. With CHAIN_P2P_FULL=1 it befalls 100 hosts instead of 24.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { monotonicMillis } from "../../../signatures/index.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { chainsOf, type Citizen, citizen, isFull, patience } from "./town.ts"

const inprocess = inprocessBackend(1)
const chains = chainsOf(2)
const count = isFull ? 100 : 24
const sessionCount = 4
const seeds = isFull ? [4, 5, 6] : [4]

/** The (host, chain)s that hold fewer sessions of their own choice than they want. */
const below = (citizens: ReadonlyArray<Citizen>) =>
  Effect.map(
    Effect.forEach(citizens, ({ nodes }) => Effect.forEach(nodes, ({ stats }) => stats)),
    (all) => all.flat().filter(({ outbound }) => outbound < sessionCount).length
  )

describe("when three in ten hosts are killed, some are cut off for ten seconds, and packets are lost", () => {
  it.each(seeds.flatMap((seed) => [[0.2, seed], [0, seed]] as const))(
    "the survivors are back at their targets within 30 seconds, nobody is banned, and whoever was cut off charges nobody (loss %f, seed %i)",
    (loss, seed) =>
      inprocess.run(
        Effect.gen(function*() {
          const { hosts, network } = yield* inprocess.world(count)
          const exchange = { provenFor: "5 seconds" } as const
          const citizens: Array<Citizen> = []
          for (const host of hosts) {
            const options = { chains, knows: hosts.slice(0, 3), config: { sessionCount }, exchange }
            citizens.push(yield* citizen(host, options))
          }
          yield* Effect.sleep("1 minute")
          assert.strictEqual(yield* below(citizens), 0)

          const began = (yield* monotonicMillis)()
          const dead = new Set(hosts.filter((_, n) => n % 10 < 3).map(({ peer }) => peer))
          const survivors = citizens.filter(({ host }) => !dead.has(host.peer))
          for (const host of hosts) if (dead.has(host.peer)) yield* network.kill(host, { noticedAfter: "1 second" })
          // One large piece, and some hosts with nobody but themselves.
          yield* network.partition(survivors.slice(0, survivors.length / 3).map(({ host }) => host))
          const alone = survivors.slice(0, 3)
          for (const { host } of alone) yield* network.partition([host])
          for (const a of hosts) for (const b of hosts) if (a !== b) yield* network.setLoss(a, b, loss)
          yield* Effect.sleep("10 seconds")
          yield* network.heal
          yield* Effect.sleep("20 seconds")
          assert.strictEqual(yield* below(survivors), 0)
          // Where nothing is lost, nothing else can be charged either, however long it goes on.
          if (loss === 0) yield* Effect.sleep("30 seconds")
          const until = loss === 0 ? Infinity : began + 15_000
          for (const { book } of alone) {
            const charged = survivors.flatMap(({ host: { peer } }) =>
              // What fails later than an opening takes has begun when all was well again, but for the packets that are lost.
              book.history(peer).filter(({ at, did }) => did === "failed" && at >= began && at < until)
            )
            assert.deepStrictEqual(charged.map(({ at, times, what }) => `${what} x${times} ${at - began}`), [])
          }
          for (const { book } of survivors) {
            for (const { peer } of hosts) assert.isTrue(Option.isNone(book.bannedUntil(peer)))
          }
        }),
        { seed }
      ),
    patience
  )
})
