import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Schema } from "effect"
import { createSocket } from "node:dgram"
import { Address, ConnectionPool, Identity, PeerBook, PeerId, RecordRejected } from "../../../signatures/index.ts"
import { layerMdns } from "../../../src/discovery/index.ts"
import { layerPeerBook } from "../../../src/peers/index.ts"
import { freePort } from "../../support/freePort.ts"

const loopback = "127.0.0.1"
const group = "224.0.0.251"

const port = await freePort("udp")

/** Whether this machine delivers multicast on its loopback. */
const hasMulticast = await new Promise<boolean>((resolve) => {
  const socket = createSocket({ type: "udp4", reuseAddr: true })
  const done = (answer: boolean) => {
    clearTimeout(deadline)
    socket.close(() => resolve(answer))
  }
  const deadline = setTimeout(() => done(false), 2_000)
  socket.on("error", () => done(false))
  socket.on("message", () => done(true))
  socket.bind(port, "0.0.0.0", () => {
    try {
      socket.addMembership(group, loopback)
      socket.setMulticastInterface(loopback)
      socket.setMulticastLoopback(true)
      socket.send("hello", port, group)
    } catch {
      done(false)
    }
  })
})

const peerOf = Schema.decodeSync(PeerId)
const [alice, bob, carol] = [peerOf("12D3KooWAAAA"), peerOf("12D3KooWBBBB"), peerOf("12D3KooWCCCC")]
const address = Schema.decodeSync(Address)

/** A process that listens there, as far as this matters. */
const resident = Effect.fnUntraced(function*(self: PeerId, at: Address, network: string) {
  const pool = ConnectionPool.of({
    addresses: [at],
    lease: () => Effect.never,
    leaseOn: () => ({ release: () => {} }) as never,
    attend: () => Effect.void,
    dead: () => {},
    cutOff: () => {},
    leaving: () => {},
    links: () => new Map(),
    watch: () => Effect.void
  })
  const identity = Identity.of({
    self,
    seal: () => Effect.succeed(new Uint8Array(0)),
    open: () => new RecordRejected({ reason: "malformed" })
  })
  const services = yield* Layer.build(
    layerMdns({ network, port, interface: loopback }).pipe(
      Layer.provideMerge(layerPeerBook({ allowLoopback: true })),
      Layer.provideMerge(Layer.succeed(Identity, identity)),
      Layer.provide(Layer.succeed(ConnectionPool, pool))
    )
  )
  const book = Context.get(services, PeerBook)
  const found = yield* Deferred.make<PeerId>()
  yield* book.watch((peer) => void Deferred.doneUnsafe(found, Effect.succeed(peer)))
  const [first] = book.all()
  if (first !== undefined) Deferred.doneUnsafe(found, Effect.succeed(first.peer))
  return { book, found: Deferred.await(found) }
})

describe.skipIf(!hasMulticast)(
  "peers on one network (skipped where this machine delivers no multicast on loopback)",
  () => {
    it.live("find each other by multicast DNS, and none of another network", () =>
      Effect.gen(function*() {
        const stranger = yield* resident(carol, address("/ip4/127.0.0.1/tcp/7403"), "another")
        const first = yield* resident(alice, address("/ip4/127.0.0.1/tcp/7401"), "devnet")
        const second = yield* resident(bob, address("/ip4/127.0.0.1/tcp/7402"), "devnet")
        assert.deepStrictEqual([yield* first.found, yield* second.found], [bob, alice])
        const [found] = first.book.all()
        assert.deepInclude(found, { addresses: [address("/ip4/127.0.0.1/tcp/7402")], source: "mdns" })
        assert.deepStrictEqual([first.book.all().length, stranger.book.all().length], [1, 0])
      }).pipe(Effect.scoped))
  }
)
