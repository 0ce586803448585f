/** The CRC-32 of IEEE 802.3, whose sums can be put together: what is written again and again needs no new sum. Pure. */
const polynomial = 0xedb88320

/** Signed, as the sums are: no number here is more than 31 bits and a sign. */
const table = Int32Array.from({ length: 256 }, (_, n) => {
  let value = n
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? polynomial ^ (value >>> 1) : value >>> 1
  return value
})

/** Tells every change of up to 32 bits in a row, and all but one in four thousand million of the others. */
export const crc32 = (bytes: Uint8Array): number => {
  let value = -1
  for (let i = 0; i < bytes.length; i++) value = (table[(value ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8)
  return ~value >>> 0
}

/** The product of two polynomials, the highest bit that of x⁰, modulo that of the CRC. */
const product = (a: number, b: number): number => {
  let sum = 0
  let moved = b
  for (let bit = 31; bit >= 0; bit--) {
    sum ^= moved & -((a >>> bit) & 1)
    moved = (moved >>> 1) ^ (polynomial & -(moved & 1))
  }
  return sum
}

const one = 1 << 31

/** x to the power of 8 · 2ⁿ: of as many bytes. */
const powers: ReadonlyArray<number> = Array.from({ length: 32 }).reduce<ReadonlyArray<number>>((all) => {
  const last = all.at(-1)
  return [...all, last === undefined ? 1 << 23 : product(last, last)]
}, [])

/** What so many bytes do to the sum of those before them. */
export const shiftOf = (length: number): number => {
  let shift = one
  for (let n = 0; length >>> n > 0; n++) if ((length >>> n) & 1) shift = product(powers[n] ?? one, shift)
  return shift
}

/** The sum of two pieces, one after the other; of the second the sum and the shift are known. */
export const crc32Joined = (first: number, second: number, shift: number): number =>
  (product(shift, first) ^ second) >>> 0
