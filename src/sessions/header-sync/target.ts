/** Targets, their compact form ("bits"), and the work that a hash below one stands for. Pure. */
import { hashSize } from "./header.ts"

/**
 * The target of a compact form: mantissa · 256^(exponent − 3). Undefined where the form is none that a header may carry:
 * negative, zero, or above 256 bits.
 */
export const targetOfBits = (bits: number): bigint | undefined => {
  const exponent = bits >>> 24
  const mantissa = bits & 0x007fffff
  if ((bits & 0x00800000) !== 0 || mantissa === 0) return undefined
  const target = exponent <= 3
    ? BigInt(mantissa >>> (8 * (3 - exponent)))
    : BigInt(mantissa) << BigInt(8 * (exponent - 3))
  return target === 0n || target >= 1n << 256n ? undefined : target
}

/** The compact form of a target of 1 to 256 bits, rounded down to what the form can hold. */
export const bitsOfTarget = (target: bigint): number => {
  let exponent = Math.ceil(target.toString(16).length / 2)
  let mantissa = Number(exponent <= 3 ? target << BigInt(8 * (3 - exponent)) : target >> BigInt(8 * (exponent - 3)))
  // The mantissa's highest bit is a sign.
  if ((mantissa & 0x00800000) !== 0) {
    mantissa >>>= 8
    exponent++
  }
  return ((exponent << 24) | mantissa) >>> 0
}

interface Difficulty {
  readonly bits: number
  /** Big-endian, 32 bytes; zeros (which no hash meets) for bits that are no target. */
  readonly target: Uint8Array
  readonly work: bigint
}

const difficulty = (bits: number): Difficulty => {
  const target = targetOfBits(bits)
  const bytes = new Uint8Array(hashSize)
  let rest = target ?? 0n
  for (let i = hashSize - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 255n)
    rest >>= 8n
  }
  return { bits, target: bytes, work: target === undefined ? 0n : (1n << 256n) / (target + 1n) }
}

/** Neighbouring headers nearly always have the same bits, so the last answer serves most questions. */
let latest = difficulty(0)
const difficultyOf = (bits: number): Difficulty => latest.bits === bits ? latest : (latest = difficulty(bits))

/** The hashes that a header of these bits takes on average: 2^256 / (target + 1). 0 for bits that are no target. */
export const workOfBits = (bits: number): bigint => difficultyOf(bits).work

/** Whether a hash (little-endian, as hashed) is not above the target. */
export const meetsTarget = (hash: Uint8Array, bits: number): boolean => {
  const { target, work } = difficultyOf(bits)
  if (work === 0n) return false
  for (let i = 0; i < hashSize; i++) {
    const [of, limit] = [hash[hashSize - 1 - i] ?? 0, target[i] ?? 0]
    if (of !== limit) return of < limit
  }
  return true
}
