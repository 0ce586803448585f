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

/** Chris Doty-Humphrey's sfc32: small, fast, and passes PractRand. A class, because there is one for every stream of bytes. */
class Sfc32 implements RandomStream {
  #a: number
  #b: number
  #c: number
  #counter: number

  constructor(seed: number | string, key: string) {
    const [a, b, c, d] = mix(`${seed}/${key}`)
    this.#a = a
    this.#b = b
    this.#c = c
    this.#counter = d
    for (let i = 0; i < 12; i++) this.#next()
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  nextDoubleUnsafe(): number {
    return ((this.#next() >>> 5) * 67_108_864 + (this.#next() >>> 6)) / 9_007_199_254_740_992
  }

  nextIntUnsafe(): number {
    const count = Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1
    return Math.floor(this.nextDoubleUnsafe() * count) + Number.MIN_SAFE_INTEGER
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.nextDoubleUnsafe() * Math.max(0, to - from))
  }

  chance(probability: number): boolean {
    return this.nextDoubleUnsafe() < probability
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    for (let i = 0; i < size; i++) bytes[i] = this.#next() >>> 24
    return bytes
  }
}

export const makeStream = (seed: number | string, key: string): RandomStream => new Sfc32(seed, key)

export const keyedRandom = (seed: number | string): KeyedRandom => (key) => makeStream(seed, key)
