import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  ConnectionClosed,
  type ConnectionFailed,
  type P2pSession,
  type PairState,
  PeerBook,
  ProtocolViolated
} from "../../../signatures/index.ts"
import { introduce } from "./FakeNet.ts"
import { type Citizen, nth, outcomes, town, witness } from "./town.ts"
import { peerId, testChain } from "./world.ts"

const hello = new Uint8Array([1, 2, 3])
const seen = Deferred.makeUnsafe<ConnectionClosed | ConnectionFailed>
const closed = (by: "local" | "remote", code: ConnectionClosed["code"]) => new ConnectionClosed({ by, code })

/** Our session meets a peer that only waits; gives what that peer saw, and how our end was told. */
const meet = Effect.fnUntraced(function*<R>(session: P2pSession<unknown, R>, millis = 100) {
  const end = seen()
  const { citizens, net } = yield* town<R>([
    { session, knows: [1], config: { sessionCount: 1 } },
    { session: witness(end) }
  ])
  yield* TestClock.adjust(millis)
  return { us: nth(citizens, 0), them: nth(citizens, 1), end, net }
})

describe("a session", () => {
  it.effect("that returns closes its connection", () =>
    Effect.gen(function*() {
      const { end, us } = yield* meet(() => Effect.void)
      assert.deepStrictEqual(yield* Deferred.await(end), closed("remote", "closed"))
      assert.deepInclude(outcomes(us)[0], { _tag: "Ended", by: "local", code: "closed" })
    }))

  it.effect.each<[string, P2pSession<unknown>]>([
    ["fails", () => Effect.fail("no")],
    ["dies", () => Effect.die(new Error("a bug"))],
    ["throws before it has begun", () => {
      throw new Error("a bug")
    }],
    ["interrupts itself", () => Effect.interrupt]
  ])("that %s aborts it, and the node goes on", ([, session]) =>
    Effect.gen(function*() {
      const { end, net, us } = yield* meet(session)
      assert.deepInclude(yield* Deferred.await(end), { _tag: "ConnectionFailed", reason: "remote-session-failed" })
      const [first] = outcomes(us)
      assert(first?._tag === "Failed" && first.error.reason === "local-session-failed")
      const before = net.opens
      yield* TestClock.adjust("7 seconds")
      assert.isAbove(net.opens, before)
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("that finds a violation aborts it as one", () =>
    Effect.gen(function*() {
      const { end } = yield* meet(() => Effect.fail(new ProtocolViolated({ what: "a forged header" })))
      assert.deepInclude(yield* Deferred.await(end), { _tag: "ConnectionFailed", reason: "protocol-violation" })
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("lets a remote close escape without harm: it ended, it did not fail", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town([
        { session: ({ receive }) => Effect.forever(receive), knows: [1], config: { sessionCount: 1 } },
        { session: ({ close }) => close }
      ])
      yield* TestClock.adjust(100)
      assert.deepInclude(outcomes(nth(citizens, 0))[0], { _tag: "Ended", by: "remote", code: "closed" })
    }))

  it.effect("takes its services from where the node was made, and a scope that ends with it", () =>
    Effect.gen(function*() {
      class Greeting extends Context.Service<Greeting, string>()("chain-p2p/test/sim/node/session.test/Greeting") {}
      const said: Array<string> = []
      yield* Effect.provideService(
        meet(() =>
          Effect.gen(function*() {
            const greeting = yield* Greeting
            yield* Effect.addFinalizer(() => Effect.sync(() => said.push(`${greeting}: released`)))
            said.push(greeting)
          })
        ),
        Greeting,
        "hi"
      )
      assert.deepStrictEqual(said, ["hi", "hi: released"])
    }))

  it.effect("takes the fibers that it forked with it", () =>
    Effect.gen(function*() {
      const gone: Array<string> = []
      const leaves = (name: string) => Effect.never.pipe(Effect.ensuring(Effect.sync(() => gone.push(name))))
      yield* meet(() =>
        Effect.forkChild(leaves("child")).pipe(
          Effect.andThen(Effect.forkScoped(leaves("scoped"))),
          Effect.andThen(Effect.sleep(50))
        )
      )
      assert.sameMembers(gone, ["child", "scoped"])
    }))
})

describe("a session that is drained", () => {
  const farewell = (took: number): P2pSession => ({ receive, send }) =>
    Effect.forever(receive).pipe(
      Effect.ignore,
      Effect.onInterrupt(() => Effect.sleep(took).pipe(Effect.andThen(send(hello)), Effect.ignore))
    )

  it.effect("is interrupted; its finalizers still send, then the connection closes with the code", () =>
    Effect.gen(function*() {
      const got: Array<Uint8Array> = []
      const end = seen()
      const { citizens } = yield* town([
        { session: farewell(1_000), knows: [1], config: { sessionCount: 1 } },
        {
          session: ({ receive }) =>
            Effect.forever(Effect.tap(receive, (message) => Effect.sync(() => got.push(message)))).pipe(
              Effect.catch((error) => Deferred.succeed(end, error))
            )
        }
      ])
      yield* TestClock.adjust(100)
      const us = nth(citizens, 0)
      const drain = yield* Effect.forkChild(us.node.drain)
      yield* TestClock.adjust(2_000)
      yield* Fiber.join(drain)
      assert.deepStrictEqual(got, [hello])
      assert.deepStrictEqual(yield* Deferred.await(end), closed("remote", "draining"))
      assert.deepInclude(outcomes(us).at(-1), { _tag: "Ended", by: "local", code: "draining" })
      yield* us.node.drain
    }))

  it.effect("is cut short after the drain time, and keeps its slot until its fiber has ended", () =>
    Effect.gen(function*() {
      const { end, us } = yield* meet(farewell(9_000))
      const drain = yield* Effect.forkChild(us.node.drain)
      yield* TestClock.adjust(5_050)
      assert.deepStrictEqual(yield* Deferred.await(end), closed("remote", "draining"))
      assert.strictEqual((yield* us.node.stats).closing, 1)
      assert.isUndefined(drain.pollUnsafe())
      yield* TestClock.adjust(4_000)
      yield* Fiber.join(drain)
      assert.strictEqual((yield* us.node.stats).closing, 0)
    }))
})

describe("the slot of a session", () => {
  it.effect("is held until its stream is gone, and the book is told after that", () =>
    Effect.gen(function*() {
      const { us } = yield* meet(() => Effect.sleep(50), 62)
      assert.deepInclude(yield* us.node.stats, { outbound: 0, closing: 1 })
      assert.deepStrictEqual(outcomes(us), [])
      yield* TestClock.adjust(20)
      assert.strictEqual((yield* us.node.stats).closing, 0)
      assert.strictEqual(outcomes(us).length, 1)
    }))
})

describe("after a remote end", () => {
  it.effect("a session may go on for the drain time, and is interrupted then", () =>
    Effect.gen(function*() {
      let interrupted = false
      const stubborn: P2pSession = () =>
        Effect.never.pipe(Effect.onInterrupt(() =>
          Effect.sync(() => {
            interrupted = true
          })
        ))
      const { citizens } = yield* town([
        { session: stubborn, knows: [1], config: { sessionCount: 1 } },
        { session: ({ close }) => close }
      ])
      yield* TestClock.adjust(4_900)
      assert.isFalse(interrupted)
      assert.deepInclude(yield* nth(citizens, 0).node.stats, { outbound: 0, closing: 1 })
      yield* TestClock.adjust(200)
      assert.isTrue(interrupted)
      assert.deepInclude(outcomes(nth(citizens, 0))[0], { _tag: "Ended", by: "remote", code: "closed" })
    }))
})

describe("a drain", () => {
  it.effect("leaves no time to a session whose peer has gone", () =>
    Effect.gen(function*() {
      const { citizens } = yield* town([
        { session: () => Effect.never, knows: [1], config: { sessionCount: 1 } },
        { session: ({ close }) => close }
      ])
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* nth(citizens, 0).node.stats).closing, 1)
      yield* nth(citizens, 0).node.drain
    }))
})

describe("who hears of a session in the moment in which it begins", () => {
  /** Drains a node as soon as it tells of a pair that has come into this state. */
  const drainOn = (citizen: Citizen, state: PairState) =>
    citizen.node.events.pipe(
      Stream.filter((event) => event._tag === "Transition" && event.to === state),
      Stream.take(1),
      Stream.runForEach(() => citizen.node.drain),
      Effect.forkChild({ startImmediately: true })
    )

  it.effect.each([["it opened itself", 0], ["the other end opened", 1]] as const)(
    "may drain the node at once: a session that %s ends",
    ([, i]) =>
      Effect.gen(function*() {
        const { citizens } = yield* town([{ knows: [1], config: { sessionCount: 1 } }, {}])
        const drain = yield* drainOn(nth(citizens, i), "Active")
        yield* TestClock.adjust("1 second")
        assert.isDefined(drain.pollUnsafe())
        assert.deepInclude(outcomes(nth(citizens, i)).at(-1), { _tag: "Ended", by: "local", code: "draining" })
      })
  )

  it.effect("may drain the node before the session's connection is there: it ends", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([{ knows: [1], config: { sessionCount: 1 } }, {}])
      const them = nth(citizens, 1)
      const runFork = Effect.runForkWith(yield* Effect.context())
      net.onLeased = () => void runFork(them.node.drain)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(outcomes(them).at(-1), { _tag: "Ended", by: "local", code: "draining" })
      assert.deepStrictEqual(yield* them.node.sessions, [])
    }))

  it.effect("may drain the node at once: an opening is given up", () =>
    Effect.gen(function*() {
      const { citizens, net } = yield* town([{ config: { sessionCount: 1 } }, {}])
      net.silent.add(peerId(1))
      const drain = yield* drainOn(nth(citizens, 0), "Opening")
      introduce(Context.get(nth(citizens, 0).services, PeerBook), [1])
      yield* TestClock.adjust("1 second")
      assert.isDefined(drain.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(outcomes(nth(citizens, 0)), [{ _tag: "Cancelled" }])
    }))
})

describe("the log", () => {
  it.effect("is told of a session that died, with its chain and peer, and of no ordinary end", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const log = Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])
      yield* meet(() => Effect.die(new Error("a bug"))).pipe(
        Effect.provide(Layer.merge(log, Layer.succeed(References.MinimumLogLevel, "Info")))
      )
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], `chain=${testChain.name}`)
      assert.include(lines[0], `peer=${peerId(1)}`)
      assert.include(lines[0], "a bug")
    }))
})

describe("what a session's end means for its peer", () => {
  it.effect("is told to the book once for each session", () =>
    Effect.gen(function*() {
      const { us } = yield* meet(() => Effect.fail("no"))
      const standing = Context.get(us.services, PeerBook).standing(peerId(1), testChain)
      assert.strictEqual(standing._tag, "Cooling")
      assert.strictEqual(Exit.isSuccess(yield* Effect.exit(us.node.stats)), true)
      assert.strictEqual(outcomes(us).length, 1)
    }).pipe(Effect.provide(Logger.layer([]))))
})
