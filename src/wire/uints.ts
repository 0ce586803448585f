/** CBOR's numbers below 2^32, written and read without an encoder. */

/** Bytes of the shortest form. */
export const sizeOfUint = (n: number): number => n < 24 ? 1 : n < 0x100 ? 2 : n < 0x1_0000 ? 3 : 5

/** Of the shortest form of so many bytes; the number itself where there is one only. */
const markOf = (size: number): number => size === 2 ? 0x18 : size === 3 ? 0x19 : 0x1a

/** Gives the offset after it. */
export const writeUint = (into: Uint8Array, at: number, n: number): number => {
  const size = sizeOfUint(n)
  if (size === 1) into[at] = n
  else {
    into[at] = markOf(size)
    for (let i = 1; i < size; i++) into[at + i] = n >>> (8 * (size - 1 - i))
  }
  return at + size
}

/** Undefined for what is none, or not in its shortest form: so it ends `sizeOfUint` bytes later. */
export const readUint = (bytes: Uint8Array, at: number): number | undefined => {
  const mark = bytes[at]
  if (mark === undefined || mark > 0x1a) return undefined
  if (mark < 24) return mark
  const size = mark === 0x1a ? 5 : mark - 0x16
  if (at + size > bytes.length) return undefined
  let n = 0
  for (let i = 1; i < size; i++) n = ((n << 8) | (bytes[at + i] ?? 0)) >>> 0
  return sizeOfUint(n) === size ? n : undefined
}

/** Whether these bytes stand there. */
export const standsAt = (bytes: Uint8Array, at: number, expected: Uint8Array): boolean => {
  if (at + expected.length > bytes.length) return false
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}
