import { type Random } from "effect"

/** An `effect` generator with the few draws that simulations need. */
export interface RandomStream extends Random.Random {
  /** From `from` (inclusive) to `to` (exclusive); `from` if there is nothing between. */
  readonly between: (from: number, to: number) => number
  readonly chance: (probability: number) => boolean
  readonly bytes: (size: number) => Uint8Array
}

/**
 * One stream of numbers per key, each following from the seed and its key alone. So a draw more or less in one place (one
 * link, one host) changes nothing in another, which is what lets a failing run be shrunk.
 */
export type KeyedRandom = (key: string) => RandomStream

/** Four 32-bit words that depend on every character. */
const mix = (text: string): readonly [number, number, number, number] => {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ code, 0x23cc9e2d)
    b = c ^ Math.imul(b ^ code, 0x1b873593)
    c = d ^ Math.imul(c ^ code, 0x85ebca77)
    d = a ^ Math.imul(d ^ code, 0xc2b2ae3d)
    a = (a << 13) | (a >>> 19)
  }
  return [a, b, c, d]
}

/** Chris Doty-Humphrey's sfc32: small, fast, and passes PractRand. */
export const makeStream = (seed: number | string, key: string): RandomStream => {
  let [a, b, c, counter] = mix(`${seed}/${key}`)
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  const nextDoubleUnsafe = (): number => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992
  return {
    nextDoubleUnsafe,
    nextIntUnsafe: () =>
      Math.floor(nextDoubleUnsafe() * (Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1)) +
      Number.MIN_SAFE_INTEGER,
    between: (from, to) => from + Math.floor(nextDoubleUnsafe() * Math.max(0, to - from)),
    chance: (probability) => nextDoubleUnsafe() < probability,
    bytes: (size) => Uint8Array.from({ length: size }, () => next() >>> 24)
  }
}

export const keyedRandom = (seed: number | string): KeyedRandom => (key) => makeStream(seed, key)
