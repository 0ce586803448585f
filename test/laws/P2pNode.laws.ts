import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Logger, Scope, Stream } from "effect"
import type { NodeEvent, P2pNode, SessionOutcome } from "../../signatures/index.ts"
import type { Backend, Host } from "../support/Backend.ts"
import { alpha, beta, type Guest, nextEvent, process, room, stage, until } from "./nodes.ts"

const word = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const hostsOf = (hosts: ReadonlyArray<Host>): readonly [Host, Host] => {
  const [a, b] = hosts
  if (a === undefined || b === undefined) throw new Error("two hosts were asked for")
  return [a, b]
}

/** What a node that serves sessions keeps on every backend: L7, L10, and what an earlier life of this interface got wrong. */
export const nodeLaws = (backend: Backend): void => {
  /** A process that opens, and one that is opened to, each with one node of a chain; and their first session. */
  const met = Effect.gen(function*() {
    const [a, b] = hostsOf((yield* backend.world(2)).hosts)
    const [ours, theirs] = [yield* stage, yield* stage]
    const there = yield* process(b)
    const their = yield* there.node({ chain: alpha, drainTimeout: "200 millis" }, theirs.session)
    const here = yield* process(a, [b])
    const scope = yield* room
    const our = yield* here.node({ chain: alpha, drainTimeout: "200 millis" }, ours.session).pipe(Scope.provide(scope))
    const [us, them] = yield* Effect.all([ours.next, theirs.next])
    return { here, there, our, their, ours, theirs, us, them, leave: Scope.close(scope, Exit.void) }
  })

  const outcome = (node: P2pNode): Effect.Effect<Effect.Effect<SessionOutcome>, never, Scope.Scope> =>
    Effect.map(
      Effect.forkScoped(nextEvent(node, "SessionEnded"), { startImmediately: true }),
      (fiber) => Effect.map(Fiber.join(fiber), (event) => event?.outcome ?? assert.fail("the node has ended"))
    )

  /** Lets a session go on until it is interrupted, with something that it does then. Completes once the session has begun with it. */
  const playOn = Effect.fnUntraced(function*(guest: Guest, last: Effect.Effect<void>) {
    const begun = Deferred.makeUnsafe<void>()
    const part = Effect.onInterrupt(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never), () => last)
    yield* guest.play(part)
    yield* Deferred.await(begun)
  })

  // oxlint-disable-next-line vitest/valid-title -- every law below has its own
  const law = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) => it(name, () => backend.run(test))

  describe(`a node, ${backend.name}`, () => {
    law(
      "L7: a session that returns closes its connection",
      Effect.gen(function*() {
        const { our, them, us } = yield* met
        const ended = yield* outcome(our)
        yield* us.connection.send(word(1))
        yield* us.play(Effect.void)
        assert.deepStrictEqual(yield* them.connection.receive, word(1))
        const end = yield* Effect.flip(them.connection.receive)
        assert.deepInclude(end, { _tag: "ConnectionClosed", by: "remote", code: "closed" })
        assert.deepInclude(yield* ended, { _tag: "Ended", by: "local", code: "closed" })
      })
    )

    for (
      const [how, part] of [
        ["fails", Effect.fail("no")],
        ["dies", Effect.die(new Error("a bug"))],
        ["interrupts itself", Effect.interrupt]
      ] as const
    ) {
      law(
        `L7: a session that ${how} aborts its connection, and both nodes go on`,
        Effect.gen(function*() {
          const { our, ours, theirs, them, us } = yield* met
          const ended = yield* outcome(our)
          yield* us.play(part)
          const end = yield* Effect.flip(them.connection.receive)
          assert(end._tag === "ConnectionFailed")
          assert.include(["remote-session-failed", "stream-lost", "link-lost"], end.reason)
          assert.strictEqual((yield* ended)._tag, "Failed")
          yield* them.play(Effect.void)
          // They cool, and meet again: only virtual time can wait for that.
          if (backend.virtual) yield* Effect.all([ours.next, theirs.next])
        }).pipe(Effect.provide(Logger.layer([])))
      )
    }

    law(
      "L7: a remote close that escapes the session is an end, not a failure",
      Effect.gen(function*() {
        const { here, our, them, there, us } = yield* met
        const ended = yield* outcome(our)
        yield* us.play(Effect.forever(us.connection.receive))
        yield* them.play(Effect.void)
        assert.deepInclude(yield* ended, { _tag: "Ended", by: "remote", code: "closed" })
        const facts = here.book.peer(there.host.peer)
        assert(facts._tag === "Some")
        assert.strictEqual(facts.value.failures, 0)
      })
    )

    law(
      "L7: a session that closes twice and goes on has not failed",
      Effect.gen(function*() {
        const { our, them, us } = yield* met
        const ended = yield* outcome(our)
        yield* us.play(us.connection.close.pipe(
          Effect.andThen(us.connection.close),
          Effect.andThen(Effect.ignore(us.connection.send(word(1))))
        ))
        assert.deepInclude(yield* Effect.flip(them.connection.receive), { _tag: "ConnectionClosed", code: "closed" })
        assert.deepInclude(yield* ended, { _tag: "Ended", by: "local", code: "closed" })
      })
    )

    for (const code of ["draining", "shutdown"] as const) {
      law(
        `L7: ${code === "draining" ? "drain" : "shutdown"} interrupts a session whose finalizers still send`,
        Effect.gen(function*() {
          const { leave, our, ours, their, them, us } = yield* met
          yield* playOn(us, Effect.ignore(us.connection.send(word(7, 7))))
          const ended = yield* outcome(their)
          const leaving = yield* Effect.forkChild(code === "draining" ? our.drain : leave, { startImmediately: true })
          assert.deepStrictEqual(yield* them.connection.receive, word(7, 7))
          assert.deepInclude(yield* Effect.flip(them.connection.receive), {
            _tag: "ConnectionClosed",
            by: "remote",
            code
          })
          yield* them.play(Effect.void)
          assert.deepInclude(yield* ended, { _tag: "Ended", by: "remote", code })
          yield* Fiber.join(leaving)
          assert.deepStrictEqual(yield* our.sessions, [])
          assert.strictEqual(ours.count(), 1)
        })
      )
    }

    law(
      "L7: finalizers that take longer than the drain time are left behind by their connection",
      Effect.gen(function*() {
        const { our, them, us } = yield* met
        const finish = Deferred.makeUnsafe<void>()
        yield* playOn(us, Deferred.await(finish))
        const drain = yield* Effect.forkChild(our.drain, { startImmediately: true })
        assert.deepInclude(yield* Effect.flip(them.connection.receive), { code: "draining" })
        // The slot is the session's until its fiber has ended.
        assert.strictEqual((yield* our.stats).closing, 1)
        assert.isUndefined(drain.pollUnsafe())
        yield* Deferred.succeed(finish, undefined)
        yield* Fiber.join(drain)
        assert.strictEqual((yield* our.stats).closing, 0)
      })
    )

    law(
      "L7: a session that doesn't heed a remote end is interrupted after the drain time",
      Effect.gen(function*() {
        const { our, them, us } = yield* met
        const interrupted = Deferred.makeUnsafe<void>()
        const ended = yield* outcome(our)
        yield* playOn(us, Effect.asVoid(Deferred.succeed(interrupted, undefined)))
        yield* them.play(Effect.void)
        yield* Deferred.await(interrupted)
        assert.deepInclude(yield* ended, { _tag: "Ended", by: "remote", code: "closed" })
      })
    )

    law(
      "L7: the fibers that a session forked end with it",
      Effect.gen(function*() {
        const { us } = yield* met
        const gone = Deferred.makeUnsafe<void>()
        const child = Effect.onInterrupt(Effect.never, () => Deferred.succeed(gone, undefined))
        yield* us.play(Effect.andThen(Effect.forkChild(child, { startImmediately: true }), Effect.yieldNow))
        yield* Deferred.await(gone)
      })
    )

    law(
      "L7: either end rotates, and both come back to their target",
      Effect.gen(function*() {
        const [a, b] = hostsOf((yield* backend.world(2)).hosts)
        // Of two ends that rotate before news of it could come from the other, each would rotate by itself.
        const sessionTimeout = backend.isSlow ? "20 seconds" : "200 millis"
        const codes: Array<string> = []
        const idle = (end: string) => (connection: { readonly receive: Effect.Effect<unknown, unknown> }) =>
          Effect.forever(connection.receive).pipe(
            Effect.catch((error) => Effect.sync(() => codes.push(`${end} ${JSON.stringify(error)}`))),
            Effect.asVoid
          )
        const there = yield* process(b)
        const their = yield* there.node({ chain: alpha, sessionCount: 1, sessionTimeout }, idle("b"))
        const here = yield* process(a, [b])
        const our = yield* here.node({ chain: alpha, sessionCount: 1, sessionTimeout }, idle("a"))
        const rotations = Effect.fnUntraced(function*(node: P2pNode) {
          const seen = new Set<string>()
          yield* node.events.pipe(
            Stream.takeUntil((event: NodeEvent) => {
              if (event._tag === "SessionEnded" && event.outcome._tag !== "NotOpened") {
                assert.deepInclude(event.outcome, { _tag: "Ended", code: "rotated" })
                if (event.outcome._tag === "Ended") seen.add(event.outcome.by)
              }
              return seen.size === 2
            }),
            Stream.runDrain
          )
        })
        yield* Effect.all([rotations(our), rotations(their)], { concurrency: "unbounded" })
        yield* until(our, Effect.map(our.sessions, (all) => all.length === 1 ? true : undefined))
        assert.isTrue(codes.every((code) => code.includes("rotated")))
      })
    )

    law(
      "two nodes of a process share one link to a peer",
      Effect.gen(function*() {
        const [a, b] = hostsOf((yield* backend.world(2)).hosts)
        const all = [yield* stage, yield* stage, yield* stage, yield* stage] as const
        const there = yield* process(b)
        const here = yield* process(a, [b])
        yield* there.node({ chain: alpha }, all[0].session)
        yield* there.node({ chain: beta }, all[1].session)
        yield* here.node({ chain: alpha }, all[2].session)
        yield* here.node({ chain: beta }, all[3].session)
        yield* Effect.all(all.map(({ next }) => next), { concurrency: "unbounded" })
        for (const { links } of [here, there]) {
          const views = [...links().values()]
          assert.strictEqual(views.length, 1)
          assert.sameMembers(views[0]?.chains.map(({ name }) => name) ?? [], ["alpha", "beta"])
        }
      })
    )

    law(
      "L10: a chain whose sessions neither receive nor end holds up no other chain",
      Effect.gen(function*() {
        const [a, b] = hostsOf((yield* backend.world(2)).hosts)
        const [stalled, silent, asking, answering] = [yield* stage, yield* stage, yield* stage, yield* stage]
        const there = yield* process(b)
        const here = yield* process(a, [b])
        yield* there.node({ chain: alpha }, silent.session)
        yield* there.node({ chain: beta }, answering.session)
        yield* here.node({ chain: alpha }, stalled.session)
        yield* here.node({ chain: beta }, asking.session)
        const [flood, , ask, answer] = yield* Effect.all([stalled.next, silent.next, asking.next, answering.next], {
          concurrency: "unbounded"
        })
        yield* flood.play(Effect.forever(flood.connection.send(new Uint8Array(60_000))))
        yield* answer.play(Effect.forever(Effect.flatMap(answer.connection.receive, answer.connection.send)))
        for (let i = 0; i < 50; i++) {
          yield* ask.connection.send(word(i))
          assert.deepStrictEqual(yield* ask.connection.receive, word(i))
        }
      })
    )

    law(
      "a crossed opening comes to one session, and never is there more than one of a pair",
      Effect.gen(function*() {
        const [a, b] = hostsOf((yield* backend.world(2)).hosts)
        const [ours, theirs] = [yield* stage, yield* stage]
        const here = yield* process(a, [b])
        const there = yield* process(b, [a])
        const our = yield* here.node({ chain: alpha }, ours.session)
        const their = yield* there.node({ chain: alpha }, theirs.session)
        yield* Effect.all([ours.next, theirs.next], { concurrency: "unbounded" })
        // Two links may have crossed too: then the session on the one that goes is replaced by one on the one that stays.
        const settled = Effect.gen(function*() {
          const all = [...(yield* our.sessions), ...(yield* their.sessions)].map(({ direction }) => direction)
          assert.isAtMost(all.length, 2)
          return all.length === 2 && all.includes("inbound") && all.includes("outbound") ? true : undefined
        })
        yield* Effect.raceFirst(until(our, settled), until(their, settled))
      })
    )

    law(
      "the limit of sessions holds, though many ask in the same moment",
      Effect.gen(function*() {
        const [host, ...others] = (yield* backend.world(6)).hosts
        if (host === undefined) return assert.fail("no host")
        const busy = yield* stage
        const center = yield* process(host)
        const limits = { sessionCount: 1, maxInboundCount: 2, newcomerSlots: 0, maxSessionCount: 3 }
        const node = yield* center.node({ chain: alpha, ...limits }, busy.session)
        const answers: Array<Fiber.Fiber<unknown>> = []
        for (const other of others) {
          const guest = yield* stage
          const asking = yield* process(other, [host])
          const asker = yield* asking.node({ chain: alpha, sessionCount: 1 }, guest.session)
          // Either they meet, or it is told to wait.
          const refused = until(asker, Effect.map(asker.stats, ({ atTarget }) => atTarget ? true : undefined))
          answers.push(yield* Effect.forkScoped(Effect.raceFirst(Effect.asVoid(guest.next), Effect.asVoid(refused))))
        }
        yield* Effect.forEach(answers, Fiber.join, { concurrency: "unbounded", discard: true })
        yield* until(node, Effect.map(node.stats, ({ inbound }) => inbound === 2 ? true : undefined))
        assert.isAtMost((yield* node.sessions).length, 3)
        // At no moment were there more: each session that began holds one of the slots, for none has ended.
        assert.isAtMost(busy.count(), 3)
      })
    )
  })
}
