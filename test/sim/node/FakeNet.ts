/**
 * Connections inside one process, without links, frames or credit: what a node needs to be watched alone. Everything takes
 * `delay` each way. Honest in what the contract promises a node; the real ones are `src/wire` over `src/pool`.
 */
import { type Context, Deferred, Effect, Latch, Layer, Option } from "effect"
import {
  chainId,
  type CloseCode,
  ConnectionClosed,
  ConnectionFailed,
  ConnectionPool,
  Connections,
  type Decide,
  Identity,
  LeaseFailed,
  type LinkView,
  type OpenedConnection,
  OpenFailed,
  type P2pMessage,
  type PeerBook,
  type PeerId,
  RecordRejected,
  Rejected
} from "../../../signatures/index.ts"
import { layerPeerBook } from "../../../src/peers/index.ts"
import { address, peerId } from "./world.ts"

const delay = "5 millis"

/** One end of a connection. */
class End {
  readonly inbox: Array<P2pMessage> = []
  readonly arrived = Latch.makeUnsafe()
  readonly ended = Deferred.makeUnsafe<ConnectionClosed | ConnectionFailed>()
  outcome: ConnectionClosed | ConnectionFailed | undefined
  listener: ((how: ConnectionClosed | ConnectionFailed) => void) | undefined
  other: End | undefined

  /** Both ends know: the stream is gone. */
  readonly released = Deferred.makeUnsafe<void>()

  settle(outcome: ConnectionClosed | ConnectionFailed): boolean {
    if (this.outcome !== undefined) return false
    this.outcome = outcome
    Deferred.doneUnsafe(this.ended, Effect.succeed(outcome))
    this.listener?.(outcome)
    this.arrived.openUnsafe()
    return true
  }
}

const read = (end: End) => {
  const next = end.inbox.shift()
  if (next !== undefined) return Effect.succeedSome(next)
  return end.outcome === undefined ? Effect.succeedNone : Effect.fail(end.outcome)
}

export class FakeNet {
  readonly serving = new Map<string, Decide>()
  /** Peers that answer nobody. */
  readonly dead = new Set<PeerId>()
  /** Peers that answer no hello, and whose links stay up. */
  readonly silent = new Set<PeerId>()
  readonly #ends = new Map<End, PeerId>()
  /** What the pools say is up, of every process alike. */
  links: ReadonlyMap<PeerId, LinkView> = new Map()
  readonly #watchers = new Set<(what: "links") => void>()
  /** How many openings were begun. */
  opens = 0
  /** Called when a hello has been accepted, before its connection is there: as whoever watches the pool is. */
  onLeased = () => {}

