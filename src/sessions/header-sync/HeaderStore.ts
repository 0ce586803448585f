/** The best chain and its durable copy: a header file with its journal. How a crash at any moment is survived: README.md. */
import { Effect, Option } from "effect"
import { Disk, type DiskFailed } from "../../../signatures/index.ts"
import type { HeaderStoreDamaged } from "./errors.ts"
import { extend } from "./extend.ts"
import { hashHeader, headerSize } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import { decodeJournal, encodeJournal, type Journal } from "./journal.ts"
import { genesisBytes, type HeaderParams } from "./params.ts"
import { readHeaderFile } from "./readHeaderFile.ts"

const none = new Uint8Array(0)

/** What was found, and mended, at the start. All zero and false for a file that was closed in order. */
export interface Repairs {
  /** Bytes of an unfinished write that don't count. */
  readonly torn: number
  /** Headers that were synced once and are gone from the end of the file: they will be fetched again. */
  readonly missing: number
  /** Headers of an interrupted reorganisation that was completed. */
  readonly completed: number
  /** The journal could not be read; the file was verified as a whole without it. */
  readonly journalDamaged: boolean
}

export interface HeaderStore {
  /** At least the genesis. Whoever changes it tells `changed`. */
  readonly index: HeaderIndex
  readonly repairs: Repairs
  /** Headers of the index that are surely in the file. */
  readonly durable: () => number
  /** The index has changed: the height of the last header that stayed. */
  readonly changed: (shared: number) => void
  /** Whether there is something to save. */
  readonly behind: () => boolean
  /**
   * Makes the file what the index is now, durably. Not to be run twice at once. Whether it fails, is interrupted or the process
   * dies: the next `save`, or the next start, finds a chain that is whole.
   */
  readonly save: Effect.Effect<void, DiskFailed>
}

/**
 * Reads and verifies the whole file. One that is missing begins anew. Fails, and changes nothing, where a header is wrong that
 * was synced once, or that no unfinished write of ours can explain.
 */
export const openHeaderStore = Effect.fnUntraced(function*(
  path: string,
  params: HeaderParams
): Effect.fn.Return<HeaderStore, DiskFailed | HeaderStoreDamaged, Disk> {
  const disk = yield* Disk
  const journalPath = `${path}.journal`
  const journalSize = yield* disk.size(journalPath)
  const journal = Option.isNone(journalSize)
    ? undefined
    : decodeJournal(yield* disk.read(journalPath, 0, journalSize.value))

  // Without a journal the file is somebody's copy, and all of it must be sound.
  const vouched = journal?.durable ?? Infinity
  const pending = journal !== undefined && journal.branch.length > 0
  const { index, rest } = yield* readHeaderFile(path, params, vouched, pending ? vouched : Infinity)
  const inFile = index.height + 1
  const missing = journal === undefined ? 0 : Math.max(0, vouched - inFile)
  if (inFile === 0) {
    const genesis = genesisBytes(params)
    index.push(genesis, 0, hashHeader(genesis))
  }
  if (pending && missing === 0) {
    // A journal that is whole holds what was verified before it was written.
    extend(params, index, inFile === 0 ? journal.branch.subarray(headerSize) : journal.branch, Infinity)
  }
  const repairs: Repairs = {
    torn: pending ? 0 : rest,
    missing,
    completed: pending ? index.height + 1 - inFile : 0,
    journalDamaged: Option.isSome(journalSize) && journal === undefined
  }

  /** Headers that are surely in the file, and synced; of these the index still has the first `kept`. */
  let durable = Math.min(vouched, inFile)
  let kept = durable
  /** After its durable headers the file may hold anything. */
  let unsure = journal === undefined || pending || rest > 0 || missing > 0 || inFile > durable

  const note = (entry: Journal) => disk.replace(journalPath, encodeJournal(entry))
  const append = (headers: Uint8Array) => headers.length === 0 ? Effect.void : disk.append(path, headers)
  const save = Effect.gen(function*() {
    const [base, end] = [Math.min(durable, kept), index.height + 1]
    const headers = index.slice(base, end)
    kept = end
    if (unsure || base < durable) {
      // First the journal says what is to be, then the file becomes it: a start in between begins here again.
      unsure = true
      durable = base
      yield* note({ durable: base, branch: headers })
      const size = Option.getOrElse(yield* disk.size(path), () => 0)
      if (size > base * headerSize) yield* disk.truncate(path, base * headerSize)
    }
    unsure = true
    yield* append(headers)
    yield* disk.sync(path)
    yield* note({ durable: end, branch: none })
    durable = end
    unsure = false
  })

  // A copy may not have been synced by whoever made it.
  if (journal === undefined && inFile > 0) yield* disk.sync(path)
  return {
    index,
    repairs,
    durable: () => Math.min(durable, kept),
    changed: (shared) => {
      kept = Math.min(kept, shared + 1)
    },
    behind: () => unsure || kept < durable || index.height + 1 !== durable,
    save
  }
})
