/** Appends received headers to a chain, each checked in the context of those before it. */
import { hashHeaderInto, hashSize, headerSize, sameBytes } from "./header.ts"
import type { HeaderParams } from "./params.ts"
import { type Ancestry, checkHeader, type HeaderFault } from "./rules.ts"

/** A chain that grows: the best one, or a branch. */
export interface Growing extends Ancestry {
  readonly height: number
  readonly tipHash: Uint8Array
  push(bytes: Uint8Array, offset: number, hash: Uint8Array): void
}

/** The first header that doesn't count. Those before it were appended. */
export interface BadHeader {
  readonly height: number
  readonly fault: HeaderFault
}

/** Headers by the bytes of a message or a file: whole ones only. `now` in seconds; `Infinity` where time was checked before. */
export const extend = (
  params: HeaderParams,
  chain: Growing,
  headers: Uint8Array,
  now: number
): BadHeader | undefined => {
  const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength)
  const hash = new Uint8Array(hashSize)
  const previous = chain.tipHash.slice()
  for (let offset = 0; offset + headerSize <= headers.length; offset += headerSize) {
    const height = chain.height + 1
    if (!sameBytes(headers, offset + 4, previous, 0, hashSize)) return { height, fault: { _tag: "link" } }
    hashHeaderInto(headers, offset, hash)
    const header = { hash, time: view.getUint32(offset + 68, true), bits: view.getUint32(offset + 72, true) }
    const fault = checkHeader(params, chain, height, header, now)
    if (fault !== undefined) return { height, fault }
    chain.push(headers, offset, hash)
    previous.set(hash)
  }
  return undefined
}
