/** The laws of a disk, as written in `signatures/Disk.ts`, for any backend; what a crash does is simulated only. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option } from "effect"
import * as fc from "fast-check"
import { Disk } from "../../signatures/index.ts"
import { type Backend } from "../support/Backend.ts"
import { concat, pattern } from "../support/streams.ts"

type Service = Context.Service.Shape<typeof Disk>

type Operation =
  | { readonly _tag: "append" | "replace"; readonly file: string; readonly size: number }
  | { readonly _tag: "truncate"; readonly file: string; readonly size: number }
  | { readonly _tag: "sync" | "setAside"; readonly file: string }

const file = fc.constantFrom("a", "folder/b")
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("append" as const), file, size: fc.nat(2000) }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("replace" as const), file, size: fc.nat(500) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("truncate" as const), file, size: fc.nat(3000) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("sync" as const), file }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("setAside" as const), file }) }
)

/** What readers must see: the plainest thing that could be called a disk. */
const applyTo = (model: Map<string, Uint8Array>, operation: Operation, bytes: Uint8Array, aside: string): void => {
  const old = model.get(operation.file)
  if (operation._tag === "append") model.set(operation.file, concat([old ?? new Uint8Array(0), bytes]))
  else if (operation._tag === "replace") model.set(operation.file, bytes)
  else if (old === undefined || operation._tag === "sync") return
  else if (operation._tag === "truncate") model.set(operation.file, old.slice(0, operation.size))
  else {
    model.delete(operation.file)
    model.set(aside, old)
  }
}

/** Gives the new name of a file that was set aside. */
const perform = (disk: Service, operation: Operation, bytes: Uint8Array): Effect.Effect<string> => {
  const { _tag: tag, file: path } = operation
  const done = tag === "append"
    ? disk.append(path, bytes)
    : tag === "replace"
    ? disk.replace(path, bytes)
    : tag === "truncate"
    ? disk.truncate(path, operation.size)
    : tag === "sync"
    ? disk.sync(path)
    : disk.setAside(path)
  return done.pipe(
    Effect.map((aside) => aside ?? ""),
    Effect.catch((failure) =>
      failure.reason === "missing" && tag !== "append" && tag !== "replace" ? Effect.succeed("") : Effect.die(failure)
    )
  )
}

const whole = (disk: Service, path: string) =>
  Effect.flatMap(disk.size(path), (size) =>
    Option.isNone(size)
      ? Effect.succeed(undefined)
      : disk.read(path, 0, size.value))

export const diskLaws = (backend: Backend): void => {
  const disk = Effect.map(backend.world(1), ({ hosts: [host] }) => {
    if (host === undefined) throw new Error("a host was asked for")
    return Context.get(host.services, Disk)
  })

  describe(`disk: ${backend.name}`, () => {
    it("appends, and makes the file and its folders where they are missing", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        yield* it.append("deep/er/file", pattern(10))
        yield* it.append("deep/er/file", pattern(20, 1))
        yield* it.append("deep/er/file", new Uint8Array(0))
        assert.deepStrictEqual(yield* it.size("deep/er/file"), Option.some(30))
        assert.deepStrictEqual(yield* whole(it, "deep/er/file"), concat([pattern(10), pattern(20, 1)]))
      })))

    it("reads from inclusive to exclusive, and fewer where the file ends before", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        const bytes = pattern(100)
        yield* it.append("file", bytes)
        for (const [from, to] of [[0, 100], [10, 20], [90, 200], [100, 110], [300, 400], [50, 50], [60, 50]] as const) {
          assert.deepStrictEqual(yield* it.read("file", from, to), bytes.slice(from, Math.max(from, to)))
        }
      })))

    it("has no size for a file that is missing, and fails everything else on it as missing", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        assert.deepStrictEqual(yield* it.size("no/such"), Option.none())
        const failures = yield* Effect.all([
          Effect.flip(it.read("no/such", 0, 1)),
          Effect.flip(it.sync("no/such")),
          Effect.flip(it.truncate("no/such", 0)),
          Effect.flip(it.setAside("no/such"))
        ])
        assert.deepStrictEqual(failures.map(({ path, reason }) => [path, reason]), [
          ["no/such", "missing"],
          ["no/such", "missing"],
          ["no/such", "missing"],
          ["no/such", "missing"]
        ])
      })))

    it("truncates, and never makes a file longer", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        yield* it.append("file", pattern(100))
        yield* it.truncate("file", 200)
        assert.deepStrictEqual(yield* it.size("file"), Option.some(100))
        yield* it.truncate("file", 40)
        yield* it.append("file", pattern(5, 1))
        assert.deepStrictEqual(yield* whole(it, "file"), concat([pattern(40), pattern(5, 1)]))
        yield* it.truncate("file", 0)
        assert.deepStrictEqual(yield* it.size("file"), Option.some(0))
      })))

    it("replaces a file whole, also one that is not there", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        yield* it.replace("folder/file", pattern(100))
        yield* it.replace("folder/file", pattern(7, 1))
        assert.deepStrictEqual(yield* whole(it, "folder/file"), pattern(7, 1))
      })))

    it("lets a reader see the old contents or the new while a file is replaced, never anything else", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        const [one, two] = [new Uint8Array(5000).fill(1), new Uint8Array(5000).fill(2)]
        yield* it.replace("file", one)
        const writes = Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) => it.replace("file", i % 2 === 0 ? two : one)
        )
        const reads = Effect.forEach(Array.from({ length: 100 }), () => it.read("file", 0, 10_000))
        const [, seen] = yield* Effect.all([writes, reads], { concurrency: 2 })
        for (const bytes of seen) {
          assert.strictEqual(bytes.length, 5000)
          assert.isTrue(bytes.every((byte) => byte === bytes[0]))
        }
      })))

    it("sets a file aside under a new name each time, with its contents", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        const names: Array<string> = []
        for (let i = 0; i < 3; i++) {
          yield* it.append("folder/file", pattern(10, i))
          names.push(yield* it.setAside("folder/file"))
          assert.deepStrictEqual(yield* it.size("folder/file"), Option.none())
        }
        assert.strictEqual(new Set(names).size, 3)
        for (const [i, name] of names.entries()) assert.deepStrictEqual(yield* whole(it, name), pattern(10, i))
      })))

    it("keeps a chunk that its writer changes afterwards as it was", () =>
      backend.run(Effect.gen(function*() {
        const it = yield* disk
        const bytes = pattern(50)
        yield* it.append("file", bytes)
        yield* it.replace("other", bytes)
        bytes.fill(0)
        assert.deepStrictEqual(yield* whole(it, "file"), pattern(50))
        assert.deepStrictEqual(yield* whole(it, "other"), pattern(50))
      })))

    it("shows readers what a plain map of bytes would, after any operations", () =>
      fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: backend.virtual ? 60 : 25 }), (plan) =>
          backend.run(
            Effect.gen(function*() {
              const it = yield* disk
              const model = new Map<string, Uint8Array>()
              for (const [index, step] of plan.entries()) {
                const bytes = pattern("size" in step ? step.size : 0, index)
                applyTo(model, step, bytes, yield* perform(it, step, bytes))
              }
              for (const path of ["a", "folder/b", ...model.keys()]) {
                assert.deepStrictEqual(yield* whole(it, path), model.get(path))
              }
            }),
            { seed: plan.length }
          )),
        { numRuns: backend.virtual ? 100 : 15 }
      ))
  })
}
