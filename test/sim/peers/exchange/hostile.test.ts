/** What a peer can do by what it says of others. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Logger, Option } from "effect"
import type { SimulatedHost } from "../../../../inprocess/index.ts"
import { type Address, addressFacts, Identity, type PeerId } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { address, chainOf, type Citizen, settle, soon } from "./society.ts"

const chain = chainOf("a")
const day = 24 * 60 * 60_000

/** One who asks as often as can be, and whom nobody tells the same for long. */
const greedy = { ...soon, askAgain: "1 second", sameFor: "1 second" } as const

/** A victim, and so many peers that hold a link to it and answer whatever the test says. */
const besieged = Effect.fnUntraced(function*(count: number) {
  const { hosts, network } = yield* inprocess.world(count + 1)
  const [victims, ...liars] = hosts
  if (victims === undefined) return assert.fail("hosts were asked for")
  const victim = yield* settle(victims, { chains: [chain], knows: [], exchange: greedy })
  const attackers: Array<Citizen> = []
  for (const liar of liars) {
    const attacker = yield* settle(liar, { chains: [], knows: [victims] })
    yield* attacker.pool.lease(victims.peer, chain)
    attackers.push(attacker)
  }
  return { network, victim, attackers, identities: liars.map(({ services }) => Context.get(services, Identity)) }
})

/** A few of each kind, in turn. */
const useless = (n: number, own: Address): ReadonlyArray<Address> => {
  const all = uselessOfAllKinds(n, own)
  const first = (n * 3) % all.length
  return all.slice(first, first + 3)
}

const uselessOfAllKinds = (n: number, own: Address): ReadonlyArray<Address> => [
  // Documentation, this network, link-local, multicast.
  address(`/ip4/192.0.2.${n % 256}/tcp/7400`),
  address(`/ip4/0.0.${n % 256}.1/tcp/7400`),
  address(`/ip4/169.254.${n % 256}.1/tcp/7400`),
  address(`/ip6/ff02::${(n % 65_535).toString(16)}/tcp/7400`),
  // Private, loopback.
  address(`/ip4/10.${Math.floor(n / 256) % 256}.${n % 256}.1/tcp/7400`),
  address(`/ip4/127.0.0.1/tcp/${1 + (n % 65_535)}`),
  // The victim's own, port 0, names.
  own,
  address(`/ip4/8.8.${n % 256}.8/tcp/0`),
  address(`/dns4/host-${n}.example.org/tcp/7400`)
]

describe("a hundred thousand records that are of no use", () => {
  it(
    "are all dropped without a word, the expired too: none is dialled, nothing is kept, and nobody is charged",
    { timeout: 300_000 },
    () =>
      inprocess.run(
        Effect.gen(function*() {
          const { attackers, network, victim } = yield* besieged(20)
          const [own] = victim.host.addresses
          if (own === undefined) return assert.fail("the victim listens")
          // Signed by peers that exist, about places that don't.
          const strangers = yield* Effect.forEach(Array.from({ length: 6 }), () => network.host())
          // About places that do, by peers that were there long ago, or will be.
          const past = yield* network.host({ skew: -8 * day })
          const future = yield* network.host({ skew: 8 * day })
          const count = { made: 0, ofOtherTimes: 0 }
          const sealed = ({ services }: SimulatedHost, addresses: ReadonlyArray<Address>) =>
            Effect.runSyncWith(services)(Context.get(services, Identity).seal(addresses))
          const record = (signer: SimulatedHost) => sealed(signer, useless(count.made++, own))
          const ofOtherTime = (signer: SimulatedHost) => {
            count.ofOtherTimes++
            return sealed(signer, [address(`/ip4/20.8.${count.made++ % 256}.1/tcp/7400`)])
          }
          for (const { control } of attackers) {
            yield* control.answerPeers(() => [...strangers.map(record), ...[past, future].map(ofOtherTime)])
          }
          yield* Effect.sleep("100 millis")
          const addresses = () => victim.book.all().flatMap((facts) => facts.addresses)
          const before = addresses().length
          while (count.made < 100_000) yield* Effect.sleep("10 seconds")
          assert.strictEqual(addresses().length, before)
          assert.isAtMost(victim.book.all().length, attackers.length)
          assert.deepStrictEqual(victim.dialled, [])
          for (const { host } of attackers) assert.isTrue(Option.isNone(victim.book.bannedUntil(host.peer)))
          assert.strictEqual(victim.pool.links().size, attackers.length)
          assert.isAtLeast(count.ofOtherTimes, 20_000)
        }),
        { seed: 1 }
      )
  )
})

