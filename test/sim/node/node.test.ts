import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Random } from "effect"
import { TestClock } from "effect/testing"
import {
  chainId,
  ConnectionClosed,
  type ConnectionFailed,
  isSmaller,
  type P2pSession,
  PeerBook
} from "../../../signatures/index.ts"
import { makeP2pNode, p2pNode } from "../../../src/node/index.ts"
import { FakeNet, introduce } from "./FakeNet.ts"
import { idle, nth, outcomes, town, witness } from "./town.ts"
import { address, peerId, testChain } from "./world.ts"

const others = (i: number, n: number) => Array.from({ length: n }, (_, k) => k).filter((k) => k !== i)
/** Everybody knows everybody. */
const mesh = (n: number, config = {}) =>
  Array.from({ length: n }, (_, i) => ({ config: { sessionCount: 3, ...config }, knows: others(i, n) }))

describe("a network of nodes", () => {
  it.effect("reaches its targets, and never holds two sessions of one pair", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town(mesh(8))
      yield* TestClock.adjust("10 seconds")
      for (const [i, { node }] of citizens.entries()) {
        const stats = yield* node.stats
        assert.isTrue(stats.atTarget, `node ${i}`)
        const sessions = yield* node.sessions
        assert.strictEqual(new Set(sessions.map(({ peer }) => peer)).size, sessions.length)
        for (const { direction, peer } of sessions) {
          const there = citizens[others(-1, 8).find((k) => peerId(k) === peer) ?? -1]
          const back = there === undefined ? [] : yield* there.node.sessions
          const same = back.filter((one) => one.peer === peerId(i))
          assert.deepStrictEqual(same.map((one) => one.direction), [direction === "inbound" ? "outbound" : "inbound"])
        }
      }
    }))

  it.effect("settles a crossed opening as one session: of the two, the smaller peer's", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town(mesh(2))
      yield* TestClock.adjust("3 seconds")
      const [first, second] = [nth(citizens, 0), nth(citizens, 1)]
      const wins = isSmaller(peerId(0), peerId(1)) ? "outbound" : "inbound"
      assert.deepStrictEqual((yield* first.node.sessions).map(({ direction }) => direction), [wins])
      assert.strictEqual((yield* second.node.sessions).length, 1)
      assert.isTrue([first, second].some(({ events }) =>
        events.some((event) => event._tag === "Transition" && event.by === "crossed")
      ))
    }))

  it.effect("lets no more in than the limit, though many ask in the same moment", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town([
        { config: { sessionCount: 1, maxInboundCount: 3, newcomerSlots: 0 } },
        ...Array.from({ length: 9 }, () => ({ knows: [0], config: { sessionCount: 1 } }))
      ])
      yield* TestClock.adjust(50)
      assert.strictEqual((yield* nth(citizens, 0).node.stats).inbound, 3)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* nth(citizens, 0).node.sessions).length, 3)
    }))

  it.effect("replaces a peer that is killed", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([
        { knows: [1, 2], config: { sessionCount: 1 } },
        {},
        {}
      ])
      const { node } = nth(citizens, 0)
      yield* TestClock.adjust("1 second")
      const [session] = yield* node.sessions
      net.kill(session?.peer ?? peerId(9))
      yield* TestClock.adjust("2 seconds")
      const [next] = yield* node.sessions
      assert.isDefined(next)
      assert.notStrictEqual(next?.peer, session?.peer)
      assert.isTrue((yield* node.stats).atTarget)
    }))

  it.effect("rotates its sessions at either end, and comes back to its target", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town(mesh(5, { sessionTimeout: "1 minute" }))
      yield* TestClock.adjust("5 minutes")
      for (const citizen of citizens) {
        const codes = outcomes(citizen).flatMap((outcome) =>
          outcome._tag === "Ended" ? [`${outcome.by} ${outcome.code}`] : []
        )
        assert.include(codes, "local rotated")
        assert.include(codes, "remote rotated")
        assert.isTrue((yield* citizen.node.stats).atTarget)
        assert.isFalse(outcomes(citizen).some((outcome) => outcome._tag === "Failed"))
      }
    }))

  it.effect("does nothing when there is nothing to do", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town(mesh(4, { sessionTimeout: "Infinity" }))
      yield* TestClock.adjust("10 seconds")
      const [opens, said] = [net.opens, citizens.map(({ events }) => events.length)]
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(net.opens, opens)
      assert.deepStrictEqual(citizens.map(({ events }) => events.length), said)
    }))

  it.effect("opens a peer of which it knows no address as soon as there is a link to it", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([{}, {}])
      const { node, services } = nth(citizens, 0)
      const remote = address("/ip4/127.0.0.1/tcp/3")
      Context.get(services, PeerBook).record({ _tag: "LinkUp", peer: peerId(1), address: remote, direction: "inbound" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(net.opens, 0)
      assert.isTrue((yield* node.stats).atTarget)
      net.linkUp(peerId(1))
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* node.stats).outbound, 1)
    }))

  it.effect("takes the same course from the same seed", () =>
    Effect.gen(function*() {
      const course = Effect.scoped(Effect.gen(function*() {
        const { citizens } = yield* town(mesh(6, { sessionTimeout: "20 seconds" }))
        yield* TestClock.adjust("2 minutes")
        return citizens.map(({ events }) =>
          events.flatMap((event) => event._tag === "Transition" ? [`${event.peer} ${event.from} ${event.to}`] : [])
        )
      }))
      const first = yield* course
      assert.isAbove(first.flat().length, 100)
      assert.deepStrictEqual(yield* course, first)
    }))
})

