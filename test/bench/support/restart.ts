/** A process that restarts in a simulated network, with a peer book of which most is dead, or little, or with none. */
import { Cause, Context, Duration, Effect, Exit, Layer, type Scope, Stream } from "effect"
import { makeNetwork, type Network, run, type SimulatedHost } from "../../../inprocess/index.ts"
import {
  type Chain,
  monotonicMillis,
  type P2pSession,
  PeerBook,
  type SelectionPolicy,
  withPeer
} from "../../../signatures/index.ts"
import { makeP2pNode, sharingPolicy } from "../../../src/node/index.ts"
import { layerPeerExchange, layerPeerUpdates, layerStoredPeerBook } from "../../../src/peers/index.ts"
import { layerConnectionPool } from "../../../src/pool/index.ts"
import { layerConnections } from "../../../src/wire/index.ts"

const chain: Chain = { network: "bench", name: "alpha", genesis: "0a" }
const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))
const sessionCount = 6

/** No book; one of which most are dead and refuse to be dialled, or don't answer at all; one of which most live. */
export const variants = {
  "empty": { remembered: 0, alive: 0, silent: false },
  "nine of ten dead, refusing": { remembered: 1_000, alive: 0.1, silent: false },
  "nine of ten dead, silent": { remembered: 1_000, alive: 0.1, silent: true },
  "nine of ten alive": { remembered: 1_000, alive: 0.9, silent: true }
} as const
export type Variant = keyof typeof variants
export const variantNames = Object.keys(variants).filter((name): name is Variant => Object.hasOwn(variants, name))

export interface RestartSetting {
  readonly seed: number
  readonly variant: Variant
  /** The network that the process comes back to: nodes at their targets. */
  readonly mesh: number
  /** Of these: those that the user names. */
  readonly bootstrap: number
}

/** Peers are told of others as soon as they have met, so that a network of some seconds is like one of many minutes. */
const exchange = { provenFor: "5 seconds" } as const

/** Serves whoever asks, and wants nobody: it has its sessions with others, of whom we need to know nothing. */
const content: SelectionPolicy = { pick: () => [] }

/** A whole process. Ends with the scope. */
const start = (host: SimulatedHost, knows: ReadonlyArray<SimulatedHost>, policy = sharingPolicy) => {
  const bootstrap = knows.flatMap(({ addresses, peer }) => addresses.map((address) => withPeer(address, peer)))
  const layer = Layer.merge(Layer.fresh(layerPeerUpdates), layerPeerExchange(exchange)).pipe(
    Layer.provideMerge(layerConnections()),
    Layer.provideMerge(layerConnectionPool()),
    Layer.provideMerge(layerStoredPeerBook("peers.book", { bootstrap })),
    Layer.provideMerge(Layer.succeedContext(host.services))
  )
  return Effect.flatMap(
    Effect.orDie(Layer.build(layer)),
    (services) => Effect.provideContext(makeP2pNode({ chain, sessionCount, policy }, idle), services)
  )
}

/** An earlier life: all of these have been met, and with some of them there were links to the end. */
const remember = (host: SimulatedHost, peers: ReadonlyArray<SimulatedHost>): Effect.Effect<void> =>
  Effect.scoped(Effect.gen(function*() {
    const layer = Layer.provide(layerStoredPeerBook("peers.book"), Layer.succeedContext(host.services))
    const book = Context.get(yield* Layer.build(Layer.fresh(layer)), PeerBook)
    const lasted = Duration.minutes(4)
    for (const [index, { address, addresses, peer }] of peers.entries()) {
      book.learn({ peer, sequence: 1n, addresses: [...addresses] }, "exchange")
      book.learnChains(peer, { set: [chain] })
      book.record({ _tag: "LinkUp", peer, address, direction: "outbound" })
      book.record({
        _tag: "SessionEnded",
        peer,
        chain,
        outcome: { _tag: "Ended", by: "local", code: "rotated", lasted }
      })
      if (index >= sessionCount) book.record({ _tag: "LinkDown", peer, address, direction: "outbound" })
    }
    // Only those that were linked at the very end are anchors.
    yield* Effect.sleep("1 minute")
  }))

/** Milliseconds until the node holds as many sessions as it wants, or until it is clear that it is slow. */
const timeToTarget = (
  host: SimulatedHost,
  bootstrap: ReadonlyArray<SimulatedHost>
): Effect.Effect<number> =>
  Effect.scoped(Effect.gen(function*() {
    const now = yield* monotonicMillis
    const began = now()
    const node = yield* start(host, bootstrap)
    let active = 0
    const reached = Stream.runForEachWhile(node.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "Transition" && event.to === "Active" && event.by === "accepted") active++
        if (event._tag === "Transition" && event.from === "Active" && event.to === "Closing") active--
        return active < sessionCount
      }))
    yield* Effect.timeoutOption(reached, "2 minutes")
    return now() - began
  }))

const hostsOf = (network: Network, count: number): Effect.Effect<ReadonlyArray<SimulatedHost>> =>
  Effect.forEach(Array.from({ length: count }), () => network.host())

/** Any order, drawn from the seed, and the same for each variant. */
const shuffled = (hosts: ReadonlyArray<SimulatedHost>, seed: number): ReadonlyArray<SimulatedHost> => {
  let state = seed + 1
  const draw = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff)
  return hosts.map((host) => [draw(), host] as const).toSorted(([a], [b]) => a - b).map(([, host]) => host)
}

const restart = (
  { bootstrap, mesh, seed, variant }: RestartSetting
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { alive, remembered, silent } = variants[variant]
    const network = yield* makeNetwork({ seed })
    const nodes = yield* hostsOf(network, mesh)
    const known = nodes.slice(0, bootstrap)
    for (const host of nodes) yield* start(host, known)
    // The mesh finds its peers.
    yield* Effect.sleep("1 minute")
    const servers = yield* hostsOf(network, Math.max(0, remembered * alive - mesh))
    for (const host of servers) yield* start(host, [], content)
    const dead = yield* hostsOf(network, Math.max(0, remembered - mesh - servers.length))
    if (silent) { for (const host of dead) yield* network.freeze(host) }
    const us = yield* network.host()
    if (remembered > 0) yield* remember(us, shuffled([...nodes, ...servers, ...dead], seed))
    return yield* timeToTarget(us, known)
  })

/** Virtual milliseconds from the start of the process to its target. */
export const runRestart = (setting: RestartSetting): number => {
  const exit = run(Effect.scoped(restart(setting)), { seed: setting.seed })
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error(`with seed ${setting.seed}: ${Cause.pretty(exit.cause)}`, { cause: Cause.squash(exit.cause) })
}
