/** Whole processes on the simulated network: the product's own code, from the node down to the frames. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import type { SimulatedHost } from "../../../inprocess/index.ts"
import {
  type Chain,
  chainId,
  type NodeEvent,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  withPeer
} from "../../../signatures/index.ts"
import { alpha, beta, type Process, process, room } from "../../laws/nodes.ts"
import { inprocessBackend } from "../../support/inprocess.ts"

const inprocess = inprocessBackend(3)
const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

interface Resident {
  readonly host: SimulatedHost
  readonly process: Process
  readonly nodes: ReadonlyArray<P2pNode>
  readonly events: Array<NodeEvent>
  readonly leave: Effect.Effect<void>
}

/** `count` processes of which each knows the first few, each with a node for every chain. */
const populate = Effect.fnUntraced(function*(
  count: number,
  config: Partial<P2pNodeConfig> = {},
  chains: ReadonlyArray<Chain> = [alpha],
  known = 2
) {
  const { hosts, network } = yield* inprocess.world(count)
  const residents: Array<Resident> = []
  for (const host of hosts) {
    residents.push(yield* settle(host, hosts.slice(0, known).filter((one) => one !== host), config, chains))
  }
  return { hosts, network, residents }
})

const settle = Effect.fnUntraced(function*(
  host: SimulatedHost,
  knows: ReadonlyArray<SimulatedHost>,
  config: Partial<P2pNodeConfig>,
  chains: ReadonlyArray<Chain> = [alpha]
) {
  const scope = yield* room
  const made = yield* process(host, knows).pipe(Scope.provide(scope))
  const nodes: Array<P2pNode> = []
  const events: Array<NodeEvent> = []
  for (const chain of chains) {
    const node = yield* made.node({ chain, sessionCount: 3, ...config }, idle).pipe(Scope.provide(scope))
    nodes.push(node)
    yield* Stream.runForEach(node.events, (event) => Effect.sync(() => events.push(event))).pipe(
      Effect.forkScoped({ startImmediately: true })
    )
  }
  return { host, process: made, nodes, events, leave: Scope.close(scope, Exit.void) } satisfies Resident as Resident
})

/** Everybody learns of everybody, as peer exchange will have it. */
const introduceAll = (residents: ReadonlyArray<Resident>) => {
  for (const { process: { book }, host } of residents) {
    for (const { host: { addresses, peer } } of residents) {
      if (peer !== host.peer) book.learn({ peer, sequence: 0n, addresses: [...addresses] }, "bootstrap")
    }
  }
}

const isAtTarget = ({ nodes }: Resident) =>
  Effect.map(Effect.forEach(nodes, ({ stats }) => stats), (all) => all.every(({ atTarget }) => atTarget))
const peersOf = ({ nodes }: Resident) =>
  Effect.map(Effect.forEach(nodes, ({ sessions }) => sessions), (all) => all.flat().map(({ peer }) => peer))

const failures = ({ events }: Resident) =>
  events.flatMap((event) =>
    event._tag === "SessionEnded" && event.outcome._tag === "Failed" ? [event.outcome.error.reason] : []
  )

