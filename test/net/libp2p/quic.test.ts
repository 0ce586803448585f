import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { PeerId } from "../../../signatures/index.ts"
import type { QuicPackage } from "../../../src/libp2p/quic.ts"
import { host, listening, loopback } from "../../support/libp2p.ts"

const stranger = PeerId.make("12D3KooWM3XgwsfqWhiSVQtAvfCCDdS2zSE4hdCEJRfvwPypvTKm")

/** The real package, and how often it was asked for. */
const counting = () => {
  const counter = { loads: 0 }
  const loadQuic = (): Promise<QuicPackage> => {
    counter.loads++
    return import("@chainsafe/libp2p-quic")
  }
  return { counter, loadQuic }
}

describe("QUIC's package", () => {
  it.live("is not loaded by a node that listens and dials over TCP only", () =>
    Effect.gen(function*() {
      const { counter, loadQuic } = counting()
      const b = yield* listening({ listen: [loopback("tcp")], loadQuic })
      const a = yield* host({ loadQuic })
      yield* a.transport.dial(b.self, b.address)
      assert.strictEqual(counter.loads, 0)
    }))

  it.live("is loaded once, by the first address that asks for it", () =>
    Effect.gen(function*() {
      const listener = counting()
      const dialler = counting()
      const b = yield* listening({ listen: [loopback("quic", 4), loopback("quic", 6)], loadQuic: listener.loadQuic })
      assert.strictEqual(listener.counter.loads, 1)
      const a = yield* host({ loadQuic: dialler.loadQuic })
      assert.strictEqual(dialler.counter.loads, 0)
      yield* Effect.forEach(b.addresses, (address) => a.transport.dial(b.self, address), { concurrency: 2 })
      assert.strictEqual(dialler.counter.loads, 1)
    }))

  it.live("that isn't installed makes dials and listening fail as missing, and TCP goes on", () =>
    Effect.gen(function*() {
      const missing = "@chainsafe/libp2p-quic-that-nobody-installed"
      const loadQuic = (): Promise<QuicPackage> => import(missing)
      const address = loopback("quic", 4, 7400)
      const dial = yield* Effect.flip((yield* host({ loadQuic })).transport.dial(stranger, address))
      const listen = yield* Effect.flip(listening({ listen: [loopback("tcp"), address], loadQuic }))
      for (const failed of [dial, listen]) {
        assert.deepInclude(failed, { reason: "transport-missing", address })
        assert.include(failed.message, "install the package @chainsafe/libp2p-quic")
        assert.instanceOf(failed.cause, Error)
      }
      const b = yield* listening({ listen: [loopback("tcp")], loadQuic })
      yield* (yield* host({ loadQuic })).transport.dial(b.self, b.address)
    }))

  it.live("that has no binary for this machine makes them fail as missing too", () =>
    Effect.gen(function*() {
      const script = `
        import { Effect } from "effect"
        import { host } from "${import.meta.resolve("../../support/libp2p.ts")}"
        const dial = Effect.flatMap(host(), ({ transport }) =>
          Effect.flip(transport.dial("${stranger}", "${loopback("quic", 4, 7400)}")))
        const { reason, cause } = await Effect.runPromise(Effect.scoped(dial))
        console.log(JSON.stringify({ reason, cause: cause.message }))`
      const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: "/no/such/binary.node" }
      })
      const [out] = yield* Effect.promise(() => Promise.all([text(child.stdout), once(child, "close")]))
      const failed = JSON.parse(out)
      assert.strictEqual(failed.reason, "transport-missing")
      assert.match(failed.cause, /native binding/)
    }))
})