  /** Sends `news` after the delay, from a fiber of its own. */
  #later(news: () => void) {
    return Effect.runForkWith(this.context)(Effect.andThen(Effect.sleep(delay), Effect.sync(news)))
  }

  readonly context: Context.Context<never>
  constructor(context: Context.Context<never>) {
    this.context = context
  }

  /** All connections of a peer are lost, at both ends, and it answers nobody from now on. */
  kill(peer: PeerId): void {
    this.dead.add(peer)
    for (const [end, of] of this.#ends) {
      if (of !== peer) continue
      for (const each of [end, end.other]) {
        each?.settle(new ConnectionFailed({ reason: "link-lost" }))
        if (each !== undefined) Deferred.doneUnsafe(each.released, Effect.void)
      }
    }
  }

  /** There is a link to a peer, that came from it. */
  linkUp(peer: PeerId): void {
    const remote = address("/ip4/127.0.0.1/tcp/3")
    this.links = new Map(this.links).set(peer, { peer, remote, direction: "inbound", since: 0, chains: [] })
    for (const watcher of this.#watchers) watcher("links")
  }

  #opened(end: End, peer: PeerId): OpenedConnection {
    const tell = (mine: ConnectionClosed | ConnectionFailed, theirs: ConnectionClosed | ConnectionFailed) => {
      if (!end.settle(mine)) return
      this.#later(() => {
        end.other?.settle(theirs)
        if (end.other !== undefined) Deferred.doneUnsafe(end.other.released, Effect.void)
        this.#later(() => Deferred.doneUnsafe(end.released, Effect.void))
      })
    }
    const finish = (code: CloseCode) =>
      tell(new ConnectionClosed({ by: "local", code }), new ConnectionClosed({ by: "remote", code }))
    const receive: OpenedConnection["connection"]["receive"] = Effect.suspend(() =>
      Effect.flatMap(
        read(end),
        Option.match({
          onSome: Effect.succeed,
          onNone: () => {
            end.arrived.closeUnsafe()
            return Effect.andThen(end.arrived.await, receive)
          }
        })
      )
    )
    return {
      peer,
      remote: address("/ip4/127.0.0.1/tcp/1"),
      connection: {
        send: (message) =>
          Effect.suspend(() => {
            if (end.outcome !== undefined) return Effect.fail(end.outcome)
            this.#later(() => {
              end.other?.inbox.push(message)
              end.other?.arrived.openUnsafe()
            })
            return Effect.void
          }),
        receive,
        tryReceive: Effect.suspend(() => read(end)),
        close: Effect.sync(() => finish("closed"))
      },
      end: finish,
      fail: (reason) =>
        tell(
          new ConnectionFailed({ reason: reason === "session-failed" ? "local-session-failed" : reason }),
          new ConnectionFailed({ reason: reason === "session-failed" ? "remote-session-failed" : reason })
        ),
      onEnded: (listener) => {
        if (end.outcome === undefined) end.listener = listener
        else listener(end.outcome)
      },
      ended: Deferred.await(end.ended),
      released: Deferred.await(end.released)
    }
  }

  connections(self: PeerId) {
    const key = (peer: PeerId, chain: string) => `${peer} ${chain}`
    return Connections.of({
      open: (peer, chain) =>
        Effect.gen({ self: this }, function*() {
          this.opens++
          yield* Effect.sleep(delay)
          if (this.silent.has(peer)) return yield* Effect.never
          if (this.dead.has(peer)) return yield* new LeaseFailed({ reason: "unreachable", dials: [] })
          const decide = this.serving.get(key(peer, chainId(chain)))
          if (decide === undefined) {
            return yield* new Rejected({ reason: "unknown-chain", retryAfterMillis: 1, alternatives: [] })
          }
          const answer = decide({ peer: self, remote: address("/ip4/127.0.0.1/tcp/2"), chain })
          if ("reject" in answer) {
            return yield* new Rejected({ reason: answer.reject, retryAfterMillis: 2_000, alternatives: [] })
          }
          this.onLeased()
          const [mine, theirs] = [new End(), new End()]
          mine.other = theirs
          theirs.other = mine
          this.#ends.set(mine, self).set(theirs, peer)
          answer.accept(this.#opened(theirs, self))
          yield* Effect.sleep(delay).pipe(Effect.onInterrupt(() =>
            Effect.sync(() => {
              theirs.settle(new ConnectionFailed({ reason: "stream-lost" }))
              Deferred.doneUnsafe(theirs.released, Effect.void)
            })
          ))
          if (this.dead.has(peer)) return yield* new OpenFailed({ reason: "link-lost" })
          return this.#opened(mine, peer)
        }).pipe(Effect.interruptible),
      serve: (chain, _, decide) => {
        this.serving.set(key(self, chainId(chain)), decide)
        return () => this.serving.delete(key(self, chainId(chain)))
      }
    })
  }

  /** What a node of the `i`-th peer needs; the book is a real one. */
  services(i: number) {
    const self = peerId(i)
    const identity = Layer.succeed(Identity, {
      self,
      seal: () => Effect.succeed(new Uint8Array()),
      open: () => new RecordRejected({ reason: "malformed" })
    })
    const pool = Layer.succeed(ConnectionPool, {
      addresses: [],
      lease: () => new LeaseFailed({ reason: "no-address", dials: [] }),
      leaseOn: () => {
        throw new Error("not leased here")
      },
      attend: () => Effect.void,
      dead: () => {},
      cutOff: () => {},
      leaving: () => {},
      links: () => this.links,
      watch: (listener) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => this.#watchers.add(listener)),
          () => Effect.sync(() => this.#watchers.delete(listener))
        ))
    })
    const book = Layer.provide(layerPeerBook({ allowLoopback: true }), identity)
    return Layer.mergeAll(Layer.succeed(Connections, this.connections(self)), identity, pool, book)
  }
}

/** Whom the `i`-th peer is told of. */
export const introduce = (book: PeerBook["Service"], peers: ReadonlyArray<number>): void => {
  for (const i of peers) {
    book.learn({ peer: peerId(i), sequence: 0n, addresses: [address(`/ip4/127.0.0.1/tcp/${7_400 + i}`)] }, "bootstrap")
  }
}
