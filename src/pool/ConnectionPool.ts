import { Effect, FiberHandle, FiberSet, Layer, Random, Scope } from "effect"
import {
  ConnectionPool,
  Identity,
  type ListenFailed,
  monotonicMillis,
  PeerBook,
  Transport
} from "../../signatures/index.ts"
import { type ConnectionPoolOptions, poolSetting } from "./options.ts"
import { Shell } from "./shell.ts"

const make = Effect.fnUntraced(function*(options: ConnectionPoolOptions) {
  const { self } = yield* Identity
  const book = yield* PeerBook
  const transport = yield* Transport
  const now = yield* monotonicMillis
  const random = yield* Random.Random
  // Finalizers run in reverse: the links are ended while everything below them still works.
  const listening = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(listening, exit))
  const run = yield* FiberSet.makeRuntime<never>()
  const alarm = yield* FiberHandle.makeRuntime<never>()
  const shell = new Shell({
    setting: poolSetting(self, options),
    transport,
    book,
    now,
    random: () => random.nextDoubleUnsafe(),
    run,
    alarm: (effect) => void alarm(effect)
  })
  yield* Effect.addFinalizer(() => shell.endAll(true))
  yield* book.watch((peer) => shell.onBook(peer))

  const addresses = yield* Scope.provide(transport.listen((link) => shell.onInbound(link)), listening)
  // So that nobody can teach the book that they are another's.
  book.learn({ peer: self, sequence: 0n, addresses }, "config")

  return ConnectionPool.of({
    addresses,
    lease: (peer, chain) => shell.lease(peer, chain),
    leaseOn: (link, chain) => shell.leaseOn(link, chain),
    attend: (attendant) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => shell.setAttendant(attendant)),
        // Without somebody who speaks on them links are of no use, and only this one can still say goodbye.
        () => Effect.andThen(shell.endAll(false), Effect.sync(() => shell.setAttendant(undefined)))
      )),
    dead: (link, reason) => shell.tell(link, (key) => ({ _tag: "Dead", link: key, reason })),
    cutOff: (link) => shell.tell(link, (key) => ({ _tag: "CutOff", link: key })),
    leaving: (link) => shell.tell(link, (key) => ({ _tag: "Leaving", link: key })),
    links: () => shell.links,
    watch: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => shell.watch(listener)),
        (unwatch) => Effect.sync(unwatch)
      ))
  })
})

/**
 * Listens, and keeps the links of the process until its scope closes: then all links end with a farewell, within
 * `closeTimeout`. The attendant's scope must close before that, while its control streams still work; ending it ends the
 * links with the same farewell.
 */
export const layerConnectionPool = (
  options: ConnectionPoolOptions = {}
): Layer.Layer<ConnectionPool, ListenFailed, Transport | PeerBook | Identity> =>
  Layer.effect(ConnectionPool, make(options))
