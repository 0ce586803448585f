/** One download: which headers to ask for next, and what an answer does to the best chain. Synchronous. */
import { Branch } from "./Branch.ts"
import { type BadHeader, extend } from "./extend.ts"
import { hashSize, headerSize, sameBytes } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import { locatorOf } from "./locator.ts"
import type { Get } from "./messages.ts"
import type { HeaderParams } from "./params.ts"
import type { Download, Request, Tip } from "./Peer.ts"
import { describeFault } from "./rules.ts"

/** Requests of a download on their way at once, so that a long way to the peer doesn't slow it down. */
const pipelined = 4

export const startDownload = (index: HeaderIndex, pin: Tip): Download => ({
  pin,
  locator: locatorOf(index),
  ancestor: undefined,
  branch: undefined,
  asked: 0,
  received: 0,
  abandoned: false
})

/** The next request, if one is to be sent now. The first goes alone: only its answer says where both chains part. */
export const nextGet = (
  download: Download,
  outstanding: number,
  batch: number
): { readonly request: Request; readonly get: Get } | undefined => {
  const { ancestor, asked, locator, pin } = download
  const rest = ancestor === undefined ? batch : pin.height - ancestor.height - asked
  if (rest <= 0 || outstanding >= (ancestor === undefined ? 1 : pipelined)) return undefined
  const count = Math.min(batch, rest)
  const from = ancestor === undefined ? locator : [ancestor]
  download.asked += count
  return {
    request: { download, count, remaining: ancestor === undefined ? undefined : count },
    get: { _tag: "Get", skip: asked, count, pin: pin.hash, locator: from.map((entry) => entry.hash) }
  }
}

/** Counts an answer's headers against its request. Gives what is wrong with it, if anything is. */
export const countAnswer = (request: Request, headers: Uint8Array): string | undefined => {
  const { download } = request
  if (download.ancestor === undefined) {
    const entry = download.locator.find(({ hash }) => sameBytes(headers, 4, hash, 0, hashSize))
    if (entry === undefined) return "its answer follows no header of the locator"
    if (entry.height >= download.pin.height) return "its answer goes beyond the height that it announced"
    download.ancestor = entry
  }
  request.remaining ??= Math.min(request.count, download.pin.height - download.ancestor.height)
  request.remaining -= headers.length / headerSize
  return request.remaining < 0 ? "its answer has more headers than were asked for" : undefined
}

/** `future` and `unattached` are nobody's fault; `too-long` is a bound of ours. */
export type Received =
  | { readonly _tag: "More" }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Violation"; readonly what: string }
  | { readonly _tag: "Abandon"; readonly why: "future"; readonly bad: BadHeader }
  | { readonly _tag: "Abandon"; readonly why: "unattached" | "too-long" }

/**
 * Verifies the next headers, and makes them part of the best chain as soon as their chain has most work: `adopted` is told the
 * height of the last header that stayed. `now` in seconds.
 */
export const receive = (
  params: HeaderParams,
  index: HeaderIndex,
  download: Download,
  headers: Uint8Array,
  options: { readonly now: number; readonly maxCandidate: number; readonly adopted: (shared: number) => void }
): Received => {
  const { ancestor, pin } = download
  if (ancestor === undefined || (download.branch === undefined && !index.isAt(ancestor.hash, ancestor.height))) {
    return { _tag: "Abandon", why: "unattached" }
  }
  const branch = download.branch ?? new Branch(index, ancestor.height)
  download.branch = branch
  if (!branch.attached) return { _tag: "Abandon", why: "unattached" }
  const bad = extend(params, branch, headers, options.now)
  const [tip, work] = [branch.tipHash, branch.work]
  if (work > index.work) {
    options.adopted(branch.adopt())
    download.branch = new Branch(index, index.height)
  }
  if (bad !== undefined) {
    return bad.fault._tag === "future"
      ? { _tag: "Abandon", why: "future", bad }
      : { _tag: "Violation", what: `it sent an invalid header at height ${bad.height}: ${describeFault(bad.fault)}` }
  }
  download.received += headers.length / headerSize
  if (ancestor.height + download.received === pin.height) {
    return work === pin.work && sameBytes(tip, 0, pin.hash, 0, hashSize)
      ? { _tag: "Done" }
      : { _tag: "Violation", what: "its headers do not lead to the tip, or the work, that it announced" }
  }
  return download.branch.count > options.maxCandidate ? { _tag: "Abandon", why: "too-long" } : { _tag: "More" }
}
