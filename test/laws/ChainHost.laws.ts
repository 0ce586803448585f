import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Latch, type Scope, Stream } from "effect"
import { type ChainHost, makeChainHost } from "../../chains/index.ts"
import {
  type Chain,
  ConnectionPool,
  isSameChain,
  monotonicMillis,
  type NodeEvent,
  type P2pSession,
  PeerBook,
  type PeerId,
  withPeer
} from "../../signatures/index.ts"
import type { Backend, Host } from "../support/Backend.ts"
import { alpha, beta, type Process, process, type Stage, stage, until as untilNode } from "./nodes.ts"

const drainMillis = 300
const drainTimeout = `${drainMillis} millis` as const

interface Town {
  readonly process: Process
  readonly host: ChainHost
  readonly stage: Stage
}

/** Ends only when the gate opens, whatever is done to it. */
const stubborn = (gate: Latch.Latch): P2pSession => ({ receive }) =>
  Effect.ensuring(Effect.ignore(Effect.forever(receive)), gate.await)

/** Looks now, and after each change that `watch` tells of, until it holds. */
const until = (
  watch: (listener: () => void) => Effect.Effect<void, never, Scope.Scope>,
  holds: () => boolean
): Effect.Effect<void> =>
  Effect.scoped(Effect.gen(function*() {
    const news = Latch.makeUnsafe()
    yield* watch(() => news.openUnsafe())
    while (!holds()) {
      news.closeUnsafe()
      if (holds()) return
      yield* news.await
    }
  }))

