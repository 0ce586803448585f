/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein): a keyed hash that nobody can compute without the key. Small
 * and synchronous, which is all that a signature inside one process needs.
 */
export const keyedHash = (key: readonly [number, number], bytes: Uint8Array): Uint8Array => {
  let v0 = key[0]
  let v1 = key[1] ^ 0xee
  let v2 = 0x6c796765 ^ key[0]
  let v3 = 0x74656462 ^ key[1]
  const round = () => {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
  }
  const absorb = (word: number) => {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }
  const whole = bytes.length - bytes.length % 4
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let i = 0; i < whole; i += 4) absorb(view.getInt32(i, true))
  let last = bytes.length << 24
  for (let i = whole; i < bytes.length; i++) last |= view.getUint8(i) << (8 * (i - whole))
  absorb(last)
  const result = new Uint8Array(8)
  const out = new DataView(result.buffer)
  v2 ^= 0xee
  for (let i = 0; i < 4; i++) round()
  out.setInt32(0, v1 ^ v3, true)
  v1 ^= 0xdd
  for (let i = 0; i < 4; i++) round()
  out.setInt32(4, v1 ^ v3, true)
  return result
}
