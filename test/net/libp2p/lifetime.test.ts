import { assert, describe, it } from "@effect/vitest"
import { Effect, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { Address, PeerId } from "../../../signatures/index.ts"
import { accepted, host, kinds, linked, listening, loopback, readAll } from "../../support/libp2p.ts"

const support = import.meta.resolve("../../support/libp2p.ts")

const run = (script: string): ChildProcess & { readonly stdout: NodeJS.ReadableStream } =>
  spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] })

describe("a node over libp2p", () => {
  it.live("lets its process end by itself once it is stopped, with links up and dials under way", () =>
    Effect.gen(function*() {
      const script = `
        import { Effect } from "effect"
        import { host, listening, loopback } from "${support}"
        const program = Effect.gen(function*() {
          const b = yield* listening({ listen: [loopback("tcp"), loopback("quic"), loopback("tcp", 6), loopback("quic", 6)] })
          const a = yield* host()
          for (const address of b.addresses) {
            const link = yield* a.transport.dial(b.self, address)
            yield* link.open("/chain-p2p/1")
          }
          yield* Effect.forkScoped(a.transport.dial(b.self, "/ip4/127.0.0.1/udp/9/quic-v1"))
        })
        await Effect.runPromise(Effect.scoped(program))
        console.log("stopped")`
      const child = run(script)
      const [out, [code]] = yield* Effect.promise(() => Promise.all([text(child.stdout), once(child, "close")]))
      assert.deepStrictEqual([out.trim(), code], ["stopped", 0])
    }))

  it.live.each(kinds)("that stops ends its %s links at both ends", (kind) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const b = yield* listening({ listen: [loopback(kind)] })
      const a = yield* Scope.provide(host(), scope)
      const out = yield* a.transport.dial(b.self, b.address)
      const inLink = yield* b.inbound
      const stream = yield* out.open("/chain-p2p/1")
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      assert.isTrue((yield* readAll(stream)).linkEnded)
      yield* Effect.all([out.ended, inLink.ended])
    }))

  it.live.each([["tcp", 1_000], ["quic", 4_000]] as const)(
    "that is killed is missed over %s within %i ms",
    ([kind, limit]) =>
      Effect.gen(function*() {
        const script = `
          import { Effect } from "effect"
          import { listening, loopback } from "${support}"
          const program = Effect.gen(function*() {
            const b = yield* listening({ listen: [loopback("${kind}")] })
            console.log(b.self + " " + b.address)
            yield* Effect.never
          })
          await Effect.runPromise(Effect.scoped(program)).finally(setInterval(() => {}, 1_000))`
        const child = yield* Effect.acquireRelease(
          Effect.sync(() => run(script)),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const [line] = yield* Effect.promise(() => once(createInterface(child.stdout), "line"))
        const [peer = "", address = ""] = String(line).split(" ")
        const a = yield* host()
        const link = yield* a.transport.dial(PeerId.make(peer), Address.make(address))
        const stream = yield* link.open("/chain-p2p/1")
        child.kill("SIGKILL")
        const killed = performance.now()
        assert.isTrue((yield* readAll(stream)).linkEnded)
        yield* link.ended
        assert.isBelow(performance.now() - killed, limit)
      })
  )

  it.live.each(kinds)("holds nothing of streams that came and went over %s", (kind) =>
    Effect.gen(function*() {
      const { in: inLink, out } = yield* linked(kind, { maxStreams: 8 })
      const streams = yield* accepted(inLink)
      for (let i = 0; i < 50; i++) {
        const there = yield* out.open("/chain-p2p/1")
        const here = yield* streams.next
        if (i % 3 === 0) there.abort()
        else if (i % 3 === 1) here.abort()
        else {
          there.finish()
          // What one end finishes the other shall finish too; one that forgets it is finished for it.
          if (i > 2) here.finish()
        }
        yield* Effect.all([readAll(there), readAll(here)], { concurrency: 2 })
      }
    }))
})
