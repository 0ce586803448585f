import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { failed } from "../../../src/disk/failed.ts"
import { fileDisk, temporaryFolder } from "../../support/fileDisk.ts"
import { pattern } from "../../support/streams.ts"

const onDisk = Effect.gen(function*() {
  const root = yield* temporaryFolder
  return { root, disk: yield* fileDisk(root) }
})

describe("disk over files", () => {
  it.live("writes below its root, and takes an absolute path as it is", () =>
    Effect.gen(function*() {
      const { disk, root } = yield* onDisk
      const elsewhere = yield* temporaryFolder
      yield* disk.append("sub/file", pattern(10))
      yield* disk.replace(join(elsewhere, "file"), pattern(20))
      assert.deepStrictEqual(new Uint8Array(readFileSync(join(root, "sub/file"))), pattern(10))
      assert.deepStrictEqual(new Uint8Array(readFileSync(join(elsewhere, "file"))), pattern(20))
    }))

  it.live("leaves nothing beside a file that it replaced, nor what an earlier crash left there", () =>
    Effect.gen(function*() {
      const { disk, root } = yield* onDisk
      writeFileSync(join(root, ".book.tmp"), "half of a bo")
      yield* disk.replace("book", pattern(10))
      yield* disk.replace("book", pattern(11))
      assert.deepStrictEqual(readdirSync(root), ["book"])
    }))

  it.live.skipIf(process.platform === "win32")(
    "keeps a file that others may not read closed to them",
    () =>
      Effect.gen(function*() {
        const { disk, root } = yield* onDisk
        yield* disk.replace("book", pattern(10))
        chmodSync(join(root, "book"), 0o600)
        yield* disk.replace("book", pattern(11))
        assert.strictEqual(statSync(join(root, "book")).mode & 0o777, 0o600)
      })
  )

  it("gives what the system reports as one of four reasons", () => {
    const codes = ["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EIO", "EMFILE"]
    const reasons = codes.map((code) => failed("file", Object.assign(new Error(code), { code })).reason)
    assert.deepStrictEqual(reasons, ["full", "full", "denied", "denied", "denied", "missing", "missing", "io", "io"])
    assert.strictEqual(failed("file", "not an error at all").reason, "io")
  })

  it.live.skipIf(!existsSync("/dev/full"))(
    "says full where the disk is, and io where a folder stands for a file",
    () =>
      Effect.gen(function*() {
        const { disk, root } = yield* onDisk
        mkdirSync(join(root, "folder"))
        const [full, io] = yield* Effect.all([
          Effect.flip(disk.append("/dev/full", pattern(10))),
          Effect.flip(disk.append("folder", pattern(10)))
        ])
        assert.deepStrictEqual([full.reason, io.reason], ["full", "io"])
        assert.include(full.message, "make room")
      })
  )

  it.live("finishes an append whose caller was interrupted, before the next operation on the file", () =>
    Effect.gen(function*() {
      const { disk } = yield* onDisk
      const appending = yield* Effect.forkChild(disk.append("file", pattern(100_000)), { startImmediately: true })
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(appending), { startImmediately: true })
      yield* disk.append("file", pattern(5))
      yield* Fiber.join(interrupting)
      const bytes = yield* disk.read("file", 0, Infinity)
      assert.deepStrictEqual(bytes.slice(-5), pattern(5))
      assert.include([5, 100_005], bytes.length)
    }))

  it.live("keeps appends of many fibers whole", () =>
    Effect.gen(function*() {
      const { disk } = yield* onDisk
      const parts = Array.from({ length: 40 }, (_, i) => new Uint8Array(1000).fill(i))
      yield* Effect.forEach(parts, (part) => disk.append("file", part), { concurrency: "unbounded" })
      const bytes = yield* disk.read("file", 0, 40_000)
      const seen = new Set<number>()
      for (let from = 0; from < 40_000; from += 1000) {
        const part = bytes.subarray(from, from + 1000)
        assert.isTrue(part.every((byte) => byte === part[0]))
        seen.add(part[0] ?? -1)
      }
      assert.strictEqual(seen.size, 40)
    }))
})
