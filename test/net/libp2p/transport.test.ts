import { assert, describe, it } from "@effect/vitest"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { Effect, Fiber, Queue, Scope } from "effect"
import { createLibp2p } from "libp2p"
import { once } from "node:events"
import { createServer, type Server, type Socket } from "node:net"
import { Address, addressFacts, PeerId } from "../../../signatures/index.ts"
import { freePort } from "../../support/freePort.ts"
import { accepted, host, kinds, linked, listening, loopback, pour, readAll } from "../../support/libp2p.ts"

/** A well-formed id of nobody here. */
const stranger = PeerId.make("12D3KooWM3XgwsfqWhiSVQtAvfCCDdS2zSE4hdCEJRfvwPypvTKm")

const bytes = (size: number, seed = 1): Uint8Array => Uint8Array.from({ length: size }, (_, at) => (at * seed) & 255)

/** A TCP server that is no libp2p node, with the sockets that it got. */
const stray = (onSocket: (socket: Socket) => void): Effect.Effect<Address, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server: Server = createServer((socket) => {
        sockets.add(socket.on("error", () => {}))
        onSocket(socket)
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(Effect.map(({ server }) => {
    const address = server.address()
    return loopback("tcp", 4, typeof address === "object" && address !== null ? address.port : 0)
  }))

describe.each(kinds)("a link over libp2p %s", (kind) => {
  it.live.each([4, 6] as const)("carries bytes both ways over IPv%i", (version) =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback(kind, version)] })
      const a = yield* host()
      const out = yield* a.transport.dial(b.self, b.address)
      const inLink = yield* b.inbound
      assert.strictEqual(out.peer, b.self)
      assert.strictEqual(inLink.peer, a.self)
      assert.strictEqual(out.remote, b.address)
      assert.deepStrictEqual([out.direction, inLink.direction], ["outbound", "inbound"])
      assert.strictEqual(addressFacts(inLink.remote).scope, "loopback")

      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/1")
      const here = yield* streams.next
      assert.strictEqual(here.protocol, "/chain-p2p/1")
      there.write(bytes(300_000, 3))
      here.write(bytes(1_000, 7))
      there.finish()
      here.finish()
      const [atB, atA] = yield* Effect.all([readAll(here), readAll(there)], { concurrency: 2 })
      assert.deepStrictEqual(atB, { bytes: bytes(300_000, 3), linkEnded: false })
      assert.deepStrictEqual(atA, { bytes: bytes(1_000, 7), linkEnded: false })
    }))

  it.live("is a new one for each dial, also for dials at once", () =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback(kind)] })
      const a = yield* host()
      const links = yield* Effect.replicateEffect(a.transport.dial(b.self, b.address), 3, { concurrency: 3 })
      assert.strictEqual(new Set(links).size, 3)
      yield* Effect.replicateEffect(b.inbound, 3)
    }))

  it.live("delivers what finished streams wrote before it was closed", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/1")
      const here = yield* streams.next
      // More than any window: it goes on its way only as the other end reads.
      for (let i = 0; i < 14; i++) there.write(bytes(65_536, i))
      there.finish()
      const [read] = yield* Effect.all([readAll(here), out.close], { concurrency: 2 })
      assert.strictEqual(read.bytes.length, 14 * 65_536)
      assert.strictEqual((yield* out.ended).by, "local")
      yield* inLink.ended
    }))

  it.live("delivers what was last said on its control stream before it was closed", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/control/1")
      const here = yield* streams.next
      there.write(bytes(2_000))
      const [read] = yield* Effect.all([readAll(here), out.close], { concurrency: 2 })
      assert.strictEqual(read.bytes.length, 2_000)
    }))

  it.live("takes its unfinished streams along when it is closed, aborted or lost", () =>
    Effect.gen(function*() {
      for (const how of ["close", "abort", "lose"] as const) {
        const { a, b, in: inLink, out } = yield* linked(kind)
        const streams = yield* accepted(inLink)
        const there = yield* out.open("/chain-p2p/1")
        const here = yield* streams.next
        const ends = yield* Effect.forkChild(Effect.all([readAll(there), readAll(here)], { concurrency: 2 }))
        yield* Effect.yieldNow
        if (how === "close") yield* out.close
        if (how === "abort") out.abort()
        if (how === "lose") {
          a.lose(b.self)
          b.lose(a.self)
        }
        assert.deepStrictEqual((yield* Fiber.join(ends)).map(({ linkEnded }) => linkEnded), [true, true], how)
        assert.strictEqual((yield* out.ended).by, how === "lose" ? "lost" : "local")
        assert.strictEqual((yield* inLink.ended).by, how === "lose" ? "lost" : "remote")
        assert.strictEqual((yield* Effect.flip(out.open("/chain-p2p/1")))._tag, "LinkLost")
      }
    }))

  it.live("lives on when one of its streams is aborted, and both ends hear of it", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      for (const aborter of ["near", "far"]) {
        const there = yield* out.open("/chain-p2p/1")
        const here = yield* streams.next
        const ends = yield* Effect.forkChild(Effect.all([readAll(there), readAll(here)], { concurrency: 2 }))
        yield* Effect.yieldNow
        if (aborter === "near") there.abort()
        else here.abort()
        assert.deepStrictEqual((yield* Fiber.join(ends)).map(({ linkEnded }) => linkEnded), [false, false])
        assert.isTrue(there.write(bytes(10)))
      }
    }))

  it.live("ends a stream that sends more than a mebibyte to nobody", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/1")
      yield* streams.next
      assert.isFalse(yield* pour(there, 1_000))
      yield* out.open("/chain-p2p/1")
    }))

  it.live("drops a stream whose writer doesn't care that there is no room", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/1")
      const here = yield* streams.next
      for (let i = 0; i < 64; i++) there.write(bytes(65_536))
      const [near, far] = yield* Effect.all([readAll(there), readAll(here)], { concurrency: 2 })
      assert.isFalse(near.linkEnded || far.linkEnded)
      assert.isBelow(far.bytes.length, 64 * 65_536)
    }))

  it.live("can be written to after the other end finished, until both have", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const there = yield* out.open("/chain-p2p/1")
      const here = yield* streams.next
      there.finish()
      const answer = yield* Effect.forkChild(readAll(there))
      const pong = yield* out.open("/chain-p2p/control/1")
      const ping = yield* streams.next
      // A round trip: the finish has arrived.
      ping.write(bytes(1))
      ping.finish()
      pong.finish()
      yield* readAll(pong)
      here.write(bytes(100))
      here.finish()
      assert.deepStrictEqual(yield* Fiber.join(answer), { bytes: bytes(100), linkEnded: false })
      assert.isFalse((yield* readAll(here)).linkEnded)
    }))

  it.live("opens a thousand streams at once", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind)
      const streams = yield* accepted(inLink)
      const opened = yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, at) => at),
        () => out.open("/chain-p2p/1"),
        { concurrency: 100 }
      )
      assert.strictEqual(new Set(opened).size, 1_000)
      yield* Effect.replicateEffect(streams.next, 1_000)
    }))

  it.live("refuses streams beyond the limit and goes on", () =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind, { maxStreams: 3 })
      const streams = yield* accepted(inLink)
      const first = yield* out.open("/chain-p2p/1")
      yield* Effect.replicateEffect(out.open("/chain-p2p/1"), 2)
      const refused = yield* Effect.flip(out.open("/chain-p2p/1"))
      assert.deepInclude(refused, { _tag: "StreamRefused", reason: "limit" })
      const here = yield* streams.next
      first.finish()
      here.finish()
      yield* Effect.all([readAll(first), readAll(here)], { concurrency: 2 })
      yield* out.open("/chain-p2p/1")
    }))

  it.live("says that a peer at its limit did not take a stream, in time", () =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback(kind)], maxStreams: 2 })
      const a = yield* host({ deadlines: { open: 300 } })
      const out = yield* a.transport.dial(b.self, b.address)
      yield* accepted(yield* b.inbound)
      yield* Effect.replicateEffect(out.open("/chain-p2p/1"), 2)
      const refused = yield* Effect.flip(out.open("/chain-p2p/1"))
      assert.strictEqual(refused._tag, "StreamRefused")
    }))

  it.live("can't be had from a peer that is another", () =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback(kind)] })
      const a = yield* host()
      assert.strictEqual((yield* Effect.flip(a.transport.dial(stranger, b.address))).reason, "wrong-peer")
      assert.strictEqual((yield* Effect.flip(b.transport.dial(b.self, b.address))).reason, "wrong-peer")
    }))

  it.live("comes in on each of several addresses, and on every address of the machine", () =>
    Effect.gen(function*() {
      const wildcard = Address.make(loopback(kind).replace("127.0.0.1", "0.0.0.0"))
      const b = yield* listening({ listen: [wildcard, loopback(kind, 6)] })
      const a = yield* host()
      const hosts = b.addresses.map((address) => addressFacts(address).host)
      assert.includeMembers(hosts, ["127.0.0.1", "::1"])
      assert.notInclude(hosts, "0.0.0.0")
      assert.isTrue(b.addresses.every((address) => addressFacts(address).port > 0))
      for (const address of b.addresses) yield* a.transport.dial(b.self, address)
    }))
})

