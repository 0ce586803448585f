/** Small networks for the tests of the test kit. */
import { Cause, Deferred, Effect, Exit } from "effect"
import { type Scenario, type SimulationResult, within } from "../../../../inprocess/index.ts"
import { type Chain, type P2pNode, type P2pSession } from "../../../../signatures/index.ts"
import { makeP2pNode } from "../../../../src/node/index.ts"

const chain: Chain = { network: "kit", name: "alpha", genesis: "0a" }
const bytes = new TextEncoder()

interface Meeting {
  /** Of whom each has heard, by index: its word outlives its crashes. */
  readonly heard: ReadonlyArray<Set<string>>
  readonly nodes: Array<P2pNode | undefined>
}

/** Whoever meets says its name; a host has ended once it has heard the names of all others. */
export const meeting = (hosts: number) => ({
  hosts,
  world: (): Meeting => ({ heard: Array.from({ length: hosts }, () => new Set<string>()), nodes: [] }),
  program: ({ index }, world) =>
    Effect.gen(function*() {
      const done = yield* Deferred.make<void>()
      const session: P2pSession<unknown> = ({ receive, send }) =>
        Effect.andThen(
          send(bytes.encode(`${index}`)),
          Effect.forever(Effect.map(receive, (message) => {
            world.heard[index]?.add(new TextDecoder().decode(message))
            if (world.heard[index]?.size === hosts - 1) Deferred.doneUnsafe(done, Effect.void)
          }))
        )
      world.nodes[index] = yield* makeP2pNode({ chain, sessionCount: hosts - 1 }, session)
      return yield* Effect.never
    }),
  eventually: within("2 minutes", ({ heard }: Meeting) => heard.every((names) => names.size === hosts - 1))
} satisfies Scenario<Meeting> as Scenario<Meeting>)

/** A bug that needs a crash: what it counts is lost with its process, and it promised otherwise. */
export const forgetful: Scenario<{ readonly counts: Array<number> }> = {
  hosts: 3,
  world: () => ({ counts: [0, 0, 0] }),
  program: ({ index }, world) =>
    Effect.gen(function*() {
      world.counts[index] = 0
      for (let i = 0; i < 20; i++) {
        yield* Effect.sleep("100 millis")
        world.counts[index] = i + 1
      }
    }),
  duration: "5 seconds",
  invariant: ({ counts }, hosts) => hosts.every(({ boot, index }) => boot < 1 || counts[index] !== 0)
}

export const errorOf = (result: SimulationResult<unknown>): string =>
  Exit.isFailure(result.exit) ? String(Cause.squash(result.exit.cause)) : "no error"
