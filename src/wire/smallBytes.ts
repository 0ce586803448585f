const slabBytes = 8 * 1024
/** Above it a buffer of its own costs little beside what it carries. */
const smallBytes = 1024

let slab = new Uint8Array(slabBytes)
let used = 0

/**
 * Fresh bytes. Small ones are cut from a common buffer, which is several times cheaper than memory of their own, and which
 * lives as long as the last of them: so nobody keeps what it was sent without copying it.
 */
export const freshBytes = (size: number): Uint8Array => {
  if (size > smallBytes) return new Uint8Array(size)
  if (used + size > slabBytes) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const from = used
  used += size
  return slab.subarray(from, used)
}

/** The first of bytes that `freshBytes` gave, and that nobody else has. What is left goes to the next, if nobody came between. */
export const trimmed = (bytes: Uint8Array, size: number): Uint8Array => {
  if (bytes.buffer === slab.buffer && bytes.byteOffset + bytes.length === used) used = bytes.byteOffset + size
  return bytes.subarray(0, size)
}
