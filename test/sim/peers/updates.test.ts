import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Queue, Stream } from "effect"
import { type Chain, Control, type ControlEvent, Identity, PeerBook, type PeerId } from "../../../signatures/index.ts"
import { layerPeerBook, layerPeerUpdates } from "../../../src/peers/index.ts"
import { inprocess } from "../../support/inprocess.ts"

const chain: Chain = { network: "test", name: "alpha", genesis: "00" }
const other: Chain = { network: "test", name: "beta", genesis: "00" }

/** The book of the first of two hosts, taught by what the test lets the second say. */
const taught = Effect.gen(function*() {
  const { hosts: [host, far] } = yield* inprocess.world(2)
  if (host === undefined || far === undefined) return yield* Effect.die(new Error("two hosts were asked for"))
  const events = yield* Queue.unbounded<ControlEvent>()
  const logs: Array<string> = []
  const layer = layerPeerUpdates.pipe(
    Layer.provideMerge(layerPeerBook()),
    Layer.provide(Layer.succeed(
      Control,
      Control.of({
        events: Stream.fromQueue(events),
        askPeers: () => Effect.succeedNone,
        answerPeers: () => Effect.void,
        served: () => []
      })
    )),
    Layer.provide(Layer.succeedContext(host.services)),
    Layer.provide(Logger.layer([Logger.make(({ message }) => void logs.push(String(message)))]))
  )
  const book = Context.get(yield* Layer.build(layer), PeerBook)
  return {
    book,
    logs,
    far: far.peer,
    address: far.addresses[0] ?? assert.fail("an address"),
    identity: Context.get(far.services, Identity),
    addresses: (peer: PeerId) => {
      const facts = book.peer(peer)
      return facts._tag === "Some" ? facts.value.addresses : []
    },
    /** Heard, and taken in. */
    says: (event: ControlEvent) => Effect.andThen(Queue.offer(events, event), Effect.sleep("1 millis"))
  }
})

describe("what peers say of themselves", () => {
  it("teaches the book where they listen and what they serve", () =>
    inprocess.run(Effect.gen(function*() {
      const { address, addresses, book, far, identity, says } = yield* taught
      const record = yield* identity.seal([address])
      yield* says({ _tag: "Info", peer: far, record, chains: [chain] })
      assert.deepStrictEqual(addresses(far), [address])
      assert.strictEqual(book.candidates(chain).length, 1)
      yield* says({ _tag: "Chains", peer: far, added: [other], removed: [chain] })
      assert.strictEqual(book.candidates(chain).length, 0)
      assert.strictEqual(book.candidates(other).length, 1)
      yield* says({ _tag: "Goodbye", peer: far, reason: "idle" })
      assert.deepStrictEqual(addresses(far), [address])
    })))

  it("does not when a record is damaged or another's: that is logged, and the next is heard", () =>
    inprocess.run(Effect.gen(function*() {
      const { address, addresses, far, identity, logs, says } = yield* taught
      const record = yield* identity.seal([address])
      const damaged = Uint8Array.from(record, (byte, n) => n === record.length - 1 ? byte ^ 1 : byte)
      yield* says({ _tag: "Info", peer: far, record: damaged, chains: [] })
      assert.deepStrictEqual(addresses(far), [])
      const liar = "1PeerA" as PeerId
      yield* says({ _tag: "Info", peer: liar, record, chains: [] })
      assert.deepStrictEqual(addresses(liar), [])
      assert.deepStrictEqual(addresses(far), [])
      assert.strictEqual(logs.length, 2)
      yield* says({ _tag: "Info", peer: far, record, chains: [] })
      assert.deepStrictEqual(addresses(far), [address])
    })))
})
