/** Reads a header file from its beginning, verifying every header on the way. */
import { Effect, Option } from "effect"
import { Disk, type DiskFailed } from "../../../signatures/index.ts"
import { HeaderStoreDamaged } from "./errors.ts"
import { extend } from "./extend.ts"
import { displayHash, hashHeader, headerSize, sameBytes } from "./header.ts"
import { HeaderIndex } from "./HeaderIndex.ts"
import { genesisBytes, type HeaderParams } from "./params.ts"
import { describeFault } from "./rules.ts"
import { meetsTarget } from "./target.ts"

/** Headers that are read and verified in one go, so that a long file does not hold up everything else. */
const chunk = 2000

export interface HeaderFile {
  /** The headers of the file that count: none, where there is no file. */
  readonly index: HeaderIndex
  /** Bytes after them. */
  readonly rest: number
}

/** What is wrong with a file's first header. A whole one of another chain is told from a damaged one by its proof of work. */
const genesisFault = (path: string, bytes: Uint8Array): HeaderStoreDamaged => {
  const hash = hashHeader(bytes)
  const bits = new DataView(bytes.buffer, bytes.byteOffset).getUint32(72, true)
  return bytes.subarray(4, 36).every((byte) => byte === 0) && meetsTarget(hash, bits)
    ? new HeaderStoreDamaged({ path, height: 0, reason: "other-chain", what: `the first is ${displayHash(hash)}` })
    : new HeaderStoreDamaged({ path, height: 0, reason: "damaged", what: "it is not the genesis of the chain" })
}

/**
 * Reads at most `limit` headers. Of the first `durable` each must be sound: they were synced once, so a bad one is damage, and
 * fails. What comes after was not, and ends at the first that does not count.
 */
export const readHeaderFile = Effect.fnUntraced(function*(
  path: string,
  params: HeaderParams,
  durable: number,
  limit: number
): Effect.fn.Return<HeaderFile, DiskFailed | HeaderStoreDamaged, Disk> {
  const disk = yield* Disk
  const index = new HeaderIndex()
  const size = Option.getOrElse(yield* disk.size(path), () => 0)
  const wanted = Math.min(limit, Math.floor(size / headerSize))
  let bad: HeaderStoreDamaged | undefined
  while (bad === undefined && index.height + 1 < wanted) {
    const from = index.height + 1
    let bytes = yield* disk.read(path, from * headerSize, Math.min(wanted, from + chunk) * headerSize)
    if (from === 0) {
      const genesis = genesisBytes(params)
      if (!sameBytes(bytes, 0, genesis, 0, headerSize)) {
        bad = genesisFault(path, bytes)
        break
      }
      index.push(genesis, 0, hashHeader(genesis))
      bytes = bytes.subarray(headerSize)
    }
    const found = extend(params, index, bytes, Infinity)
    if (found !== undefined) {
      const what = describeFault(found.fault)
      bad = new HeaderStoreDamaged({ path, height: found.height, reason: "damaged", what })
    }
    yield* Effect.yieldNow
  }
  if (bad !== undefined && bad.height < durable) return yield* bad
  return { index, rest: size - (index.height + 1) * headerSize }
})
