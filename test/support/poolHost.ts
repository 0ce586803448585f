/** A pool over any backend's transport, with somebody who speaks on its links, and a book that tells what it was charged with. */
import { Context, Effect, Layer, type Scope } from "effect"
import {
  type Address,
  type Charge,
  ConnectionPool,
  type GoodbyeReason,
  type Link,
  type LinkAttendant,
  type ListenFailed,
  PeerBook,
  type PeerId
} from "../../signatures/index.ts"
import { layerPeerBook, type PeerBookOptions } from "../../src/peers/index.ts"
import { type ConnectionPoolOptions, layerConnectionPool } from "../../src/pool/index.ts"
import { type Host } from "./Backend.ts"

const ping = 255
const reasons: ReadonlyArray<GoodbyeReason> = ["idle", "superseded", "shutdown", "banned"]

export interface Attendance {
  readonly attendant: LinkAttendant
  /** Every link that was attended, in order. */
  readonly links: ReadonlyArray<Link>
  /** Those that have not ended. */
  readonly live: ReadonlySet<Link>
  /** Of the peers, in the order in which they came. */
  readonly goodbyes: ReadonlyArray<GoodbyeReason>
}

/** As little of a control protocol as the pool needs: one stream per ping or goodbye, one byte on it. */
const attendance = (pool: ConnectionPool["Service"], onEnded: () => void): Attendance => {
  const links: Array<Link> = []
  const live = new Set<Link>()
  const goodbyes: Array<GoodbyeReason> = []
  const say = (link: Link, byte: number) =>
    link.open("/chain-p2p/1").pipe(
      Effect.flatMap((stream) =>
        Effect.callback<boolean>((resume) => {
          let heard = false
          stream.attach({
            bytes: () => {
              heard = true
              resume(Effect.succeed(true))
            },
            drain: () => undefined,
            end: () => heard ? undefined : resume(Effect.succeed(false))
          })
          stream.write(new Uint8Array([byte]))
          stream.finish()
        })
      ),
      Effect.catchCause(() => Effect.succeed(false))
    )
  return {
    links,
    live,
    goodbyes,
    attendant: {
      attend: (link) => {
        links.push(link)
        live.add(link)
        link.accept((stream) =>
          stream.attach({
            bytes: ([byte = ping]) => {
              const reason = reasons[byte]
              if (reason !== undefined) {
                goodbyes.push(reason)
                pool.leaving(link, reason)
              }
              stream.write(new Uint8Array([byte]))
              stream.finish()
            },
            drain: () => undefined,
            end: () => undefined
          })
        )
      },
      ended: (link) => {
        live.delete(link)
        onEnded()
      },
      probe: (link) => Effect.flatMap(say(link, ping), (answered) => answered ? Effect.void : Effect.never),
      farewell: (link, reason) =>
        say(link, reasons.indexOf(reason)).pipe(Effect.timeoutOption("1 second"), Effect.asVoid)
    }
  }
}

export interface PoolHost {
  readonly peer: PeerId
  readonly pool: ConnectionPool["Service"]
  readonly book: PeerBook["Service"]
  readonly charges: ReadonlyArray<Charge>
  readonly chargesOf: (tag: Charge["_tag"]) => ReadonlyArray<Charge>
  /** Completes when the pool's links, or its charges, make it true. */
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  readonly knows: (other: { readonly peer: PeerId }, addresses: ReadonlyArray<Address>) => void
  readonly attendance: Attendance
}

export interface PoolHostOptions {
  readonly pool?: ConnectionPoolOptions
  readonly book?: PeerBookOptions
  /** Default: somebody speaks on the links. */
  readonly attended?: boolean
}

/** Lives until the scope closes. */
export const poolHost = Effect.fnUntraced(function*(
  host: Host,
  options: PoolHostOptions = {}
): Effect.fn.Return<PoolHost, ListenFailed, Scope.Scope> {
  const charges: Array<Charge> = []
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  const spy = Layer.effect(
    PeerBook,
    Effect.map(PeerBook, (book) =>
      PeerBook.of({
        ...book,
        record: (charge) => {
          charges.push(charge)
          book.record(charge)
          tell()
        }
      }))
  ).pipe(Layer.provide(layerPeerBook(options.book)))
  const layer = layerConnectionPool(options.pool).pipe(Layer.provideMerge(spy))
  const services = yield* Layer.build(layer.pipe(Layer.provide(Layer.succeedContext(host.services)), Layer.fresh))
  const pool = Context.get(services, ConnectionPool)
  const book = Context.get(services, PeerBook)
  const attended = attendance(pool, tell)
  yield* pool.watch(tell)
  if (options.attended !== false) yield* pool.attend(attended.attendant)
  return {
    peer: host.peer,
    pool,
    book,
    charges,
    chargesOf: (tag) => charges.filter((charge) => charge._tag === tag),
    until: (holds) =>
      Effect.callback((resume) => {
        const check = () => {
          if (!holds()) return
          listeners.delete(check)
          resume(Effect.void)
        }
        listeners.add(check)
        check()
        return Effect.sync(() => listeners.delete(check))
      }),
    knows: ({ peer }, addresses) => book.learn({ peer, sequence: 0n, addresses }, "config"),
    attendance: attended
  }
})
