/** Signed, as the sums are: no number here is more than 31 bits and a sign. */
const table = Int32Array.from({ length: 256 }, (_, n) => {
  let value = n
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value
})

/** Of IEEE 802.3. Tells every change of up to 32 bits in a row, and all but one in four thousand million of the others. */
export const crc32 = (bytes: Uint8Array): number => {
  let value = -1
  for (let i = 0; i < bytes.length; i++) value = (table[(value ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8)
  return ~value >>> 0
}