describe("the end of a node", () => {
  const told = Effect.gen(function*() {
    const end = Deferred.makeUnsafe<ConnectionClosed | ConnectionFailed>()
    const { citizens, net } = yield* town([{ knows: [1] }, { session: witness(end) }])
    yield* TestClock.adjust("1 second")
    return { us: nth(citizens, 0), net, end }
  })

  it.effect("ends its sessions with `shutdown`, and takes back all that it told the book", () =>
    Effect.gen(function*() {
      const { end, us } = yield* told
      const leaving = yield* Effect.forkChild(us.leave)
      yield* TestClock.adjust(100)
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(yield* Deferred.await(end), new ConnectionClosed({ by: "remote", code: "shutdown" }))
      assert.deepStrictEqual(yield* us.node.sessions, [])
    }))

  it.effect("waits for the finalizers of its sessions when it is interrupted", () =>
    Effect.gen(function*() {
      const net = new FakeNet(yield* Effect.context<never>())
      const done: Array<string> = []
      const run = (i: number, session: P2pSession) =>
        Effect.gen(function*() {
          introduce(yield* PeerBook, others(i, 2))
          return yield* p2pNode({ chain: testChain }, session)
        }).pipe(Effect.provide(net.services(i)), Random.withSeed("end"), Effect.forkChild)
      const slow: P2pSession = (connection) =>
        Effect.ensuring(
          idle(connection),
          Effect.andThen(Effect.sleep("2 seconds"), Effect.sync(() => done.push("finalized")))
        )
      const node = yield* run(0, slow)
      const other = yield* run(1, idle)
      for (let i = 0; i < 10; i++) yield* TestClock.adjust("100 millis")
      assert.isAbove(net.opens, 0)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(node))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(stopping.pollUnsafe())
      assert.deepStrictEqual(done, [])
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(stopping.pollUnsafe())
      assert.deepStrictEqual(done, ["finalized"])
      assert.isFalse(net.serving.has(`${peerId(0)} ${chainId(testChain)}`))
      const last = yield* Effect.forkChild(Fiber.interrupt(other))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(last)
    }))

  it.effect("dies of its own bugs, and of nobody else's, with all that it holds given back", () =>
    Effect.gen(function*() {
      const net = new FakeNet(yield* Effect.context<never>())
      const bug = new Error("a bug")
      const run = Effect.gen(function*() {
        const book = yield* PeerBook
        const broken = PeerBook.of({
          ...book,
          candidates: () => {
            throw bug
          }
        })
        return yield* Effect.provideService(p2pNode({ chain: testChain }, idle), PeerBook, broken)
      }).pipe(Effect.provide(Layer.merge(net.services(0), Logger.layer([]))))
      const node = yield* Effect.forkChild(run)
      yield* TestClock.adjust("1 second")
      const exit = node.pollUnsafe()
      assert(exit !== undefined && Exit.isFailure(exit))
      assert.isTrue(exit.cause.reasons.some((reason) => reason._tag === "Die" && reason.defect === bug))
      assert.strictEqual(net.serving.size, 0)
    }))

  it.effect("gives up its openings at once", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([{ knows: [1] }, {}])
      net.silent.add(peerId(1))
      yield* TestClock.adjust(100)
      const { node } = nth(citizens, 0)
      assert.strictEqual((yield* node.stats).opening, 1)
      yield* node.drain
      assert.strictEqual((yield* node.stats).opening, 0)
      yield* TestClock.adjust(1)
      assert.deepInclude(outcomes(nth(citizens, 0))[0], { _tag: "Cancelled" })
    }))

  it.effect("rejects as draining while it drains and after, and opens nothing", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([{ knows: [1] }, {}, { knows: [0], config: { sessionCount: 1 } }])
      const first = nth(citizens, 0)
      yield* Effect.forkChild(first.node.drain)
      yield* TestClock.adjust("1 second")
      const opens = net.opens
      assert.deepInclude(yield* first.node.stats, { outbound: 0, inbound: 0, opening: 0, closing: 0, atTarget: false })
      const rejected = outcomes(nth(citizens, 2)).some((outcome) =>
        outcome._tag === "NotOpened" && outcome.error._tag === "Rejected" && outcome.error.reason === "draining"
      )
      assert.isTrue(rejected)
      yield* TestClock.adjust("1 second")
      assert.isAtMost(net.opens, opens + 2)
    }))
})

