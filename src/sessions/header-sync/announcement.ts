/** What an announcement proves and claims. Pure: reads the best chain, changes nothing. */
import { Branch } from "./Branch.ts"
import { type BadHeader, extend } from "./extend.ts"
import { hashHeader, hashSize, headerSize, sameBytes } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import type { Announce } from "./messages.ts"
import type { HeaderParams } from "./params.ts"
import type { Tip } from "./Peer.ts"
import { describeFault } from "./rules.ts"
import { meetsTarget, targetOfBits } from "./target.ts"

/** `branch`: the announced headers follow one of ours. `future`: the first of them that the clock does not allow yet. */
export type Announced =
  | { readonly _tag: "Violation"; readonly what: string }
  | { readonly _tag: "Heard"; readonly tip: Tip; readonly branch?: Branch; readonly future?: BadHeader }

const violation = (what: string): Announced => ({ _tag: "Violation", what })

/** Checks that need no context: each header follows the one before it, and has done some work. Gives the last one's hash. */
const lastHash = (params: HeaderParams, headers: Uint8Array): Uint8Array | undefined => {
  const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength)
  const limit = targetOfBits(params.limitBits) ?? 0n
  let last: Uint8Array | undefined
  for (let offset = 0; offset < headers.length; offset += headerSize) {
    if (last !== undefined && !sameBytes(headers, offset + 4, last, 0, hashSize)) return undefined
    last = hashHeader(headers, offset)
    const bits = view.getUint32(offset + 72, true)
    const target = targetOfBits(bits)
    if (target === undefined || target > limit || !meetsTarget(last, bits)) return undefined
  }
  return last
}

/** Whether the best chain has these headers up to this height: then they were checked, and whoever announces may be right. */
const isOurs = (index: HeaderIndex, headers: Uint8Array, height: number): boolean =>
  headers.length > 0 && index.holds(headers, height + 1 - headers.length / headerSize)

/** `now` in seconds. */
export const hear = (
  params: HeaderParams,
  index: HeaderIndex,
  message: Announce,
  before: Tip | undefined,
  now: number
): Announced => {
  const { headers, height, work } = message
  if (before !== undefined && work <= before.work) {
    return violation("it announced a chain with no more work than the last")
  }
  // Most announce what we have: sixteen headers at each session's beginning, of which nothing is hashed again.
  const hash = isOurs(index, headers, height) ? index.hashAt(height) : lastHash(params, headers)
  if (hash === undefined) return violation("it announced headers that are not linked, or have no proof of work")
  const tip: Tip = { height, work, hash }
  const claims = (height: number, work: bigint): boolean => height === tip.height && work === tip.work
  const known = index.find(hash)
  if (known >= 0) {
    return claims(known, index.workUpTo(known))
      ? { _tag: "Heard", tip }
      : violation("it announced a wrong height or work")
  }
  const base = index.find(headers.subarray(4, 4 + hashSize))
  if (base < 0) return { _tag: "Heard", tip }
  const branch = new Branch(index, base)
  const bad = extend(params, branch, headers, now)
  if (bad !== undefined && bad.fault._tag !== "future") {
    return violation(`it announced an invalid header at height ${bad.height}: ${describeFault(bad.fault)}`)
  }
  if (bad !== undefined) return { _tag: "Heard", tip, branch, future: bad }
  return claims(branch.height, branch.work)
    ? { _tag: "Heard", tip, branch }
    : violation("it announced a wrong height or work")
}
