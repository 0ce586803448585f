import { Context, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import {
  Chain,
  ConnectionPool,
  Connections,
  Identity,
  isSameChain,
  type NodeServices,
  type P2pNode,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook
} from "../signatures/index.ts"
import { makeP2pNode } from "../src/node/index.ts"

/**
 * The chain was not added. `already-added`: it runs here. `name-taken`: another chain of this name does, and commands and
 * logs could not tell them apart. `leaving`: it is being removed, and can be added once that is done.
 */
export class ChainRefused extends Schema.TaggedError<ChainRefused>()("ChainRefused", {
  chain: Chain,
  reason: Schema.Literals(["already-added", "name-taken", "leaving"])
}) {
  override get message(): string {
    const why = {
      "already-added": "it runs here already",
      "name-taken": "another chain runs here under this name: give one of them another name",
      leaving: "it is being removed: add it again when that is done"
    }
    return `could not add the chain ${this.chain.name}: ${why[this.reason]}`
  }
}

/** No chain of this name runs here. */
export class ChainMissing extends Schema.TaggedError<ChainMissing>()("ChainMissing", {
  name: Schema.String,
  /** The names of those that do. */
  running: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `no chain ${this.name} runs here: ${
      this.running.length === 0 ? "none does" : `there is ${this.running.join(", ")}`
    }`
  }
}

export interface HostedChain {
  readonly chain: Chain
  readonly node: P2pNode
  /** It is being removed: its sessions are on their way out. */
  readonly isLeaving: boolean
}

/** Many chains in one process, each with a node of its own, all over one pool. */
export interface ChainHost {
  /**
   * Starts a node for the chain; peers that are connected hear of it at once. What the session needs beyond the host's own
   * services comes from the caller. A config that is wrong is a defect, and leaves nothing behind.
   */
  readonly add: <E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) => Effect.Effect<P2pNode, ChainRefused, R>
  /**
   * Drains the chain's node, tells the peers and forgets it. Completes when it is gone; goes on though the caller is
   * interrupted. Called again meanwhile, it waits for the same end.
   */
  readonly remove: (name: string) => Effect.Effect<void, ChainMissing>
  readonly get: (name: string) => Effect.Effect<HostedChain, ChainMissing>
  /** In the order in which they were added. */
  readonly list: Effect.Effect<ReadonlyArray<HostedChain>>
}

interface Entry {
  readonly chain: Chain
  readonly node: P2pNode
  readonly scope: Scope.Closeable
  leaving: Fiber.Fiber<void> | undefined
}

const shown = ({ chain, leaving, node }: Entry): HostedChain => ({ chain, node, isLeaving: leaving !== undefined })

/** A host without chains. When its scope closes, all of them are shut down, side by side. */
export const makeChainHost: Effect.Effect<ChainHost, never, NodeServices | Scope.Scope> = Effect.gen(function*() {
  // These and no more: what else is around here must not stand in the way of what a caller of `add` provides.
  const services = Context.pick(Connections, ConnectionPool, PeerBook, Identity)(yield* Effect.context<NodeServices>())
  const scope = yield* Effect.scope
  const nodes = yield* Scope.fork(scope, "parallel")
  const entries = new Map<string, Entry>()
  /** Whose nodes are being made: their names are taken too. */
  const coming = new Map<string, Chain>()

  const refusal = (chain: Chain): ChainRefused["reason"] | undefined => {
    const entry = entries.get(chain.name)
    const holder = entry?.chain ?? coming.get(chain.name)
    if (holder === undefined) return undefined
    if (!isSameChain(holder, chain)) return "name-taken"
    return entry?.leaving === undefined ? "already-added" : "leaving"
  }

  const find = (name: string): Effect.Effect<Entry, ChainMissing> =>
    Effect.suspend(() => {
      const entry = entries.get(name)
      return entry === undefined
        ? Effect.fail(new ChainMissing({ name, running: [...entries.keys()] }))
        : Effect.succeed(entry)
    })

  const add = Effect.fnUntraced(function*<E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) {
    const { chain } = config
    const reason = refusal(chain)
    if (reason !== undefined) return yield* new ChainRefused({ chain, reason })
    coming.set(chain.name, chain)
    const own = yield* Scope.fork(nodes)
    const node = yield* makeP2pNode(config, session).pipe(
      Scope.provide(own),
      Effect.provideContext(services),
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
      Effect.ensuring(Effect.sync(() => coming.delete(chain.name)))
    )
    entries.set(chain.name, { chain, node, scope: own, leaving: undefined })
    return node
  }, Effect.uninterruptible)

  const leave = (entry: Entry): Effect.Effect<void> =>
    entry.node.drain.pipe(
      Effect.andThen(Scope.close(entry.scope, Exit.void)),
      Effect.andThen(Effect.sync(() => {
        if (entries.get(entry.chain.name) === entry) entries.delete(entry.chain.name)
      }))
    )

  const remove = Effect.fnUntraced(function*(name: string) {
    const entry = yield* find(name)
    entry.leaving ??= yield* Effect.forkIn(leave(entry), scope)
    yield* Fiber.await(entry.leaving)
  })

  return {
    add,
    remove,
    get: (name) => Effect.map(find(name), shown),
    list: Effect.sync(() => [...entries.values()].map(shown))
  }
})

/** The host of a process, as a service. */
export class Chains extends Context.Service<Chains, ChainHost>()("chain-p2p/chains/host/Chains") {
  static readonly layer: Layer.Layer<Chains, never, NodeServices> = Layer.effect(Chains, makeChainHost)
}
