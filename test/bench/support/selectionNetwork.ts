/** A simulated network that does nothing but hold sessions, and what it is like at some instants. */
import { Cause, Effect, Exit } from "effect"
import { type ProgramHost, type Scenario, simulate } from "../../../inprocess/index.ts"
import { type Chain, type P2pNode, type P2pSession, type PeerId } from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { type ComparedPolicy } from "./selectionPolicies.ts"

export interface SelectionSetting {
  readonly nodes: number
  readonly chains: number
  readonly sessionCount: number
  readonly compared: ComparedPolicy
  /** Nodes that everybody knows from the beginning; all others are learnt from peers. */
  readonly bootstrap: number
  /** The share of nodes that accept everybody and never end a session. None of the first ones. */
  readonly adversaries: number
  /** Lifetimes of a session. */
  readonly rotations: number
  /** Shorter than in production: what takes a share of it (how long links linger) is shorter by as much. */
  readonly lifetimeSeconds: number
  readonly seed: number
  /** Called after each look at the network: the first is `0`, and each lifetime has `looksPerLifetime` more. */
  readonly onLook?: (index: number) => void
}

/** A session as one of its ends sees it. */
export interface SeenSession {
  readonly peer: number
  readonly isInbound: boolean
}

export interface SeenPlace {
  readonly sessions: ReadonlyArray<SeenSession>
  /** It holds fewer sessions of its own choice than it wants, and there is somebody whom it could ask. */
  readonly isBelow: boolean
}

/** At one instant: of each node each chain. */
export interface SelectionSample {
  readonly places: ReadonlyArray<ReadonlyArray<SeenPlace>>
}

export interface SelectionRun {
  readonly samples: ReadonlyArray<SelectionSample>
  readonly isAdversary: ReadonlyArray<boolean>
  /** Of each node: with how many others it ever had a session. */
  readonly met: ReadonlyArray<number>
  readonly virtualSeconds: number
}

interface World {
  readonly nodes: Array<ReadonlyArray<P2pNode>>
  readonly indexes: Map<PeerId, number>
  readonly met: Array<Set<number>>
  readonly samples: Array<SelectionSample>
}

const idle: P2pSession<unknown> = ({ receive }) => Effect.forever(receive)

/** In which peers tell each other of most others. */
const discoverySeconds = 30

const chainsOf = (count: number): ReadonlyArray<Chain> =>
  Array.from({ length: count }, (_, index) => ({
    network: "selection",
    name: `chain-${index}`,
    genesis: index.toString(16).padStart(4, "0")
  }))

const program = (setting: SelectionSetting, isAdversary: (index: number) => boolean) => {
  const { chains, compared: { capsInbound, policy }, lifetimeSeconds, nodes, sessionCount } = setting
  const all = chainsOf(chains)
  return Effect.fnUntraced(function*({ index, peer }: ProgramHost, world: World) {
    world.indexes.set(peer, index)
    const hostile = isAdversary(index)
    world.nodes[index] = yield* Effect.forEach(all, (chain) =>
      makeP2pNode({
        chain,
        sessionCount,
        policy,
        sessionTimeout: hostile ? "Infinity" : `${lifetimeSeconds} seconds`,
        ...(hostile || !capsInbound ? { maxInboundCount: nodes } : {})
      }, idle))
    return yield* Effect.never
  })
}

const look = Effect.fnUntraced(function*(world: World) {
  const places: Array<ReadonlyArray<SeenPlace>> = []
  for (const [index, nodes] of world.nodes.entries()) {
    places.push(
      yield* Effect.forEach(
        nodes,
        (node) =>
          Effect.map(Effect.all([node.sessions, node.stats]), ([sessions, { atTarget }]): SeenPlace => {
            const seen = sessions.map(({ direction, peer }): SeenSession => ({
              peer: world.indexes.get(peer) ?? -1,
              isInbound: direction === "inbound"
            }))
            for (const one of seen) world.met[index]?.add(one.peer)
            return { sessions: seen, isBelow: !atTarget }
          })
      )
    )
  }
  world.samples.push({ places })
})

/** Of the lifetime: how often it is looked. */
export const looksPerLifetime = 4

export const runSelection = (setting: SelectionSetting): SelectionRun => {
  const { adversaries, bootstrap, lifetimeSeconds, nodes, rotations, seed } = setting
  // Evenly among the rest, and nobody else depends on who they are.
  const isAdversary = (index: number): boolean =>
    index >= bootstrap && Math.floor((index + 1) * adversaries) > Math.floor(index * adversaries)
  const world: World = {
    nodes: Array.from({ length: nodes }, () => []),
    indexes: new Map(),
    met: Array.from({ length: nodes }, () => new Set<number>()),
    samples: []
  }
  // A second more than what is looked at.
  const seconds = discoverySeconds + lifetimeSeconds * rotations + 1
  const run = program(setting, isAdversary)
  const scenario: Scenario<World> = {
    hosts: nodes + 1,
    world: () => world,
    // The last host is nobody's peer: it looks at the others.
    program: (host, world) =>
      host.index < nodes ? run(host, world) : Effect.gen(function*() {
        for (let at = 0; at <= rotations * looksPerLifetime; at++) {
          yield* Effect.sleep(`${at === 0 ? discoverySeconds : lifetimeSeconds / looksPerLifetime} seconds`)
          yield* look(world)
          setting.onLook?.(at)
        }
      }),
    duration: `${seconds} seconds`,
    deadline: `${seconds + 60} seconds`,
    maxSteps: Infinity,
    // A peer is told of after a second, and who knows two thirds asks no more; in a large network not even they, as always.
    exchange: { provenFor: "1 second", enough: Math.min(256, Math.ceil((nodes * 2) / 3)) },
    knows: () => Array.from({ length: bootstrap }, (_, index) => index),
    pool: { linger: `${lifetimeSeconds / 8} seconds`, maxLinks: nodes + 1, maxInboundLinks: nodes }
  }
  const { exit, micros } = simulate({ ...scenario, seed, schedule: { _tag: "Fifo" } })
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause), { cause: Cause.squash(exit.cause) })
  return {
    samples: world.samples,
    isAdversary: Array.from({ length: nodes }, (_, index) => isAdversary(index)),
    met: world.met.map(({ size }) => size),
    virtualSeconds: micros / 1_000_000
  }
}
