/** Answers to a peer's requests. Pure: reads the best chain. */
import { headerSize } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import type { Get, Gone, Headers } from "./messages.ts"

/**
 * The next message of the answer to a request of which `served` headers have gone, with at most `piece` headers, and whether
 * it is the last. Gone where the pin is not on the best chain, or nothing before it is asked for.
 */
export const answer = (
  index: HeaderIndex,
  get: Get,
  served: number,
  piece: number
): { readonly message: Headers | Gone; readonly last: boolean } => {
  const gone = { message: { _tag: "Gone" }, last: true } as const
  const pin = index.find(get.pin)
  if (pin < 0) return gone
  let ancestor = -1
  for (const hash of get.locator) {
    ancestor = index.find(hash)
    if (ancestor >= 0 && ancestor <= pin) break
  }
  const first = ancestor + 1 + get.skip
  if (ancestor < 0 || ancestor > pin || first > pin) return gone
  const end = Math.min(first + get.count, pin + 1)
  const from = first + served
  const headers = index.slice(from, Math.min(from + piece, end))
  return { message: { _tag: "Headers", headers }, last: from + headers.length / headerSize >= end }
}
