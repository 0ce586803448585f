import { Effect, Layer, Option, Semaphore } from "effect"
import { resolve } from "node:path"
import { Disk, type DiskFailed } from "../../signatures/index.ts"
import { failed } from "./failed.ts"
import * as operations from "./operations.ts"

export interface DiskOptions {
  /** The folder against which relative paths are resolved; made when something is first written. */
  readonly root: string
}

const make = ({ root }: DiskOptions): Disk["Service"] => {
  const locks = new Map<string, Semaphore.Semaphore>()
  const lockOf = (file: string): Semaphore.Semaphore => {
    const known = locks.get(file)
    if (known !== undefined) return known
    const made = Semaphore.makeUnsafe(1)
    locks.set(file, made)
    return made
  }
  // One operation per file at a time, and to its end: one that went on behind the back of whoever was interrupted would
  // meet the next.
  const on = <A>(path: string, act: (file: string) => Promise<A>): Effect.Effect<A, DiskFailed> =>
    Effect.suspend(() => {
      const file = resolve(root, path)
      const acting = Effect.tryPromise({ try: () => act(file), catch: (cause) => failed(path, cause) })
      return Semaphore.withPermit(lockOf(file), Effect.uninterruptible(acting))
    })
  return {
    read: (path, from, to) => on(path, (file) => operations.read(file, from, to)),
    size: (path) => Effect.map(on(path, operations.size), Option.fromUndefinedOr),
    // Copied at once: the caller may go on with its bytes while the operation waits for its turn.
    append: (path, bytes) =>
      Effect.suspend(() => {
        const copy = bytes.slice()
        return on(path, (file) => operations.append(file, copy))
      }),
    sync: (path) => on(path, operations.sync),
    truncate: (path, size) => on(path, (file) => operations.truncate(file, size)),
    replace: (path, bytes) =>
      Effect.suspend(() => {
        const copy = bytes.slice()
        return on(path, (file) => operations.replace(file, copy))
      }),
    setAside: (path) => on(path, operations.setAside)
  }
}

/** `Disk` over files. Nothing is opened until it is used, and nothing stays open. */
export const layerDisk = (options: DiskOptions): Layer.Layer<Disk> => Layer.sync(Disk, () => make(options))
