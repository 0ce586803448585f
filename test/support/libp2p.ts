/** Hosts over real sockets on loopback, for the tests of `src/libp2p` and for every law suite. */
import { Cause, Context, Deferred, Effect, Exit, Layer, Queue, type Scope } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Address,
  Identity,
  type Link,
  type ListenFailed,
  type PeerId,
  type RawStream,
  Transport
} from "../../signatures/index.ts"
import { layerDisk } from "../../src/disk/index.ts"
import type { Libp2pOptions } from "../../src/libp2p/index.ts"
import { makeServices } from "../../src/libp2p/services.ts"
import type { Backend, Host } from "./Backend.ts"
import { freePort } from "./freePort.ts"

export const kinds = ["tcp", "quic"] as const
export type Kind = typeof kinds[number]

export const loopback = (kind: Kind, version: 4 | 6 = 4, port = 0): Address => {
  const ip = version === 4 ? "/ip4/127.0.0.1" : "/ip6/::1"
  return Address.make(kind === "tcp" ? `${ip}/tcp/${port}` : `${ip}/udp/${port}/quic-v1`)
}

export interface Libp2pHost {
  readonly self: PeerId
  readonly transport: Context.Service.Shape<typeof Transport>
  readonly identity: Context.Service.Shape<typeof Identity>
  readonly lose: (peer: PeerId) => void
}

export const host = (options: Partial<Libp2pOptions> = {}): Effect.Effect<Libp2pHost, never, Scope.Scope> =>
  Effect.map(makeServices({ listen: [], ...options }), ({ lose, services }) => {
    const identity = Context.get(services, Identity)
    return { self: identity.self, transport: Context.get(services, Transport), identity, lose }
  })

export interface Listening extends Libp2pHost {
  readonly addresses: ReadonlyArray<Address>
  readonly address: Address
  /** The next inbound link. */
  readonly inbound: Effect.Effect<Link>
}

export const listening = Effect.fnUntraced(
  function*(options: Partial<Libp2pOptions>): Effect.fn.Return<Listening, ListenFailed, Scope.Scope> {
    const made = yield* host(options)
    const links = yield* Queue.unbounded<Link>()
    const addresses = yield* made.transport.listen((link) => void Queue.offerUnsafe(links, link))
    const address = addresses[0]
    if (address === undefined) return yield* Effect.die(new Error("nothing to reach the host at"))
    return { ...made, addresses, address, inbound: Queue.take(links) }
  }
)

/** A host that dialled another, and the link at both ends. */
export const linked = Effect.fnUntraced(function*(kind: Kind, near: Partial<Libp2pOptions> = {}) {
  const b = yield* listening({ listen: [loopback(kind)] })
  const a = yield* host(near)
  const out = yield* a.transport.dial(b.self, b.address)
  return { a, b, out, in: yield* b.inbound }
})

/** The streams that the other end opens, one by one. To be asked for once per link. */
export const accepted = (link: Link): Effect.Effect<{ readonly next: Effect.Effect<RawStream> }> =>
  Effect.gen(function*() {
    const streams = yield* Queue.unbounded<RawStream>()
    link.accept((stream) => void Queue.offerUnsafe(streams, stream))
    return { next: Queue.take(streams) }
  })

/** Reads a stream to its end. */
export const readAll = (
  stream: RawStream
): Effect.Effect<{ readonly bytes: Uint8Array; readonly linkEnded: boolean }> =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    const done = yield* Deferred.make<boolean>()
    stream.attach({
      bytes: (chunk) => void chunks.push(chunk),
      drain: () => {},
      end: ({ linkEnded }) => void Deferred.doneUnsafe(done, Effect.succeed(linkEnded))
    })
    const linkEnded = yield* Deferred.await(done)
    return { bytes: new Uint8Array(Buffer.concat(chunks)), linkEnded }
  })

/** Writes so many batches of 64 KiB, as fast as there is room. Says whether all went before the stream ended. */
export const pour = (stream: RawStream, batches: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    let left = batches
    const write = () => {
      while (left > 0) {
        left--
        if (!stream.write(new Uint8Array(65_536))) return
      }
      resume(Effect.succeed(true))
    }
    stream.attach({ bytes: () => {}, drain: write, end: () => resume(Effect.succeed(false)) })
    write()
  })

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "chain-p2p-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** A world of hosts over real sockets on loopback, each with files of its own. */
export const libp2pBackend = (kind: Kind): Backend => ({
  name: `libp2p ${kind === "tcp" ? "TCP" : "QUIC"}`,
  virtual: false,
  run: async (test) => {
    const exit = await Effect.runPromiseExit(Effect.scoped(test))
    if (Exit.isSuccess(exit)) return exit.value
    throw new Error(Cause.pretty(exit.cause), { cause: Cause.squash(exit.cause) })
  },
  world: Effect.fnUntraced(function*(count: number) {
    const losers = new Map<PeerId, (peer: PeerId) => void>()
    const hosts = yield* Effect.replicateEffect(
      Effect.gen(function*() {
        const port = yield* Effect.promise(() => freePort(kind === "tcp" ? "tcp" : "udp"))
        const addresses = [loopback(kind, 4, port)]
        const { lose, services } = yield* makeServices({ listen: addresses })
        const disk = yield* Layer.build(layerDisk({ root: yield* temporaryFolder }))
        const peer = Context.get(services, Identity).self
        losers.set(peer, lose)
        return { peer, addresses, services: Context.merge(services, disk) }
      }),
      count
    )
    const cut = (a: Host, b: Host) =>
      Effect.sync(() => {
        losers.get(a.peer)?.(b.peer)
        losers.get(b.peer)?.(a.peer)
      })
    return { hosts, cut }
  })
})
