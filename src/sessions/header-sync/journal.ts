/** The small file beside a header file that tells a torn write from damage, and makes a reorganisation whole. Pure. */
import { sha256 } from "@noble/hashes/sha2.js"
import { headerSize, sameBytes } from "./header.ts"

export interface Journal {
  /** Headers of the file that were synced: what is wrong among these is damage, what is wrong after them a torn write. */
  readonly durable: number
  /** Headers that are to follow the durable ones, in place of whatever does: a reorganisation under way. Empty: none. */
  readonly branch: Uint8Array
}

const magic = new TextEncoder().encode("chain-p2p hdr 1\n")
const head = magic.length + 8
const checkSize = 32

export const encodeJournal = ({ branch, durable }: Journal): Uint8Array => {
  const bytes = new Uint8Array(head + branch.length + checkSize)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint32(magic.length, durable)
  view.setUint32(magic.length + 4, branch.length / headerSize)
  bytes.set(branch, head)
  bytes.set(sha256(bytes.subarray(0, head + branch.length)), head + branch.length)
  return bytes
}

/** Undefined for bytes that are no journal, or a damaged one. */
export const decodeJournal = (bytes: Uint8Array): Journal | undefined => {
  if (bytes.length < head + checkSize || !sameBytes(bytes, 0, magic, 0, magic.length)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = head + view.getUint32(magic.length + 4) * headerSize
  if (bytes.length !== end + checkSize) return undefined
  if (!sameBytes(sha256(bytes.subarray(0, end)), 0, bytes, end, checkSize)) return undefined
  return { durable: view.getUint32(magic.length), branch: bytes.slice(head, end) }
}