/** Chains that come and go in two processes that are connected, over every backend. */
export const chainHostLaws = (backend: Backend): void => {
  const town = Effect.fnUntraced(function*(host: Host, knows: ReadonlyArray<Host>) {
    const made = yield* process(host, knows)
    const chains = yield* makeChainHost.pipe(Effect.provideContext(made.services))
    return { process: made, host: chains, stage: yield* stage } satisfies Town
  })

  const add = ({ host, stage }: Town, chain: Chain, session: P2pSession<unknown> = stage.session) =>
    host.add({ chain, drainTimeout }, session)

  const leases = ({ process }: Town, chain: Chain): boolean =>
    [...process.links().values()].some(({ chains }) => chains.some((one) => isSameChain(one, chain)))

  const untilLeased = (town: Town, chain: Chain, isLeased: boolean) =>
    until(Context.get(town.process.services, ConnectionPool).watch, () => leases(town, chain) === isLeased)

  const serves = ({ process }: Town, peer: PeerId, chain: Chain): boolean => {
    const facts = process.book.peer(peer)
    return facts._tag === "Some" && facts.value.chains._tag === "Some" &&
      facts.value.chains.value.some((one) => isSameChain(one, chain))
  }

  /** Two processes with a session of beta, which is not to notice what befalls alpha. */
  const connected = Effect.gen(function*() {
    const [a, b] = (yield* backend.world(2)).hosts
    if (a === undefined || b === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
    const there = yield* town(b, [])
    const theirBeta = yield* add(there, beta)
    const here = yield* town(a, [b])
    const ourBeta = yield* add(here, beta)
    yield* Effect.all([here.stage.next, there.stage.next])
    const now = yield* monotonicMillis
    const noticed: Array<NodeEvent> = []
    for (const node of [ourBeta, theirBeta]) {
      yield* Stream.runForEach(node.events, (event) => Effect.sync(() => noticed.push(event))).pipe(
        Effect.forkScoped({ startImmediately: true })
      )
    }
    const before = { ours: yield* ourBeta.sessions, theirs: yield* theirBeta.sessions }
    const betaIsAsBefore = Effect.gen(function*() {
      assert.deepStrictEqual({ ours: yield* ourBeta.sessions, theirs: yield* theirBeta.sessions }, before)
      assert.lengthOf(before.ours, 1)
      assert.deepStrictEqual(noticed.filter(({ _tag }) => _tag === "SessionEnded" || _tag === "BelowTarget"), [])
      assert.strictEqual(here.process.links().size, 1)
      assert.strictEqual(there.process.links().size, 1)
    })
    return { here, there, now, betaIsAsBefore }
  })

  /** Of virtual time, where hosts are no further apart than that allows. */
  const takesAtMost = (millis: number, began: number, ended: number): void => {
    if (backend.virtual && !backend.isSlow) assert.isAtMost(ended - began, millis)
  }

  // oxlint-disable-next-line vitest/valid-title -- every law below has its own
  const law = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) => it(name, () => backend.run(test))

  describe(`a chain host, ${backend.name}`, () => {
    law(
      "gives a chain that is added to two connected processes a session within a second, over the link that is there",
      Effect.gen(function*() {
        const { betaIsAsBefore, here, now, there } = yield* connected
        yield* add(here, alpha)
        yield* add(there, alpha)
        const added = now()
        yield* Effect.all([here.stage.next, there.stage.next])
        takesAtMost(1_000, added, now())
        yield* betaIsAsBefore
      })
    )

    law(
      "lets nothing of a removed chain be left: streams, leases, what peers were told, sticky peers",
      Effect.gen(function*() {
        const { betaIsAsBefore, here, there } = yield* connected
        const { addresses, peer } = there.process.host
        const knownPeers = addresses.map((address) => withPeer(address, peer))
        yield* here.host.add({ chain: alpha, drainTimeout, knownPeers }, here.stage.session)
        yield* add(there, alpha)
        const [, theirs] = yield* Effect.all([here.stage.next, there.stage.next])
        // Told beside the streams of sessions, so it may come after them.
        yield* until(there.process.book.watch, () => serves(there, here.process.host.peer, alpha))
        const end = yield* Effect.forkChild(Effect.flip(theirs.connection.receive), { startImmediately: true })
        yield* here.host.remove("alpha")
        assert.isFalse(leases(here, alpha))
        assert.deepInclude(yield* Fiber.join(end), { _tag: "ConnectionClosed", by: "remote", code: "draining" })
        yield* theirs.play(Effect.void)
        yield* untilLeased(there, alpha, false)
        yield* until(there.process.book.watch, () => !serves(there, here.process.host.peer, alpha))
        const facts = Context.get(here.process.services, PeerBook).peer(peer)
        assert(facts._tag === "Some")
        assert.deepStrictEqual([...facts.value.sticky], [])
        assert.strictEqual(facts.value.failures, 0)
        assert.deepStrictEqual((yield* here.host.list).map(({ chain }) => chain.name), ["beta"])
        yield* betaIsAsBefore
      })
    )

    law(
      "takes the streams of a removed chain away within its drain time and a second, though its sessions go on",
      Effect.gen(function*() {
        const { betaIsAsBefore, here, now, there } = yield* connected
        const gate = yield* Latch.make()
        const nodes = [yield* add(here, alpha, stubborn(gate)), yield* add(there, alpha, stubborn(gate))]
        for (const node of nodes) {
          yield* untilNode(
            node,
            Effect.map(node.stats, ({ inbound, outbound }) => inbound + outbound === 1 ? true : undefined)
          )
        }
        const began = now()
        const removal = yield* Effect.forkChild(here.host.remove("alpha"), { startImmediately: true })
        yield* Effect.all([untilLeased(here, alpha, false), untilLeased(there, alpha, false)])
        takesAtMost(drainMillis + 1_000, began, now())
        assert.isTrue((yield* here.host.get("alpha")).isLeaving, "what its session holds is still held")
        yield* betaIsAsBefore
        yield* gate.open
        yield* Fiber.join(removal)
      })
    )

    law(
      "has a session again as soon as a removed chain is added again",
      Effect.gen(function*() {
        const { betaIsAsBefore, here, now, there } = yield* connected
        yield* add(here, alpha)
        yield* add(there, alpha)
        const [, theirs] = yield* Effect.all([here.stage.next, there.stage.next])
        yield* here.host.remove("alpha")
        yield* theirs.play(Effect.void)
        yield* untilLeased(there, alpha, false)
        yield* add(here, alpha)
        const added = now()
        yield* Effect.all([here.stage.next, there.stage.next])
        takesAtMost(2_000, added, now())
        yield* betaIsAsBefore
      })
    )
  })
}
