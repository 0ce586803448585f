/** Two hundred attackers against five honest peers. With CHAIN_P2P_FULL=1 they are 200, else 30. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Network, SimulatedHost } from "../../../inprocess/index.ts"
import type { SelectionPolicy } from "../../../signatures/index.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { chainsOf, type Citizen, citizen, isFull, patience } from "./town.ts"

const inprocess = inprocessBackend(1)
const chains = chainsOf(2)
/** Enough of them to take all inbound slots of everybody. */
const attackerCount = isFull ? 200 : 30
const exchange = { provenFor: "1 second" } as const
/** Has its sessions with others, of whom we need to know nothing: nobody is helped by being asked. */
const content: SelectionPolicy = { pick: () => [] }

/** Honest hosts in address groups of their own, and attackers in three. */
const sides = Effect.fnUntraced(function*(network: Network) {
  const honest: Array<SimulatedHost> = []
  for (let n = 0; n < 5; n++) honest.push(yield* network.host({ addresses: [`/ip4/30.0.${n}.1/tcp/7400`] }))
  const attackers: Array<SimulatedHost> = []
  for (let n = 0; n < attackerCount; n++) {
    attackers.push(yield* network.host({ addresses: [`/ip4/66.6.${n % 3}.${1 + Math.floor(n / 3)}/tcp/7400`] }))
  }
  return { honest, attackers }
})

/** They accept everybody, never end a session, tell of each other, and come to the victims all at once. */
const attack = Effect.fnUntraced(function*(
  attackers: ReadonlyArray<SimulatedHost>,
  victims: ReadonlyArray<SimulatedHost>
) {
  const isVictim = new Set(victims.map(({ peer }) => peer))
  const policy: SelectionPolicy = {
    pick: ({ candidates }) => candidates.flatMap(({ peer }) => isVictim.has(peer) ? [peer] : [])
  }
  const config = { maxInboundCount: 500, sessionCount: 64, sessionTimeout: "Infinity", policy } as const
  for (const [n, host] of attackers.entries()) {
    const knows = [...victims, ...attackers.slice(n + 1, n + 9)]
    yield* citizen(host, { chains, knows, config, exchange: { ...exchange, enough: 10 } })
  }
})

describe("attackers in three address groups", () => {
  it.each(
    [
      ["of a peer that they all come to", false],
      ["of one where they come to all honest peers, and keep each slot that they get", true]
    ] as const
  )(
    "never hold all sessions of a chain, before a restart and after it: %s",
    (_, comeToAll) =>
      inprocess.run(
        Effect.gen(function*() {
          const { network } = yield* inprocess.world(0)
          const { attackers, honest } = yield* sides(network)
          const us = yield* network.host()
          for (const host of honest) {
            yield* citizen(host, { chains, knows: [], config: { policy: content }, exchange })
          }
          yield* attack(attackers, comeToAll ? [us, ...honest] : [us])
          yield* Effect.sleep(comeToAll ? "1 minute" : "10 seconds")

          const isHonest = new Set(honest.map(({ peer }) => peer))
          /** Of each chain: outbound sessions with honest peers, and with others. */
          const held = (citizen: Citizen) =>
            Effect.forEach(citizen.nodes, ({ sessions }) =>
              Effect.map(sessions, (all) => {
                const outbound = all.filter(({ direction }) => direction === "outbound")
                const good = outbound.filter(({ peer }) => isHonest.has(peer)).length
                return [good, outbound.length - good] as const
              }))
          const live = Effect.fnUntraced(function*(host: SimulatedHost, knows: ReadonlyArray<SimulatedHost>) {
            const scope = yield* Scope.make()
            const config = { sessionTimeout: "20 seconds" } as const
            const citizenship = yield* Scope.provide(citizen(host, { chains, knows, config, exchange }), scope)
            yield* Effect.sleep("10 seconds")
            let worst = Infinity
            for (let tenth = 0; tenth < 600; tenth++) {
              for (const [good, bad] of yield* held(citizenship)) {
                worst = Math.min(worst, good)
                assert.isAtMost(bad, 3)
              }
              yield* Effect.sleep("100 millis")
            }
            assert.isAtLeast(worst, 1)
            return scope
          })
          // The power fails, and after it nobody tells us of anybody: what we know is in the book.
          const before = yield* live(us, [...honest, ...attackers.slice(0, 100)])
          const again = yield* network.restart(us)
          yield* Scope.close(before, Exit.void)
          yield* Scope.close(yield* live(again, []), Exit.void)
        }),
        { seed: 11 }
      ),
    patience
  )

  it(
    "don't come between honest peers that look for peers themselves: each has a session with another one at all times",
    () =>
      inprocess.run(
        Effect.gen(function*() {
          const { network } = yield* inprocess.world(0)
          const { attackers, honest } = yield* sides(network)
          yield* attack(attackers, honest)
          yield* Effect.sleep("20 seconds")
          const isHonest = new Set(honest.map(({ peer }) => peer))
          const config = { sessionTimeout: "20 seconds" } as const
          const citizens = yield* Effect.forEach(honest, (host) => {
            const knows = [...honest.filter((other) => other !== host), ...attackers.slice(0, 20)]
            return citizen(host, { chains, knows, config, exchange })
          })
          yield* Effect.sleep("10 seconds")
          for (let tenth = 0; tenth < 300; tenth++) {
            for (const { sessions } of citizens.flatMap(({ nodes }) => nodes)) {
              // Whoever opened it: who is called by all others has nobody left to call.
              assert.isAtLeast((yield* sessions).filter(({ peer }) => isHonest.has(peer)).length, 1)
            }
            yield* Effect.sleep("100 millis")
          }
        }),
        { seed: 11 }
      ),
    patience
  )
})
