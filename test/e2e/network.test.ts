import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ask, until } from "./support/cli.ts"
import {
  allAtTarget,
  type Look,
  lookAt,
  type NetworkNode,
  nobodyLists,
  startNetwork,
  type Wire
} from "./support/network.ts"

/** At target, or in a session with each of the others: few may find that all have been taken, and dial the dead meanwhile. */
const allServed = (looks: ReadonlyArray<Look>): boolean =>
  looks.every((one) =>
    allAtTarget([one]) ||
    looks.every(({ status: { peer } }) =>
      peer === one.status.peer || one.sessions.some((session) => session.peer === peer)
    )
  )

/** Noticed: links and sessions are gone. Replaced: at target again without it. Both in milliseconds since the call. */
const watchItGo = Effect.fnUntraced(function*(survivors: ReadonlyArray<NetworkNode>, peer: string, deadline: number) {
  const start = performance.now()
  yield* until("noticed by all", lookAt(survivors), (looks) => nobodyLists(looks, peer), deadline)
  const noticed = performance.now() - start
  yield* until(
    "at target without it",
    lookAt(survivors),
    (looks) => nobodyLists(looks, peer) && allServed(looks),
    deadline
  )
  return { noticed, replaced: performance.now() - start }
})

const isHealthy = (looks: ReadonlyArray<Look>): boolean =>
  allAtTarget(looks) &&
  looks.every(({ status }) =>
    status.chains.every(({ outbound, session }) => outbound === 2 && session["height"] === 9_999)
  )

/** Milliseconds until a killed process is noticed: TCP tells at once, QUIC by silence. */
const noticeWithin: { readonly [W in Wire]: number } = { tcp: 1_000, quic: 4_000 }
/** What it takes this test to see it: six processes are asked by turns on a machine that is busy with seven. */
const lookMillis = 500

for (const wire of ["tcp", "quic"] as const) {
  describe(`seven nodes over ${wire}, each a process of its own`, () => {
    it.live("keep their targets when one is killed, one stopped, and one told to stop", () =>
      Effect.gen(function*() {
        const { nodes } = yield* startNetwork(7, 2, wire)
        yield* until("all synced and at target", lookAt(nodes), isHealthy, 40_000)
        const [first, second, third, fourth, drained, stopped, killed] = nodes
        assert.isDefined(first)
        assert.isDefined(second)
        assert.isDefined(third)
        assert.isDefined(fourth)
        assert.isDefined(drained)
        assert.isDefined(stopped)
        assert.isDefined(killed)

        killed.process.child.kill("SIGKILL")
        const six = [first, second, third, fourth, drained, stopped]
        const kill = yield* watchItGo(six, killed.peer, 12_000)
        assert.isBelow(kill.noticed, noticeWithin[wire] + lookMillis)
        assert.isBelow(kill.replaced - kill.noticed, 5_000)

        stopped.process.child.kill("SIGSTOP")
        const five = [first, second, third, fourth, drained]
        const stop = yield* watchItGo(five, stopped.peer, 20_000)
        assert.isBelow(stop.replaced, 15_000)

        // Dials to it would hang for as long as it is stopped: who has nobody else left to ask would not be at target.
        stopped.process.child.kill("SIGKILL")

        const before = yield* lookAt(five)
        const withDrained = before.flatMap(({ node, sessions }) =>
          sessions.some(({ peer }) => peer === drained.peer) ? [node] : []
        )
        assert.isNotEmpty(withDrained)
        const failuresOf = (node: NetworkNode) =>
          Effect.map(ask(node.dataDir, "peers"), (peers) => peers.find(({ peer }) => peer === drained.peer)?.failures)
        const charged = yield* Effect.forEach(withDrained, failuresOf)
        drained.process.child.kill("SIGTERM")
        const four = [first, second, third, fourth]
        yield* watchItGo(four, drained.peer, 12_000)
        assert.strictEqual((yield* Effect.promise(() => drained.process.ended)).code, 0)
        for (const node of withDrained) {
          const said = node.process.logs.filter(({ annotations }) => annotations["peer"] === drained.peer)
          assert.isTrue(
            said.some(({ message }) => message === "session ended by the peer: shutdown"),
            `${node.name}: ${JSON.stringify(said)}`
          )
        }
        // Those that held no session with it may still have dialled it, and found it gone.
        assert.deepStrictEqual(
          yield* Effect.forEach(withDrained, failuresOf),
          charged,
          "nobody is charged for an orderly end"
        )
      }), 90_000)
  })
}
