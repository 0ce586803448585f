import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Disk, type SessionPlace } from "../../../../signatures/index.ts"
import { genesisHash, mainNetwork, testNetwork3 } from "../../../../src/sessions/header-sync/params.ts"
import { headerSyncModule, readySessions } from "../../../../src/sessions/index.ts"
import { MemoryDisk } from "../../../support/headers-disk.ts"
import { easyParams, realChains } from "../../../support/headers.ts"

const place: SessionPlace = { resolve: (path) => `/etc/node/${path}` }
const options = Schema.decodeUnknownResult(headerSyncModule.options)

const make = (genesis: string, raw: unknown, disk = new MemoryDisk()) =>
  Schema.decodeUnknownEffect(headerSyncModule.options)(raw).pipe(
    Effect.flatMap((options) => headerSyncModule.make({ network: "test", name: "a", genesis }, options, place)),
    Effect.provideService(Disk, disk.service)
  )

describe("the header sync module", () => {
  it("is one of the sessions that a config file can name", () => {
    assert.deepStrictEqual(readySessions.map(({ name }) => name), ["header-sync"])
  })

  it.effect("knows the rules of the networks that ship with it, and tells how far it is", () =>
    Effect.gen(function*() {
      for (const chain of realChains()) {
        const disk = new MemoryDisk()
        disk.put("/etc/node/headers.bin", chain.bytes)
        const { progress, status } = yield* make(chain.genesis, { headers: "headers.bin" }, disk)
        assert.deepStrictEqual(yield* status ?? Effect.succeed({}), {
          height: 9999,
          tip: chain.tip,
          best: 9999,
          saved: 9999,
          downloading: false
        })
        assert.deepStrictEqual(yield* progress ?? Effect.undefined, { done: 9999, total: 9999 })
      }
    }))

  it.effect("takes the rules of any other chain from its options", () =>
    Effect.gen(function*() {
      const params = easyParams({ retargetInterval: 10 })
      const disk = new MemoryDisk()
      yield* make(genesisHash(params), { headers: "x.bin", params }, disk)
      assert.isTrue(disk.has("/etc/node/x.bin"))
    }))

  it.effect("says what to do where the rules are missing, or another chain's", () =>
    Effect.gen(function*() {
      const unknown = yield* Effect.flip(make("ab".repeat(32), { headers: "x.bin" }))
      assert.match(unknown.message, /no header rules are known .* "params"/)
      const other = yield* Effect.flip(make(genesisHash(mainNetwork), { headers: "x.bin", params: testNetwork3 }))
      assert.match(other.message, /does not have the hash/)
    }))

  it("finds options that are none", () => {
    assert.isTrue(Result.isSuccess(options({ headers: "x.bin" })))
    for (
      const wrong of [{}, { headers: "" }, { headers: 7 }, { headers: "x", params: { ...mainNetwork, spacing: 0 } }]
    ) {
      assert.isTrue(Result.isFailure(options(wrong)))
    }
  })
})
