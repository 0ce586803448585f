/** The chains of one node of this process as they run: they come and go while it does. */
import { Effect, Exit, Fiber, Scope, Semaphore, Stream } from "effect"
import { type ChainMissing, ChainRefused, makeChainHost } from "../../../chains/index.ts"
import {
  isSameChain,
  type MadeSession,
  nodeDefaults,
  type NodeServices,
  type P2pNode
} from "../../../signatures/index.ts"
import type { KnownChain } from "../../config/index.ts"
import { layerDisk } from "../../index.ts"
import type { CliFailed } from "../failure.ts"
import { makeSession } from "../sessionModules.ts"
import type { ChainStatus } from "../status/protocol.ts"

/** A chain with its session made: what the session holds is held by the scope. */
export interface OpenedChain extends KnownChain {
  readonly made: MadeSession
  readonly scope: Scope.Closeable
}

export interface RunningChain extends OpenedChain {
  readonly node: P2pNode
  /** It is being removed: its sessions are on their way out. */
  readonly isLeaving: boolean
}

/** Where the sessions' stores are opened. */
export interface Stores {
  /** Ends them. Must outlive the nodes that run on them. */
  readonly scope: Scope.Scope
  /** Where relative paths of the sessions' options start. */
  readonly folder: string
}

/** Makes the sessions of chains, all or none. What a session holds ends with its chain, or with the stores. */
export const openChains = (
  { folder, scope }: Stores,
  chains: ReadonlyArray<KnownChain>
): Effect.Effect<ReadonlyArray<OpenedChain>, CliFailed> =>
  Effect.suspend(() => {
    const scopes: Array<Scope.Closeable> = []
    return Effect.forEach(chains, (chain) =>
      Effect.gen(function*() {
        const own = yield* Scope.fork(scope)
        scopes.push(own)
        return { ...chain, made: yield* Scope.provide(makeSession(chain.settings, folder), own), scope: own }
      })).pipe(
        Effect.onError((cause) => Effect.forEach(scopes, (own) => Scope.close(own, Exit.failCause(cause)))),
        Effect.provide(layerDisk({ root: folder }))
      )
  })

export interface RunningChains {
  /** In the order in which they were added. */
  readonly list: Effect.Effect<ReadonlyArray<RunningChain>>
  readonly start: (opened: OpenedChain) => Effect.Effect<void, ChainRefused>
  /** Opens and starts them, all or none. Nothing is opened if one of them can't be added. */
  readonly add: (chains: ReadonlyArray<KnownChain>) => Effect.Effect<void, CliFailed | ChainRefused>
  /**
   * Completes when its sessions have ended with `draining`, and what it held is given back. Goes on though the caller is
   * interrupted.
   */
  readonly remove: (name: string) => Effect.Effect<void, ChainMissing>
  /** The chain of this name is to be known by this from now on, which means the same. */
  readonly adopt: (chain: KnownChain) => Effect.Effect<void>
  /** One change of the set of chains after the other. Not to be nested; removals need no turn. */
  readonly inTurn: <A, E, R>(change: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** None at first. When the scope closes, all chains end side by side. */
export const makeRunningChains = Effect.fnUntraced(
  function*(stores: Stores): Effect.fn.Return<RunningChains, never, NodeServices | Scope.Scope> {
    const host = yield* makeChainHost
    const scope = yield* Effect.scope
    const turn = yield* Semaphore.make(1)
    const opened = new Map<P2pNode, OpenedChain>()

    const list = Effect.map(host.list, (all) =>
      all.flatMap(({ isLeaving, node }): ReadonlyArray<RunningChain> => {
        const chain = opened.get(node)
        return chain === undefined ? [] : [{ ...chain, node, isLeaving }]
      }))

    const start = (chain: OpenedChain): Effect.Effect<void, ChainRefused> => {
      const { made, settings } = chain
      let sessions = 0
      return host.add(
        settings.node,
        (connection) => Effect.suspend(() => Effect.annotateLogs(made.session(connection), { session: ++sessions }))
      ).pipe(
        Effect.tap((node) => Effect.sync(() => opened.set(node, chain))),
        Effect.tap((node) => Effect.forkIn(logEvents(node), scope, { startImmediately: true })),
        Effect.asVoid,
        Effect.annotateLogs({ chain: settings.node.chain.name })
      )
    }

    /** Why a chain can't be added now. Asked before its store is opened, which must not happen twice. */
    const check = ({ settings }: KnownChain): Effect.Effect<void, ChainRefused> =>
      Effect.flatMap(host.list, (all) => {
        const { chain } = settings.node
        const other = all.find((running) => running.chain.name === chain.name)
        if (other === undefined) return Effect.void
        const reason = !isSameChain(other.chain, chain) ? "name-taken" : other.isLeaving ? "leaving" : "already-added"
        return Effect.fail(new ChainRefused({ chain, reason }))
      })

    const add = (chains: ReadonlyArray<KnownChain>) =>
      Effect.uninterruptible(Effect.gen(function*() {
        yield* Effect.forEach(chains, check)
        yield* Effect.forEach(yield* openChains(stores, chains), start)
      }))

    const remove = Effect.fnUntraced(function*(name: string) {
      const { node } = yield* host.get(name)
      const removal = Effect.gen(function*() {
        yield* host.remove(name)
        const chain = opened.get(node)
        opened.delete(node)
        if (chain !== undefined) yield* Scope.close(chain.scope, Exit.void)
      })
      yield* Effect.flatMap(Effect.forkIn(removal, scope), Fiber.join)
    })

    const adopt = (known: KnownChain) =>
      Effect.sync(() => {
        for (const [node, chain] of opened) {
          if (chain.settings.node.chain.name === known.settings.node.chain.name) {
            opened.set(node, { ...chain, ...known })
          }
        }
      })

    return { list, start, add, remove, adopt, inTurn: turn.withPermit }
  }
)

/** What whoever runs a node wants to know later; the rest is in `events`. */
const logEvents = (node: P2pNode): Effect.Effect<void> =>
  Stream.runForEach(node.events, (event) => {
    if (event._tag === "TargetReached") return Effect.logInfo("at target")
    if (event._tag === "BelowTarget") return Effect.logInfo("below target")
    if (event._tag === "Transition") return Effect.void
    const { outcome, peer, direction } = event
    const notes = { peer, direction }
    if (outcome._tag === "Failed") {
      return Effect.annotateLogs(Effect.logWarning(`session failed: ${outcome.error.message}`), notes)
    }
    if (outcome._tag === "NotOpened") {
      return Effect.annotateLogs(Effect.logDebug(`no session: ${outcome.error.message}`), notes)
    }
    if (outcome._tag === "Cancelled") return Effect.void
    const by = outcome.by === "local" ? "us" : "the peer"
    return Effect.annotateLogs(Effect.logInfo(`session ended by ${by}: ${outcome.code}`), notes)
  })

const noFields: Effect.Effect<ChainStatus["session"]> = Effect.succeed({})

export const chainStatus = ({ made, node, settings }: RunningChain): Effect.Effect<ChainStatus> =>
  Effect.gen(function*() {
    const { chain, sessionCount = nodeDefaults.sessionCount } = settings.node
    const progress = made.progress === undefined ? undefined : yield* made.progress
    return {
      name: chain.name,
      genesis: chain.genesis,
      sessionCount,
      ...(yield* node.stats),
      session: yield* made.status ?? noFields,
      ...(progress === undefined ? {} : { progress })
    }
  })
