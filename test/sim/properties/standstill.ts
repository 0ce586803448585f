/** What is left of a network after everything in it was shut down: nothing that runs, and nothing that is to run. */
import { Cause, Effect, Exit, Layer, Scope } from "effect"
import { drawSchedule, keyedRandom, makeNetwork, type SimulatedHost } from "../../../inprocess/index.ts"
import { simulate } from "../../../inprocess/kernel/index.ts"
import { type Chain, type P2pSession, withPeer } from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { layerPeerBook, layerPeerUpdates } from "../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../src/pool/index.ts"
import { layerConnections } from "../../../src/wire/index.ts"

const chains: ReadonlyArray<Chain> = ["a", "b"].map((name) => ({ network: "standstill", name, genesis: "0a" }))

const chatter: P2pSession<unknown> = ({ receive, send }) =>
  Effect.all([
    Effect.forever(receive),
    Effect.forever(Effect.andThen(send(new Uint8Array(50)), Effect.sleep("90 millis")))
  ], {
    concurrency: "unbounded"
  })

/** Runs a process until its scope closes. */
const process = Effect.fnUntraced(function*(host: SimulatedHost, others: ReadonlyArray<SimulatedHost>) {
  const bootstrap = others.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
  const services = yield* Layer.build(
    Layer.fresh(layerPeerUpdates).pipe(
      Layer.provideMerge(layerConnections()),
      Layer.provideMerge(layerConnectionPool()),
      Layer.provideMerge(layerPeerBook({ bootstrap })),
      Layer.provideMerge(Layer.succeedContext(host.services))
    )
  ).pipe(Effect.orDie, Effect.provideContext(host.services))
  for (const chain of chains) {
    yield* makeP2pNode({ chain, sessionCount: 2, sessionTimeout: "2 seconds", drainTimeout: "200 millis" }, chatter)
      .pipe(
        Effect.provideContext(services)
      )
  }
})

/**
 * Everybody comes, talks, is cut off now and then, and goes. Then the main fiber waits for ever: so the run ends in the moment
 * in which nothing is left that could happen, and says who waits still. Undefined: nobody but itself, and soon.
 */
export const leftOver = (seed: number): string | undefined => {
  const random = keyedRandom(seed)("standstill")
  let closedAt = 0
  const run = simulate(
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const network = yield* makeNetwork({ seed }).pipe(Scope.provide(scope))
      const hosts = yield* Effect.all(Array.from({ length: random.between(2, 5) }, () => network.host()))
      const scopes = yield* Effect.forEach(hosts, (host) =>
        Effect.gen(function*() {
          const own = yield* Scope.make()
          yield* process(host, hosts.filter((other) => other !== host)).pipe(Scope.provide(own))
          return own
        }))
      for (let i = 0; i < random.between(0, 4); i++) {
        yield* Effect.sleep(random.between(0, 2_000))
        const [a, b] = [hosts[random.between(0, hosts.length)], hosts[random.between(0, hosts.length)]]
        if (a !== undefined && b !== undefined && a !== b) {
          yield* random.chance(0.5)
            ? network.cut(a, b)
            : network.block(a, b)
        }
      }
      yield* Effect.sleep(random.between(0, 3_000))
      yield* Effect.forEach(scopes, (own) => Scope.close(own, Exit.void), { concurrency: "unbounded", discard: true })
      closedAt = Number((yield* Effect.clockWith((clock) => clock.monotonicTimeNanos)) / 1_000n)
      yield* network.calm
      // Links that were coming up while everybody left.
      yield* Effect.sleep("10 seconds")
      const links = hosts.reduce((sum, host) => sum + network.linkCount(host), 0)
      yield* Scope.close(scope, Exit.void)
      return links > 0 ? yield* Effect.die(new Error(`${links} ends of links are left`)) : yield* Effect.never
    }),
    { seed, schedule: drawSchedule(seed), deadline: "5 minutes" }
  )
  const error = Exit.isFailure(run.exit) ? Cause.squash(run.exit.cause) : undefined
  if (!(error instanceof Error) || error.name !== "Deadlock") return String(error)
  const waiting = error.message.slice(error.message.indexOf("There wait") + 10)
  if (!/^\n {2}the main fiber[^\n]*$/.test(waiting)) return `fibers are left: ${waiting}`
  // What was on its way still arrives, at nobody; and a transport says its last.
  return run.micros > closedAt + 15_000_000 ? `something happens ${run.micros - closedAt} us after the end` : undefined
}
