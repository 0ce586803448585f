/** What makes a header valid after those before it. Pure. */
import type { HeaderParams } from "./params.ts"
import { bitsOfTarget, meetsTarget, targetOfBits } from "./target.ts"

/** The headers before one, by height. Only heights from 0 to that of the header before it are asked for. */
export interface Ancestry {
  /** Seconds. */
  readonly timeAt: (height: number) => number
  readonly bitsAt: (height: number) => number
}

/** Seconds by which a header may be ahead of the clock. */
export const futureLimit = 7200
/** Headers whose median time a new one must exceed. */
const medianSpan = 11

/** The bits that the header at `height` (1 or more) must have, which may depend on its own time. */
export const requiredBits = (params: HeaderParams, chain: Ancestry, height: number, time: number): number => {
  const { limitBits, minimumDifficultyAfter, retargetInterval: interval, spacing } = params
  const previous = chain.bitsAt(height - 1)
  if (interval === 0) return previous
  if (height % interval !== 0) {
    if (minimumDifficultyAfter === undefined) return previous
    if (time > chain.timeAt(height - 1) + minimumDifficultyAfter) return limitBits
    let back = height - 1
    while (back % interval !== 0 && chain.bitsAt(back) === limitBits) back--
    return chain.bitsAt(back)
  }
  // One period has `interval` headers and so one gap less; the chains have measured it so from their beginning.
  const taken = chain.timeAt(height - 1) - chain.timeAt(height - interval)
  const aim = spacing * interval
  const counted = Math.min(Math.max(taken, Math.floor(aim / 4)), aim * 4)
  const target = (targetOfBits(previous) ?? 0n) * BigInt(counted) / BigInt(aim)
  const limit = targetOfBits(limitBits) ?? 0n
  // A target can't become 0 with any difficulty that was ever met, but rules are data, and so may be absurd.
  return target > limit ? limitBits : target === 0n ? previous : bitsOfTarget(target)
}

const window: Array<number> = []

/** Of the header at `height` and the ten before it, or as many as there are. */
export const medianTimePast = (chain: Ancestry, height: number): number => {
  window.length = 0
  for (let at = Math.max(0, height - medianSpan + 1); at <= height; at++) {
    const time = chain.timeAt(at)
    let place = window.length
    while (place > 0 && (window[place - 1] ?? 0) > time) place--
    window.splice(place, 0, time)
  }
  return window[window.length >> 1] ?? 0
}

/** Why a header doesn't count. Only `future` may heal with time, and is nobody's fault. */
export type HeaderFault =
  | { readonly _tag: "link" }
  | { readonly _tag: "bits"; readonly found: number; readonly required: number }
  | { readonly _tag: "proof-of-work" }
  | { readonly _tag: "median-time"; readonly found: number; readonly median: number }
  | { readonly _tag: "future"; readonly found: number; readonly now: number }

const hex = (bits: number): string => bits.toString(16).padStart(8, "0")

export const describeFault = (fault: HeaderFault): string => {
  switch (fault._tag) {
    case "link":
      return "it does not name the header before it"
    case "bits":
      return `its bits are ${hex(fault.found)} where ${hex(fault.required)} are required`
    case "proof-of-work":
      return "its hash does not meet its target"
    case "median-time":
      return `its time ${fault.found} is not after ${fault.median}, the median of the ${medianSpan} before it`
    case "future":
      return `its time ${fault.found} is more than ${futureLimit} s after the clock's ${fault.now}`
  }
}

/** Everything but the link, of a header whose hash, time and bits are known. `now` in seconds. */
export const checkHeader = (
  params: HeaderParams,
  chain: Ancestry,
  height: number,
  header: { readonly hash: Uint8Array; readonly time: number; readonly bits: number },
  now: number
): HeaderFault | undefined => {
  const { bits, hash, time } = header
  const required = requiredBits(params, chain, height, time)
  if (bits !== required) return { _tag: "bits", found: bits, required }
  if (!meetsTarget(hash, bits)) return { _tag: "proof-of-work" }
  const median = medianTimePast(chain, height - 1)
  if (time <= median) return { _tag: "median-time", found: time, median }
  if (time > now + futureLimit) return { _tag: "future", found: time, now }
  return undefined
}
