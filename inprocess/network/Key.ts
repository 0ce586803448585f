import { type RandomStream } from "../kernel/index.ts"

/** What a draw is for. Draws for different ends, of one key, know nothing of each other. */
export const Purpose = {
  jitter: 1,
  loss: 2,
  aside: 3,
  splitting: 4,
  surviving: 5,
  repair: 6,
  dial: 7,
  link: 8,
  opening: 9,
  near: 10,
  far: 11,
  disk: 12,
  crash: 13,
  channel: 14,
  answer: 15
} as const

/** A permutation of the 32-bit numbers that leaves no trace of its argument (Ellis, "triple32", without its last round). */
const scramble = (word: number): number => {
  let x = word
  x = Math.imul(x ^ (x >>> 17), 0xed5ad4bb)
  x = Math.imul(x ^ (x >>> 11), 0xac4c1b51)
  return x ^ (x >>> 15)
}

const word = (a: number, b: number, purpose: number, n: number): number =>
  scramble(a ^ scramble((b + n) | 0) ^ Math.imul(purpose, 0x9e3779b1))

/**
 * Random numbers by name: the n-th draw of a key for a purpose is always the same, whatever else was or wasn't drawn. So a
 * run without one of its hardships draws for all others what it drew before. It has no state, and is as small as can be.
 */
export class Key {
  readonly #a: number
  readonly #b: number

  private constructor(a: number, b: number) {
    this.#a = a
    this.#b = b
  }

  static make(random: RandomStream): Key {
    return new Key(random.nextIntUnsafe() | 0, random.nextIntUnsafe() | 0)
  }

  /** The key of a part: the n-th of its kind. */
  child(purpose: number, n: number): Key {
    return new Key(word(this.#a, this.#b, purpose, n), word(this.#a, this.#b, ~purpose, n))
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  unit(purpose: number, n: number): number {
    return (word(this.#a, this.#b, purpose, n) >>> 0) / 4_294_967_296
  }

  /** From `from` (inclusive) to `to` (exclusive); `from` if there is nothing between. */
  between(purpose: number, n: number, from: number, to: number): number {
    return from + Math.floor(this.unit(purpose, n) * Math.max(0, to - from))
  }

  chance(purpose: number, n: number, probability: number): boolean {
    return this.unit(purpose, n) < probability
  }
}