describe("nodes on a simulated network", () => {
  it("reach their targets within 30 seconds, and half of them again after the other half was killed", () =>
    inprocess.run(Effect.gen(function*() {
      const { network, residents } = yield* populate(16, { sessionCount: 2 })
      introduceAll(residents)
      yield* Effect.sleep("30 seconds")
      for (const resident of residents) {
        assert.isTrue(yield* isAtTarget(resident))
        assert.isAtLeast((yield* peersOf(resident)).length, 2)
      }
      const [dead, alive] = [residents.slice(0, 8), residents.slice(8)]
      for (const { host } of dead) yield* network.kill(host)
      yield* Effect.sleep("30 seconds")
      const gone = new Set(dead.map(({ host }) => host.peer))
      for (const resident of alive) {
        assert.isTrue(yield* isAtTarget(resident))
        const peers = yield* peersOf(resident)
        assert.isAtLeast(peers.length, 2)
        assert.isFalse(peers.some((peer) => gone.has(peer)))
      }
    })))

  it("run two chains over shared links, each with sessions of its own", () =>
    inprocess.run(Effect.gen(function*() {
      const { network, residents } = yield* populate(4, {}, [alpha, beta])
      introduceAll(residents)
      yield* Effect.sleep("30 seconds")
      for (const resident of residents) {
        assert.isTrue(yield* isAtTarget(resident))
        assert.strictEqual((yield* peersOf(resident)).length, 6)
        assert.strictEqual(network.linkCount(resident.host), 3)
      }
    })))

  it("hold one session per pair at any time, though everybody opens to everybody at once", () =>
    inprocess.run(Effect.gen(function*() {
      const { residents } = yield* populate(6, { sessionCount: 5 }, [alpha], 6)
      yield* Effect.sleep("10 seconds")
      for (const resident of residents) {
        const peers = yield* peersOf(resident)
        assert.strictEqual(new Set(peers).size, 5)
        assert.strictEqual(peers.length, 5)
        assert.deepStrictEqual(failures(resident).filter((reason) => reason !== "superseded"), [])
      }
    })))

  it("rotate for an hour without one failure, and are at their targets after it", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { residents } = yield* populate(6)
        introduceAll(residents)
        yield* Effect.sleep("1 hour")
        for (const resident of residents) {
          assert.isTrue(yield* isAtTarget(resident))
          assert.deepStrictEqual(failures(resident).filter((reason) => reason !== "superseded"), [])
        }
      }),
      { seed: 3 }
    ))

  it("do nothing for ten minutes when there is nothing to do", () =>
    inprocess.run(Effect.gen(function*() {
      const { residents } = yield* populate(4, { sessionTimeout: "Infinity" })
      introduceAll(residents)
      yield* Effect.sleep("1 minute")
      const said = residents.map(({ events }) => events.length)
      yield* Effect.sleep("10 minutes")
      assert.deepStrictEqual(residents.map(({ events }) => events.length), said)
    })))

  it("give a newcomer a session within a minute though all others are full", () =>
    inprocess.run(Effect.gen(function*() {
      const { network, residents } = yield* populate(6, { sessionCount: 2, sessionTimeout: "1 minute" }, [alpha], 6)
      yield* Effect.sleep("2 minutes")
      const late = yield* settle(yield* network.host(), residents.map(({ host }) => host), { sessionCount: 2 })
      yield* Effect.sleep("1 minute")
      assert.isAtLeast((yield* peersOf(late)).length, 1)
    })))

  it("find each other again after a partition", () =>
    inprocess.run(Effect.gen(function*() {
      const { network, residents } = yield* populate(6, {}, [alpha], 6)
      yield* Effect.sleep("30 seconds")
      yield* network.partition(residents.slice(0, 3).map(({ host }) => host))
      yield* Effect.sleep("2 minutes")
      yield* network.heal
      yield* Effect.sleep("3 minutes")
      for (const resident of residents) assert.isTrue(yield* isAtTarget(resident))
      const side = new Set(residents.slice(0, 3).map(({ host }) => host.peer))
      const across = yield* Effect.forEach(residents.slice(3), peersOf)
      assert.isTrue(across.flat().some((peer) => side.has(peer)))
    })))

  it("take a restarted peer back", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(2)
      const [a, b] = hosts
      if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
      const first = yield* settle(a, [b], {})
      const second = yield* settle(b, [], {})
      yield* Effect.sleep("5 seconds")
      assert.deepStrictEqual(yield* peersOf(first), [b.peer])
      yield* network.kill(b)
      yield* Effect.forkScoped(second.leave)
      yield* Effect.sleep("20 seconds")
      assert.deepStrictEqual(yield* peersOf(first), [])
      yield* settle(yield* network.restart(b), [], {})
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(yield* peersOf(first), [b.peer])
    })))
})

describe("a private node on a simulated network", () => {
  it("is found by nobody but its known peers, who need not know that it is private", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts } = yield* inprocess.world(3)
      const [hidden, friend, stranger] = hosts
      if (hidden === undefined || friend === undefined || stranger === undefined) return assert.fail("three hosts")
      const known = friend.addresses.map((address) => withPeer(address, friend.peer))
      const secret = yield* settle(hidden, [stranger], { private: true, knownPeers: known })
      const other = yield* settle(friend, [], {})
      const curious = yield* settle(stranger, [hidden], {})
      yield* Effect.sleep("2 minutes")
      assert.deepStrictEqual(yield* peersOf(secret), [friend.peer])
      assert.deepStrictEqual(yield* peersOf(other), [hidden.peer])
      assert.deepStrictEqual(yield* peersOf(curious), [])
      const facts = secret.process.book.peer(friend.peer)
      assert(facts._tag === "Some")
      assert.deepStrictEqual([...facts.value.sticky], [chainId(alpha)])
    })))
})

describe("L10, to the instant", () => {
  it("a chain that is stalled or flooded changes the time of another's operations by exactly 0", () => {
    const rounds = 20
    /** When each answer of the other chain came, in virtual time. */
    const course = (disturb: boolean) =>
      inprocess.runSync(
        Effect.gen(function*() {
          const { hosts } = yield* inprocess.world(2, { jitter: 0, splitting: 0 })
          const [a, b] = hosts
          if (a === undefined || b === undefined) return assert.fail("two hosts were asked for")
          const [there, here] = [yield* process(b), yield* process(a, [b])]
          const stalled: P2pSession<unknown> = ({ send }) =>
            disturb ? Effect.forever(send(new Uint8Array(30_000))) : Effect.never
          yield* there.node({ chain: alpha, sessionTimeout: "Infinity" }, () => Effect.never)
          yield* here.node({ chain: alpha, sessionTimeout: "Infinity" }, stalled)
          yield* Effect.sleep("1 second")
          const times: Array<number> = []
          const echo: P2pSession<unknown> = ({ receive, send }) => Effect.forever(Effect.flatMap(receive, send))
          const ask: P2pSession<unknown> = ({ receive, send }) =>
            Effect.gen(function*() {
              for (let i = 0; i < rounds; i++) {
                yield* send(Uint8Array.of(i))
                yield* receive
                times.push(Number(yield* Effect.clockWith((clock) => Effect.succeed(clock.monotonicTimeNanosUnsafe()))))
              }
              return yield* Effect.never
            })
          yield* there.node({ chain: beta, sessionTimeout: "Infinity" }, echo)
          yield* here.node({ chain: beta, sessionTimeout: "Infinity" }, ask)
          yield* Effect.sleep("5 seconds")
          return times
        }),
        { seed: 1 }
      )
    const [alone, beside] = [course(false), course(true)]
    assert.strictEqual(alone.length, rounds)
    assert.deepStrictEqual(beside, alone)
  })
})
