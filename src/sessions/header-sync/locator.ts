/** A few hashes of a chain, dense at its tip and ever sparser below, by which another finds where both part. Pure. */
import type { HeaderIndex } from "./HeaderIndex.ts"

export interface LocatorEntry {
  readonly height: number
  readonly hash: Uint8Array
}

/** Highest first: the tip and the nine before it, then ever twice the step, and the genesis. */
export const locatorOf = (index: HeaderIndex): ReadonlyArray<LocatorEntry> => {
  const entries: Array<LocatorEntry> = []
  let step = 1
  for (let height = index.height; height > 0; height -= step) {
    entries.push({ height, hash: index.hashAt(height) })
    if (entries.length >= 10) step *= 2
  }
  entries.push({ height: 0, hash: index.hashAt(0) })
  return entries
}