describe("listening", () => {
  it.live("on TCP and QUIC, IPv4 and IPv6 works at once, and all lead to the same peer", () =>
    Effect.gen(function*() {
      const listen = kinds.flatMap((kind) => [loopback(kind, 4), loopback(kind, 6)])
      const b = yield* listening({ listen })
      const a = yield* host()
      assert.deepStrictEqual(
        b.addresses.map((address) => addressFacts(address).transport),
        listen.map((address) => addressFacts(address).transport)
      )
      for (const address of b.addresses) {
        yield* a.transport.dial(b.self, address)
        assert.strictEqual((yield* b.inbound).peer, a.self)
      }
    }))

  it.live.each(kinds)(
    "names the %s address of several whose port is in use, and gives the others back",
    (kind) =>
      Effect.gen(function*() {
        const holder = yield* listening({ listen: [loopback(kind)] })
        const free = loopback(kind, 4, yield* Effect.promise(() => freePort(kind === "tcp" ? "tcp" : "udp")))
        const failed = yield* Effect.flip(listening({ listen: [free, holder.address] }))
        assert.strictEqual(failed.reason, "in-use")
        assert.strictEqual(failed.address, holder.address)
        assert.include(failed.message, holder.address)
        yield* listening({ listen: [free] })
      })
  )

  it.live.each(kinds)("says over %s that the machine has no such address", (kind) =>
    Effect.gen(function*() {
      const elsewhere = Address.make(loopback(kind).replace("127.0.0.1", "203.0.113.7"))
      const failed = yield* Effect.flip(listening({ listen: [elsewhere] }))
      assert.deepInclude(failed, { reason: "not-available", address: elsewhere })
    }))

  it.live("says that there is no transport for an address, or for a circuit over one", () =>
    Effect.gen(function*() {
      for (const text of ["/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/tcp/0/p2p-circuit", "/memory/1"]) {
        const address = Address.make(text)
        assert.strictEqual((yield* Effect.flip(listening({ listen: [address] }))).reason, "transport-missing")
        const a = yield* host()
        assert.strictEqual((yield* Effect.flip(a.transport.dial(stranger, address))).reason, "transport-missing")
      }
    }))

  it.live.each(kinds)(
    "over %s ends with its scope: nobody is let in, and the port is free again",
    (kind) =>
      Effect.gen(function*() {
        const address = loopback(kind, 4, yield* Effect.promise(() => freePort(kind === "tcp" ? "tcp" : "udp")))
        const a = yield* host({ deadlines: { open: 500 } })
        const b = yield* host({ listen: [address] })
        const scope = yield* Scope.make()
        yield* Scope.provide(b.transport.listen(() => {}), scope)
        yield* Scope.close(scope, yield* Effect.exit(Effect.void))
        const failed = yield* Effect.flip(a.transport.dial(b.self, address))
        assert.strictEqual(failed.reason, kind === "tcp" ? "refused" : "timeout")
        yield* listening({ listen: [address] })
      })
  )
})

