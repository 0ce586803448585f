/** A disk in memory whose crashes tear: of what was not synced any part may survive, in any order of blocks. */
import { Effect, Option } from "effect"
import { Disk, DiskFailed } from "../../signatures/index.ts"

interface File {
  /** As the process sees it. */
  now: Uint8Array
  /** As it was at the last sync. */
  synced: Uint8Array
}

const block = 64

export class MemoryDisk {
  readonly #files = new Map<string, File>()
  /** Operations that change something, so far. */
  writes = 0
  /** The process is killed in the middle of the write of this number, counted from 0. */
  dieAt = Infinity
  /** While true no write completes. */
  hangs = false
  /** While true every write fails as a full disk's. */
  full = false

  put(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { now: bytes.slice(), synced: bytes.slice() })
  }

  get(path: string): Uint8Array {
    return this.#files.get(path)?.now.slice() ?? new Uint8Array(0)
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  delete(path: string): void {
    this.#files.delete(path)
  }

  /** The disk as the next process finds it. `random` from 0 to 1, without 1. */
  crash(random: () => number): MemoryDisk {
    const after = new MemoryDisk()
    for (const [path, { now, synced }] of this.#files) {
      const [low, high] = [Math.min(now.length, synced.length), Math.max(now.length, synced.length)]
      const bytes = new Uint8Array(low + Math.floor(random() * (high - low + 1)))
      for (let at = 0; at < bytes.length; at += block) {
        const end = Math.min(at + block, bytes.length)
        // Beyond what was synced a block that did not survive reads as zeros.
        bytes.set((random() < 0.5 ? now : synced).subarray(at, end), at)
      }
      after.put(path, bytes)
    }
    return after
  }

  /** The disk as the next process finds it when only the last one was killed: nothing is torn, nor more durable than it was. */
  kill(): MemoryDisk {
    const after = new MemoryDisk()
    for (const [path, file] of this.#files) after.#files.set(path, { ...file })
    return after
  }

  readonly #file = (path: string): Effect.Effect<File, DiskFailed> => {
    const file = this.#files.get(path)
    return file === undefined ? Effect.fail(new DiskFailed({ path, reason: "missing" })) : Effect.succeed(file)
  }

  /** A change that the kill may find half done, and after which none is done. */
  readonly #write = (
    path: string,
    change: (whole: boolean) => Effect.Effect<void, DiskFailed>
  ): Effect.Effect<void, DiskFailed> =>
    Effect.suspend(() => {
      if (this.hangs) return Effect.never
      if (this.full) return Effect.fail(new DiskFailed({ path, reason: "full" }))
      const killed = Effect.die(new Error("the process was killed"))
      const at = this.writes++
      if (at > this.dieAt) return killed
      return Effect.andThen(change(at < this.dieAt), at < this.dieAt ? Effect.void : killed)
    })

  readonly service: Disk["Service"] = Disk.of({
    read: (path, from, to) => Effect.map(this.#file(path), ({ now }) => now.slice(from, to)),
    size: (path) =>
      Effect.sync(() => Option.map(Option.fromUndefinedOr(this.#files.get(path)), ({ now }) => now.length)),
    append: (path, bytes) =>
      this.#write(path, (whole) =>
        Effect.sync(() => {
          const file = this.#files.get(path) ?? { now: new Uint8Array(0), synced: new Uint8Array(0) }
          const added = whole ? bytes : bytes.subarray(0, bytes.length >> 1)
          const now = new Uint8Array(file.now.length + added.length)
          now.set(file.now)
          now.set(added, file.now.length)
          this.#files.set(path, { ...file, now })
        })),
    sync: (path) =>
      this.#write(path, (whole) =>
        Effect.map(this.#file(path), (file) => {
          if (whole) file.synced = file.now.slice()
        })),
    truncate: (path, size) =>
      this.#write(path, (whole) =>
        Effect.map(this.#file(path), (file) => {
          if (whole) file.now = file.now.slice(0, Math.min(size, file.now.length))
        })),
    replace: (path, bytes) =>
      this.#write(path, (whole) =>
        Effect.sync(() => {
          if (whole) this.put(path, bytes)
        })),
    setAside: (path) =>
      Effect.map(this.#file(path), (file) => {
        this.#files.delete(path)
        this.#files.set(`${path}.aside`, file)
        return `${path}.aside`
      })
  })
}
