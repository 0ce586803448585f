import { Clock, Duration, Effect, Option } from "effect"
import { type Disk, DiskFailed } from "../../signatures/index.ts"
import { type Key, Purpose } from "./Key.ts"

/** Half of what disks call a sector today, so that there is more than one in a test's file. */
const blockSize = 256

/** What the file is to readers, and what it surely is after a crash. */
interface File {
  contents: Uint8Array
  /** None: it may be gone after a crash. */
  synced: Uint8Array | undefined
  /** Nothing below it was touched since the last sync. */
  untouched: number
}

export type DiskOperation = keyof Disk["Service"]

const none = new Uint8Array(0)

/** What is left of a file that was being written: its size and each touched block are old, new, or never came. */
const torn = (file: File, key: Key): Uint8Array | undefined => {
  const { contents, synced, untouched } = file
  let drawn = 0
  const chance = (probability: number) => key.chance(Purpose.surviving, drawn++, probability)
  if (synced === undefined && chance(0.25)) return undefined
  const old = synced ?? none
  const size = chance(0.25)
    ? old.length
    : chance(1 / 3)
    ? contents.length
    : key.between(Purpose.surviving, drawn++, untouched, Math.max(old.length, contents.length) + 1)
  const left = new Uint8Array(size)
  left.set(contents.subarray(0, Math.min(untouched, size)))
  // All of it as often as a mixture: a disk that had written everything but said so is a case too.
  const newBlocks = chance(0.25) ? 1 : key.unit(Purpose.surviving, drawn++)
  for (let from = untouched; from < size; from = (Math.floor(from / blockSize) + 1) * blockSize) {
    const to = Math.min(size, (Math.floor(from / blockSize) + 1) * blockSize)
    const source = chance(newBlocks) ? contents : chance(0.5) ? old : none
    left.set(source.subarray(from, to), from)
  }
  return left
}

/** The disk of one host. It outlives the host's process: only a `crash` tears what was not synced. */
export class SimulatedDisk {
  readonly #key: Key
  readonly #files = new Map<string, File>()
  #operations = 0
  #crashes = 0
  /** Asked before each operation: a test's way to let one fail. Nothing was done then. */
  refuse: (operation: DiskOperation, path: string) => DiskFailed["reason"] | undefined = () => undefined

  constructor(key: Key) {
    this.#key = key
  }

  /** The power fails. What was synced stays, of what was not any part may. */
  crash(): void {
    const key = this.#key.child(Purpose.crash, this.#crashes++)
    let files = 0
    for (const [path, file] of this.#files) {
      if (file.synced !== undefined && file.synced === file.contents) continue
      const left = torn(file, key.child(Purpose.crash, files++))
      if (left === undefined) this.#files.delete(path)
      else this.#files.set(path, { contents: left, synced: left, untouched: left.length })
    }
  }

  /** The contents of every file, as readers see them now. */
  files(): ReadonlyMap<string, Uint8Array> {
    return new Map(Array.from(this.#files, ([path, file]) => [path, file.contents]))
  }

  /** For one process: once it is dead, what it had begun neither happens nor ends. */
  service(isDead: () => boolean): Disk["Service"] {
    // Every operation takes its time, so that others come between, and happens whole at the end of it.
    const operation = <A>(name: DiskOperation, path: string, micros: number, act: () => Effect.Effect<A, DiskFailed>) =>
      Effect.suspend(() => {
        const time = Duration.micros(BigInt(micros + this.#key.between(Purpose.disk, this.#operations++, 0, micros)))
        return Effect.andThen(
          Clock.clockWith((clock) => clock.sleep(time)),
          Effect.suspend(() => {
            if (isDead()) return Effect.never
            const reason = this.refuse(name, path)
            return reason === undefined ? act() : Effect.fail(new DiskFailed({ path, reason }))
          })
        )
      })
    const withFile = <A>(path: string, use: (file: File) => A): Effect.Effect<A, DiskFailed> => {
      const file = this.#files.get(path)
      return file === undefined
        ? Effect.fail(new DiskFailed({ path, reason: "missing" }))
        : Effect.succeed(use(file))
    }
    return {
      read: (path, from, to) =>
        operation("read", path, 20, () => withFile(path, (file) => file.contents.slice(from, Math.max(from, to)))),
      size: (path) =>
        operation(
          "size",
          path,
          10,
          () =>
            Effect.succeed(Option.map(Option.fromUndefinedOr(this.#files.get(path)), (file) => file.contents.length))
        ),
      append: (path, bytes) =>
        operation("append", path, 20, () => {
          const file = this.#files.get(path) ?? { contents: none, synced: undefined, untouched: 0 }
          const contents = new Uint8Array(file.contents.length + bytes.length)
          contents.set(file.contents)
          contents.set(bytes, file.contents.length)
          this.#files.set(path, { ...file, contents })
          return Effect.void
        }),
      sync: (path) =>
        operation("sync", path, 500, () =>
          withFile(path, (file) => {
            file.synced = file.contents
            file.untouched = file.contents.length
          })),
      truncate: (path, size) =>
        operation("truncate", path, 50, () =>
          withFile(path, (file) => {
            if (size >= file.contents.length) return
            file.contents = file.contents.slice(0, size)
            file.untouched = Math.min(file.untouched, size)
          })),
      replace: (path, bytes) =>
        operation("replace", path, 1000, () => {
          const contents = bytes.slice()
          this.#files.set(path, { contents, synced: contents, untouched: contents.length })
          return Effect.void
        }),
      setAside: (path) =>
        operation("setAside", path, 500, () =>
          withFile(path, (file) => {
            let count = 1
            while (this.#files.has(`${path}.damaged-${count}`)) count++
            const aside = `${path}.damaged-${count}`
            this.#files.delete(path)
            this.#files.set(aside, file)
            return aside
          }))
    }
  }
}
