/** Peers that learn of each other over real links. */
import { describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Option } from "effect"
import {
  ConnectionPool,
  Identity,
  makeP2pNode,
  P2p,
  type P2pNodeConfig,
  type P2pSession,
  PeerBook,
  type PeerId
} from "../../src/index.ts"

const chain = { network: "devnet", name: "one", genesis: "0".repeat(64) }
const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

/** A process that knows those, with a node that runs; `met` completes once it is linked to the peer. */
const resident = Effect.fnUntraced(function*(bootstrap: ReadonlyArray<string>, node: Partial<P2pNodeConfig> = {}) {
  const exchange = { provenFor: "0 millis", askAgain: "100 millis" } as const
  const services = yield* Layer.build(
    Layer.fresh(P2p.layer({ listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap, exchange }))
  )
  const pool = Context.get(services, ConnectionPool)
  const { self } = Context.get(services, Identity)
  yield* makeP2pNode({ chain, ...node }, idle).pipe(Effect.provideContext(services))
  const met = Effect.fnUntraced(function*(peer: PeerId) {
    const linked = yield* Deferred.make<void>()
    const look = () => pool.links().has(peer) && Deferred.doneUnsafe(linked, Effect.void)
    yield* pool.watch(() => void look())
    look()
    yield* Deferred.await(linked)
  })
  const book = Context.get(services, PeerBook)
  /** Completes once the book says whose word the peer's addresses are: an inbound link alone tells none. */
  const learnt = Effect.fnUntraced(function*(peer: PeerId) {
    const told = yield* Deferred.make<void>()
    const look = () => {
      if (Option.exists(book.peer(peer), ({ source }) => source !== undefined)) Deferred.doneUnsafe(told, Effect.void)
    }
    yield* book.watch(look)
    look()
    yield* Deferred.await(told)
  })
  return {
    self,
    met,
    learnt,
    addresses: pool.addresses.map((at) => `${at}/p2p/${self}`)
  }
})

describe("peers that know nobody but the same third", () => {
  it.live("meet each other", () =>
    Effect.gen(function*() {
      const known = yield* resident([])
      const [first, second] = [yield* resident(known.addresses), yield* resident(known.addresses)]
      yield* first.met(second.self)
      yield* second.met(first.self)
      yield* first.learnt(second.self)
      yield* second.learnt(first.self)
    }))

  it.live("meet each other though the third takes nobody in", () =>
    Effect.gen(function*() {
      const known = yield* resident([], { maxInboundCount: 0, newcomerSlots: 0 })
      const [first, second] = [yield* resident(known.addresses), yield* resident(known.addresses)]
      yield* first.met(second.self)
    }))
})
