import { Deferred, Effect, Exit, Fiber, Layer, type Scope } from "effect"
import { type Disk, type Identity, type PeerId, type Transport, withPeer } from "../../signatures/index.ts"
import { layerPeerExchange, layerPeerUpdates, layerStoredPeerBook } from "../../src/peers/index.ts"
import { layerConnectionPool } from "../../src/pool/index.ts"
import { layerConnections } from "../../src/wire/index.ts"
import { type PlanHandlers, type SimulatedHost } from "../network/index.ts"
import { type Recorder } from "./Recorder.ts"
import { type HostServices, type HostView, type Scenario } from "./Scenario.ts"

type LinkServices = Transport | Identity | Disk | Scope.Scope

/** A host as it stands. */
class Place implements HostView {
  readonly index: number
  readonly peer: PeerId
  boot = -1
  isUp = false
  hasEnded = false
  fiber: Fiber.Fiber<unknown, unknown> | undefined

  constructor(index: number, peer: PeerId) {
    this.index = index
    this.peer = peer
  }
}

/** The product's own book, pool and wire over a simulated host, whose disk keeps the book. */
const servicesOf = <W, E>(
  { exchange, knows, pool }: Scenario<W, E>,
  index: number,
  host: SimulatedHost,
  hosts: ReadonlyArray<SimulatedHost>
) => {
  const known = knows === undefined ? hosts : knows(index).flatMap((other) => hosts[other] ?? [])
  const bootstrap = known.flatMap(({ addresses, peer }) =>
    peer === host.peer ? [] : addresses.map((address) => withPeer(address, peer))
  )
  return Layer.merge(Layer.fresh(layerPeerUpdates), layerPeerExchange(exchange)).pipe(
    Layer.provideMerge(layerConnections()),
    Layer.provideMerge(layerConnectionPool(pool)),
    Layer.provideMerge(layerStoredPeerBook("peers.book", { bootstrap })),
    Layer.provideMerge(Layer.succeedContext(host.services))
  )
}

/** Runs a program on each host, through crashes and restarts. */
export class Programs<W, E> implements PlanHandlers {
  readonly #scenario: Scenario<W, E>
  readonly #world: W
  readonly #hosts: ReadonlyArray<SimulatedHost>
  readonly #recorder: Recorder
  readonly #now: () => number
  readonly #places: ReadonlyArray<Place>
  readonly #ended = Deferred.makeUnsafe<void>()
  /** Fails with the first program that fails. */
  readonly failed = Deferred.makeUnsafe<never, E>()
  #endsMatter = false

  constructor(
    scenario: Scenario<W, E>,
    world: W,
    hosts: ReadonlyArray<SimulatedHost>,
    recorder: Recorder,
    now: () => number
  ) {
    this.#scenario = scenario
    this.#world = world
    this.#hosts = hosts
    this.#recorder = recorder
    this.#now = now
    this.#places = hosts.map(({ peer }, index) => new Place(index, peer))
  }

  get views(): ReadonlyArray<HostView> {
    return this.#places
  }

  readonly start: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.#hosts, (host, index) => this.onRestart(index, host), { discard: true })
  )

  /** Completes once no program is left that runs. To be asked for when no fault will start one any more. */
  readonly allEnded: Effect.Effect<void> = Effect.suspend(() => {
    this.#endsMatter = true
    this.#lookWhetherAllEnded()
    return Deferred.await(this.#ended)
  })

  readonly onCrash = (index: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const place = this.#places[index]
      const fiber = place?.fiber
      if (place === undefined || fiber === undefined) return Effect.void
      place.isUp = false
      place.fiber = undefined
      // What it does on its way out takes time, in which others go on.
      return Effect.asVoid(Effect.forkDetach(Fiber.interrupt(fiber)))
    })

  readonly onRestart = (index: number, host: SimulatedHost): Effect.Effect<void> =>
    Effect.suspend(() => {
      const place = this.#places[index]
      if (place === undefined) return Effect.void
      const boot = ++place.boot
      place.isUp = true
      place.hasEnded = false
      const isCurrent = () => place.isUp && place.boot === boot
      const program = this.#scenario.program({
        index,
        peer: host.peer,
        boot,
        hosts: this.#hosts,
        isAlive: isCurrent,
        note: (text) => {
          if (isCurrent()) this.#recorder.record({ _tag: "Note", at: this.#now(), host: index, text })
        }
      }, this.#world)
      const assembled = this.#assemble(program, index, host).pipe(
        Effect.scoped,
        Effect.provideContext(host.services),
        // So that errors of the kernel can say whose fibers they name.
        Effect.withSpan(`host ${index}`, {}, { captureStackTrace: false }),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (!isCurrent()) return
            place.hasEnded = true
            if (Exit.isFailure(exit)) Deferred.doneUnsafe(this.failed, Exit.failCause(exit.cause))
            this.#lookWhetherAllEnded()
          })
        )
      )
      return Effect.map(Effect.forkDetach(assembled), (fiber) => {
        place.fiber = fiber
      })
    })

  #assemble(program: Effect.Effect<unknown, E, HostServices>, index: number, host: SimulatedHost) {
    // Whoever asks for no more than links has said so, and dies if it was not true.
    if (this.#scenario.services === "links") return program as Effect.Effect<unknown, E, LinkServices>
    return Layer.build(servicesOf(this.#scenario, index, host, this.#hosts)).pipe(
      Effect.orDie,
      Effect.flatMap((services) => Effect.provideContext(program, services))
    )
  }

  #lookWhetherAllEnded(): void {
    if (this.#endsMatter && this.#places.every(({ hasEnded, isUp }) => hasEnded || !isUp)) {
      Deferred.doneUnsafe(this.#ended, Effect.void)
    }
  }
}
