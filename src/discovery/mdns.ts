import { type Context, Effect, Layer } from "effect"
import type { MulticastDNS } from "multicast-dns"
import {
  type Address,
  ConnectionPool,
  Identity,
  monotonicMillis,
  PeerBook,
  type PeerId
} from "../../signatures/index.ts"
import { announced, announcement, isAsked, type Packet, question, serviceOf } from "./packets.ts"

export interface MdnsOptions {
  /** Of the chains: only peers of the same network find each other. */
  readonly network: string
  /** Of UDP. Default 5353, as everybody's. */
  readonly port?: number
  /** The address of the one interface to speak on. Default: all. */
  readonly interface?: string
}

/** The same is said to everybody, so once a second is enough. */
const pauseMillis = 1_000

/** The longest pause between two questions; the first is a second, and each next twice as long. */
const longestPauseMillis = 60_000

/** Peers that one minute may bring: anybody on the network can make some up. */
const maxPerMinute = 32

/** Speaks and listens; what it finds are candidates, and nothing but candidates. */
class Neighbourhood {
  private readonly socket: MulticastDNS
  private readonly service: string
  private readonly self: PeerId
  private readonly addresses: ReadonlyArray<Address>
  private readonly book: Context.Service.Shape<typeof PeerBook>
  private readonly now: () => number
  private announcedAt = Number.NEGATIVE_INFINITY
  private minute = { since: Number.NEGATIVE_INFINITY, found: new Set<PeerId>() }

  constructor(
    socket: MulticastDNS,
    network: string,
    self: PeerId,
    addresses: ReadonlyArray<Address>,
    book: Context.Service.Shape<typeof PeerBook>,
    now: () => number
  ) {
    this.socket = socket
    this.service = serviceOf(network)
    this.self = self
    this.addresses = addresses
    this.book = book
    this.now = now
    socket.on("query", (packet: Packet) => {
      if (isAsked(packet, this.service)) this.announce()
    })
    socket.on("response", (packet: Packet) => this.hear(packet))
  }

  ask(): void {
    this.socket.query(question(this.service))
  }

  announce(): void {
    const packet = announcement(this.service, this.self, this.addresses)
    if (packet === undefined || this.now() - this.announcedAt < pauseMillis) return
    this.announcedAt = this.now()
    this.socket.respond(packet)
  }

  private hear(packet: Packet): void {
    if (this.now() - this.minute.since >= 60_000) this.minute = { since: this.now(), found: new Set() }
    const { found } = this.minute
    for (const [peer, addresses] of announced(packet, this.service)) {
      if (peer === this.self || (found.size >= maxPerMinute && !found.has(peer))) continue
      found.add(peer)
      this.book.learn({ peer, sequence: 0n, addresses }, "mdns")
    }
  }
}

const make = Effect.fnUntraced(function*(options: MdnsOptions) {
  const { addresses } = yield* ConnectionPool
  const { self } = yield* Identity
  const book = yield* PeerBook
  const now = yield* monotonicMillis
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const { default: open } = yield* Effect.promise(() => import("multicast-dns"))
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() =>
      open({
        bind: "0.0.0.0",
        ...(options.port === undefined ? {} : { port: options.port }),
        ...(options.interface === undefined ? {} : { interface: options.interface })
      })
    ),
    (socket) => Effect.callback<void>((resume) => socket.destroy(() => resume(Effect.void)))
  )
  let complained = false
  // Such as a network that is down, or a port that somebody else holds: peers are found in other ways then.
  const complain = (error: Error) => {
    if (complained) return
    complained = true
    runFork(Effect.logWarning(`mDNS may find no peers on this network: ${error.message}`))
  }
  // What others say wrongly is no matter of ours.
  const warn = (error: Error & { readonly syscall?: string }) =>
    error.syscall === undefined ? undefined : complain(error)
  socket.on("error", complain).on("warning", warn)
  yield* Effect.callback<void>((resume) => {
    socket.once("ready", () => resume(Effect.void))
    socket.once("error", () => resume(Effect.void))
  })
  const neighbourhood = new Neighbourhood(socket, options.network, self, addresses, book, now)
  neighbourhood.announce()
  const askFrom = (pause: number): Effect.Effect<never> =>
    Effect.sync(() => neighbourhood.ask()).pipe(
      Effect.andThen(Effect.sleep(pause)),
      Effect.flatMap(() => askFrom(Math.min(longestPauseMillis, 2 * pause)))
    )
  yield* Effect.forkScoped(askFrom(1_000))
})

/**
 * Finds the peers of this network on the local one, and is found by them, by multicast DNS: candidates whose source is `mdns`.
 * Where it can't be had that is logged, and the process goes on without it.
 */
export const layerMdns = (options: MdnsOptions): Layer.Layer<never, never, ConnectionPool | Identity | PeerBook> =>
  Layer.effectDiscard(make(options))