describe("a dial over QUIC", () => {
  it.live("that is interrupted lets nothing live of what comes about all the same", () =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback("quic")] })
      const a = yield* host()
      const first = yield* a.transport.dial(b.self, b.address)
      yield* b.inbound
      const dial = yield* Effect.forkChild(a.transport.dial(b.self, b.address), { startImmediately: true })
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* Fiber.interrupt(dial)
      const exit = yield* Fiber.await(dial)
      if (exit._tag === "Success") exit.value.abort()
      yield* Effect.flatMap(b.inbound, ({ ended }) => ended)
      yield* first.open("/chain-p2p/1")
    }))

  it.live("times out where nobody listens, as no answer tells", () =>
    Effect.gen(function*() {
      const a = yield* host()
      const address = loopback("quic", 4, yield* Effect.promise(() => freePort("udp")))
      assert.strictEqual((yield* Effect.flip(a.transport.dial(stranger, address))).reason, "timeout")
    }))
})

describe("a dial over TCP", () => {
  it.live("is refused where nobody listens", () =>
    Effect.gen(function*() {
      const a = yield* host()
      const port = yield* Effect.promise(() => freePort("tcp"))
      for (const version of [4, 6] as const) {
        const failed = yield* Effect.flip(a.transport.dial(stranger, loopback("tcp", version, port)))
        assert.strictEqual(failed.reason, "refused")
      }
    }))

  it.live("fails its handshake with a server that is no peer", () =>
    Effect.gen(function*() {
      const a = yield* host()
      const talker = yield* stray((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      assert.strictEqual((yield* Effect.flip(a.transport.dial(stranger, talker))).reason, "handshake")
      const slammer = yield* stray((socket) => void socket.resetAndDestroy())
      assert.strictEqual((yield* Effect.flip(a.transport.dial(stranger, slammer))).reason, "handshake")
    }))

  it.live("gives its socket back when it is interrupted in the handshake", () =>
    Effect.gen(function*() {
      const a = yield* host()
      const sockets = yield* Queue.unbounded<Socket>()
      const silent = yield* stray((socket) => void Queue.offerUnsafe(sockets, socket))
      const dial = yield* Effect.forkChild(a.transport.dial(stranger, silent))
      const got = yield* Queue.take(sockets)
      const closed = once(got.resume(), "close")
      yield* Fiber.interrupt(dial)
      yield* Effect.promise(() => closed)
    }))

  it.live("finds a name's number, and is unreachable where it has none", () =>
    Effect.gen(function*() {
      const b = yield* listening({ listen: [loopback("tcp"), loopback("quic")] })
      const a = yield* host()
      for (const address of b.addresses) {
        yield* a.transport.dial(b.self, Address.make(address.replace("/ip4/127.0.0.1", "/dns4/localhost")))
        const nowhere = Address.make(address.replace("/ip4/127.0.0.1", "/dns4/nowhere.invalid"))
        assert.strictEqual((yield* Effect.flip(a.transport.dial(b.self, nowhere))).reason, "unreachable")
      }
    }))

  it.live("to a libp2p node without our protocols gives a link that refuses streams as unsupported", () =>
    Effect.gen(function*() {
      const other = yield* Effect.acquireRelease(
        Effect.promise(() =>
          createLibp2p({
            addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
            transports: [tcp()],
            connectionEncrypters: [noise()],
            streamMuxers: [yamux()]
          })
        ),
        (node) => Effect.promise(async () => node.stop())
      )
      const a = yield* host()
      const address = Address.make(String(other.getMultiaddrs()[0]))
      const link = yield* a.transport.dial(PeerId.make(other.peerId.toString()), address)
      const refused = yield* Effect.flip(link.open("/chain-p2p/1"))
      assert.deepInclude(refused, { _tag: "StreamRefused", reason: "unsupported" })
    }))
})