describe("known peers", () => {
  const known = (i: number) => address(`/ip4/127.0.0.1/tcp/${7_400 + i}/p2p/${peerId(i)}`)

  it.effect("are learnt, kept while the node lives, and opened first", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town([
        { knows: [1, 2, 3, 4, 5], config: { sessionCount: 1, knownPeers: [known(6)] } },
        ...Array.from({ length: 6 }, () => ({}))
      ])
      yield* TestClock.adjust("1 second")
      const us = nth(citizens, 0)
      assert.deepStrictEqual((yield* us.node.sessions).map(({ peer }) => peer), [peerId(6)])
      const sticky = () =>
        Context.get(us.services, PeerBook).peer(peerId(6)).pipe((facts) =>
          facts._tag === "Some" ? [...facts.value.sticky] : []
        )
      assert.deepStrictEqual(sticky(), [chainId(testChain)])
      const leaving = yield* Effect.forkChild(us.leave)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(sticky(), [])
    }))

  it.effect("are the only ones that a private node talks to", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town([
        { knows: [1, 2], config: { private: true, knownPeers: [known(1)] } },
        {},
        { knows: [0] }
      ])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* nth(citizens, 0).node.sessions).map(({ peer }) => peer), [peerId(1)])
      const [outcome] = outcomes(nth(citizens, 2))
      assert(outcome?._tag === "NotOpened" && outcome.error._tag === "Rejected")
      assert.strictEqual(outcome.error.reason, "unknown-chain")
    }))
})

describe("a program's mistake", () => {
  it.effect("in the config is a defect that names the field", () =>
    Effect.gen(function*() {
      const net = new FakeNet(yield* Effect.context<never>())
      const exit = yield* makeP2pNode({ chain: testChain, sessionCount: 0 }, idle).pipe(
        Effect.scoped,
        Effect.provide(net.services(0)),
        Effect.exit
      )
      assert(Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Die")
      assert.include(String(exit.cause.reasons[0].defect), "sessionCount")
    }))

  it.effect("in the policy is logged, and the node goes on serving", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const policy = {
        pick: () => {
          throw new Error("no idea")
        }
      }
      yield* Effect.gen(function*() {
        const { citizens } = yield* town([{ knows: [1], config: { policy } }, { knows: [0] }])
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* nth(citizens, 0).node.stats, { inbound: 1, outbound: 0 })
      }).pipe(Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])))
      assert.include(lines.join("\n"), "no idea")
    }))
})
