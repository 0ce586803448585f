/** A block header: 80 bytes, little-endian, and the double SHA-256 that names it. Pure. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js"

/** Bytes of one header. */
export const headerSize = 80
/** Bytes of one hash. */
export const hashSize = 32

export interface Header {
  /** Signed, as the chains have it. */
  readonly version: number
  /** Of the header before it; zeros in a genesis. 32 bytes, as hashed (displayed hashes are the reverse). */
  readonly previous: Uint8Array
  readonly merkleRoot: Uint8Array
  /** Seconds since 1970. */
  readonly time: number
  /** The target in compact form. */
  readonly bits: number
  readonly nonce: number
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const encodeHeader = (header: Header): Uint8Array => {
  const bytes = new Uint8Array(headerSize)
  const view = viewOf(bytes)
  view.setInt32(0, header.version, true)
  bytes.set(header.previous, 4)
  bytes.set(header.merkleRoot, 36)
  view.setUint32(68, header.time, true)
  view.setUint32(72, header.bits, true)
  view.setUint32(76, header.nonce, true)
  return bytes
}

/** Of the 80 bytes from `offset` on, which must be there. */
export const decodeHeader = (bytes: Uint8Array, offset = 0): Header => {
  const view = viewOf(bytes)
  return {
    version: view.getInt32(offset, true),
    previous: bytes.slice(offset + 4, offset + 36),
    merkleRoot: bytes.slice(offset + 36, offset + 68),
    time: view.getUint32(offset + 68, true),
    bits: view.getUint32(offset + 72, true),
    nonce: view.getUint32(offset + 76, true)
  }
}

const fresh = sha256.create()
const first = sha256.create()
const second = sha256.create()
const inner = new Uint8Array(hashSize)

/**
 * Writes the hash of the header at `offset` to `out`. Two hashers are reused and reset by copying a fresh one's state, which
 * takes 2.4 µs a header where hashing with new ones takes 3.9; nothing of a header stays in them.
 */
export const hashHeaderInto = (bytes: Uint8Array, offset: number, out: Uint8Array): void => {
  fresh._cloneInto(first)
  first.update(bytes.subarray(offset, offset + headerSize)).digestInto(inner)
  fresh._cloneInto(second)
  second.update(inner).digestInto(out)
}

export const hashHeader = (bytes: Uint8Array, offset = 0): Uint8Array => {
  const hash = new Uint8Array(hashSize)
  hashHeaderInto(bytes, offset, hash)
  return hash
}

/** As people read hashes: the last byte first, in hex. */
export const displayHash = (hash: Uint8Array): string => bytesToHex(hash.toReversed())

/** The inverse of `displayHash`; undefined for a text that isn't 64 hex digits. */
export const parseHash = (text: string): Uint8Array | undefined =>
  /^[0-9a-fA-F]{64}$/.test(text) ? hexToBytes(text).toReversed() : undefined

/** Whether `length` bytes of two arrays are the same. */
export const sameBytes = (a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, length: number): boolean => {
  for (let i = 0; i < length; i++) if (a[aFrom + i] !== b[bFrom + i]) return false
  return true
}
