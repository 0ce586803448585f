import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber } from "effect"
import * as fc from "fast-check"
import { Disk } from "../../../../signatures/index.ts"
import { diskLaws } from "../../../laws/Disk.laws.ts"
import { inprocess, inprocessBackend } from "../../../support/inprocess.ts"
import { concat, pattern } from "../../../support/streams.ts"

diskLaws(inprocessBackend(1))

const one = Effect.map(inprocess.world(1), ({ hosts: [host], network }) => {
  if (host === undefined) throw new Error("a host was asked for")
  return { host, disk: Context.get(host.services, Disk), network }
})

describe("a crash of a simulated disk", () => {
  it("keeps what was synced, and of what came after it any part", () =>
    fc.assert(
      fc.property(fc.integer(), fc.nat(3000), fc.nat(3000), fc.nat(6000), (seed, before, after, cutTo) => {
        inprocess.runSync(
          Effect.gen(function*() {
            const { disk, host } = yield* one
            const [synced, rest] = [pattern(before, 1), pattern(after, 2)]
            yield* disk.append("file", synced)
            yield* disk.sync("file")
            yield* disk.append("file", rest)
            yield* disk.truncate("file", cutTo)
            host.disk.crash()
            const left = host.disk.files().get("file") ?? assert.fail("a file that was synced is there")
            const sure = Math.min(before, cutTo)
            assert.deepStrictEqual(left.slice(0, sure), synced.slice(0, sure))
            assert.isAtMost(left.length, before + after)
            const full = concat([synced, rest])
            // Beyond it each byte is one that was written there, or was never written.
            assert.isTrue(left.every((byte, i) => i < sure || byte === 0 || byte === full[i]))
          }),
          { seed }
        )
      }),
      { numRuns: 200 }
    ))

  it("shows every outcome: nothing, all, a part, and holes", () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 300; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { disk, host } = yield* one
          yield* disk.append("file", new Uint8Array(2000).fill(1))
          host.disk.crash()
          const left = host.disk.files().get("file")
          const zero = left?.indexOf(0) ?? -1
          outcomes.add(
            left === undefined
              ? "gone"
              : left.length === 0
              ? "empty"
              : zero < 0
              ? (left.length === 2000 ? "all" : "part")
              : left.lastIndexOf(1) > zero
              ? "hole"
              : "zeros"
          )
        }),
        { seed }
      )
    }
    assert.deepStrictEqual([...outcomes].toSorted(), ["all", "empty", "gone", "hole", "part", "zeros"])
  })

  it("finds the old contents or the new where a file is being replaced", () => {
    const sizes = new Set<number>()
    for (let seed = 0; seed < 50; seed++) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { disk, host, network } = yield* one
          yield* disk.replace("file", pattern(100, 1))
          const replacing = yield* Effect.forkChild(disk.replace("file", pattern(200, 2)))
          yield* Effect.sleep(`${seed * 50} micros`)
          yield* network.kill(host)
          const left = host.disk.files().get("file") ?? assert.fail("the file is there")
          assert.deepStrictEqual(left, pattern(left.length, left.length / 100))
          sizes.add(left.length)
          yield* Fiber.interrupt(replacing)
          const restarted = yield* network.restart(host)
          assert.deepStrictEqual(yield* Context.get(restarted.services, Disk).read("file", 0, 999), left)
        }),
        { seed }
      )
    }
    assert.deepStrictEqual([...sizes].toSorted((a, b) => a - b), [100, 200])
  })

  it("never completes an operation of a process that was killed", () =>
    inprocess.run(Effect.gen(function*() {
      const { disk, host, network } = yield* one
      const writing = yield* Effect.forkChild(disk.append("file", pattern(10)), { startImmediately: true })
      yield* network.kill(host)
      yield* Effect.sleep("1 minute")
      assert.isUndefined(writing.pollUnsafe())
      assert.strictEqual(host.disk.files().size, 0)
    })))

  it("lets a test refuse an operation, which is then not done", () =>
    inprocess.run(Effect.gen(function*() {
      const { disk, host } = yield* one
      host.disk.refuse = (operation, path) => operation === "append" && path === "file" ? "full" : undefined
      const failure = yield* Effect.flip(disk.append("file", pattern(10)))
      assert.strictEqual(failure.reason, "full")
      yield* disk.append("other", pattern(10))
      assert.deepStrictEqual([...host.disk.files().keys()], ["other"])
    })))
})
