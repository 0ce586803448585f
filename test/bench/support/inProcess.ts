/** Our sessions over the simulated network: the same pool and wire, virtual time, no sockets. */
import { Context, Effect, type Exit, Layer, Scope } from "effect"
import { makeNetwork, makeSimulation } from "../../../inprocess/index.ts"
import { ConnectionPool, PeerBook } from "../../../signatures/index.ts"
import { layerPeerBook, layerPeerUpdates } from "../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../src/pool/index.ts"
import { layerConnections } from "../../../src/wire/index.ts"
import { connecting } from "./ours.ts"

/** A simulation that goes on from one effect to the next. */
const makeWorld = () => {
  const simulation = makeSimulation({ seed: 1 })
  return <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> => {
    const fiber = Effect.runForkWith(simulation.context)(effect)
    for (;;) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      if (!simulation.step()) throw new Error("nothing is left to happen, and the effect has not ended")
    }
  }
}

const processes = Effect.gen(function*() {
  const network = yield* makeNetwork({ seed: 1, latency: "1 millis", jitter: 0 })
  const boot = Effect.fnUntraced(function*() {
    const host = yield* network.host()
    const services = Layer.fresh(layerPeerUpdates).pipe(
      Layer.provideMerge(layerConnections()),
      Layer.provideMerge(layerConnectionPool()),
      Layer.provideMerge(layerPeerBook()),
      Layer.provideMerge(Layer.succeedContext(host.services))
    )
    return { host, services: yield* Layer.build(services) }
  })
  const far = yield* boot()
  const near = yield* boot()
  Context.get(near.services, PeerBook).learn(
    { peer: far.host.peer, sequence: 0n, addresses: Context.get(far.services, ConnectionPool).addresses },
    "config"
  )
  return { connect: connecting(near.services, far.services) }
})

export const inProcess = async () => {
  const world = makeWorld()
  const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> =>
    Effect.runPromise(Effect.suspend(() => world(effect)))
  const scope = Scope.makeUnsafe()
  const { connect } = await run(Scope.provide(processes, scope))
  return { run, connect }
}