describe("records that are not what they say", () => {
  const forged = Effect.fnUntraced(function*(spoil: (record: Uint8Array) => Uint8Array) {
    const { attackers: [attacker], identities: [identity], victim } = yield* besieged(1)
    if (attacker === undefined || identity === undefined) return assert.fail("one was asked for")
    const good = yield* identity.seal([address("/ip4/20.1.1.1/tcp/7400")])
    yield* attacker.control.answerPeers(() => [spoil(good)])
    yield* Effect.sleep("5 seconds")
    return { victim, peer: attacker.host.peer }
  }, Effect.provide(Logger.layer([])))

  it.each<readonly [string, (record: Uint8Array) => Uint8Array]>([
    ["a damaged signature", (record) => record.map((byte, n) => n === 36 ? byte ^ 1 : byte)],
    ["another text under a signature", (record) => record.map((byte, n) => n === record.length - 4 ? byte ^ 1 : byte)],
    ["somebody else's name", (record) => record.map((byte, n) => n === 10 ? byte ^ 1 : byte)],
    ["no signature", (record) => record.subarray(44)],
    ["noise", () => Uint8Array.from({ length: 100 }, (_, n) => n)]
  ])("have whoever hands them on banned, and the link ended: %s", (_, spoil) =>
    inprocess.run(
      Effect.gen(function*() {
        const { peer, victim } = yield* forged(spoil)
        assert.isTrue(Option.isSome(victim.book.bannedUntil(peer)))
        assert.strictEqual(victim.pool.links().size, 0)
        assert.deepStrictEqual(victim.dialled, [])
      }),
      { seed: 1 }
    ))

  it("but not where an honest record is handed on a second time, or is older than what is known", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { peer, victim } = yield* forged((record) => record)
        assert.isTrue(Option.isNone(victim.book.bannedUntil(peer)))
        assert.isTrue(victim.pool.links().has(peer))
      }),
      { seed: 1 }
    ))
})

describe("records of peers that could exist", () => {
  it("become candidates that nothing is known of, as many as the book holds for their address groups", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { attackers: [attacker], network, victim } = yield* besieged(1)
        if (attacker === undefined) return assert.fail("one was asked for")
        const strangers = yield* Effect.forEach(Array.from({ length: 200 }), () => network.host())
        const records = yield* Effect.forEach(
          strangers,
          ({ services }, n) =>
            Context.get(services, Identity).seal([address(`/ip4/20.99.${n % 3}.${1 + Math.floor(n / 3)}/tcp/7400`)])
        )
        let next = 0
        yield* attacker.control.answerPeers(() =>
          Array.from({ length: 8 }, () => records[next++ % 200] ?? new Uint8Array(1))
        )
        yield* Effect.sleep("2 minutes")
        const learnt = victim.book.all().filter(({ peer }) => peer !== attacker.host.peer)
        assert.isAbove(learnt.length, 30)
        const groups = new Map<string, number>()
        for (const { addresses, lastSuccess } of learnt) {
          assert.isTrue(Option.isNone(lastSuccess))
          for (const one of addresses) {
            const group = Option.getOrElse(addressFacts(one).group, () => "")
            groups.set(group, (groups.get(group) ?? 0) + 1)
          }
        }
        assert.isAtMost(Math.max(...groups.values()), 32)
        const banned: ReadonlyArray<PeerId> = victim.book.all().flatMap(({ peer }) =>
          Option.isSome(victim.book.bannedUntil(peer)) ? [peer] : []
        )
        assert.deepStrictEqual(banned, [])
      }),
      { seed: 1 }
    ))
})
