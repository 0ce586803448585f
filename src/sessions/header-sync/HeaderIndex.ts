/** The best chain: its headers from the genesis on, found by height and by hash, with the work they stand for. */
import { HeaderRun } from "./HeaderRun.ts"
import type { Ancestry } from "./rules.ts"
import { workOfBits } from "./target.ts"

const markEvery = 1024

const key = (hash: Uint8Array): number =>
  (((hash[0] ?? 0) | ((hash[1] ?? 0) << 8) | ((hash[2] ?? 0) << 16) | ((hash[3] ?? 0) << 24)) ^
    Math.imul((hash[4] ?? 0) | ((hash[5] ?? 0) << 8), 0x9e3779b1)) >>> 0

export class HeaderIndex implements Ancestry {
  readonly #run = new HeaderRun(0, 1024)
  /** Open addressing; an entry is a height + 1. One that a reorganisation made stale is found out by its hash. */
  #table = new Int32Array(4096)
  #used = 0
  #work = 0n
  /** Work up to every so-many-th header: what peers ask for at a height of their choice must not read the whole chain. */
  readonly #marks: Array<bigint> = []

  readonly timeAt: (height: number) => number = this.#run.timeAt
  readonly bitsAt: (height: number) => number = this.#run.bitsAt

  /** −1 while there is no genesis. */
  get height(): number {
    return this.#run.height
  }

  /** Of all headers, the genesis included. */
  get work(): bigint {
    return this.#work
  }

  get tipHash(): Uint8Array {
    return this.#run.hashAt(this.height)
  }

  hashAt(height: number): Uint8Array {
    return this.#run.hashAt(height)
  }

  isAt(hash: Uint8Array, height: number): boolean {
    return this.#run.isAt(hash, height)
  }

  /** Whether these are the headers from height `from` on. */
  holds(headers: Uint8Array, from: number): boolean {
    return this.#run.holds(headers, from)
  }

  /** A copy of the headers from height `from` (inclusive) to `to` (exclusive), those that are there. */
  slice(from: number, to: number): Uint8Array {
    return this.#run.slice(from, to)
  }

  /** The height of a hash, −1 where the chain has none such. */
  find(hash: Uint8Array): number {
    const mask = this.#table.length - 1
    for (let at = key(hash) & mask;; at = (at + 1) & mask) {
      const entry = this.#table[at] ?? 0
      if (entry === 0) return -1
      if (this.isAt(hash, entry - 1)) return entry - 1
    }
  }

  /** Of the headers up to `height`, which must be there. */
  workUpTo(height: number): bigint {
    if (height === this.height) return this.#work
    const mark = Math.floor(height / markEvery)
    let work = this.#marks[mark] ?? 0n
    for (let at = mark * markEvery + 1; at <= height; at++) work += workOfBits(this.bitsAt(at))
    return work
  }

  /** Appends a header that was found valid. */
  push(bytes: Uint8Array, offset: number, hash: Uint8Array): void {
    this.#run.push(bytes, offset, hash)
    this.#work += workOfBits(this.bitsAt(this.height))
    if (this.height % markEvery === 0) this.#marks.push(this.#work)
    if ((this.#used + 1) * 2 > this.#table.length) this.#rebuild()
    else this.#enter(hash, this.height)
  }

  /** Drops all headers above `height`. */
  truncate(height: number): void {
    this.#work = this.workUpTo(height)
    this.#run.truncate(height)
    this.#marks.length = Math.floor(height / markEvery) + 1
  }

  #enter(hash: Uint8Array, height: number): void {
    const mask = this.#table.length - 1
    let at = key(hash) & mask
    while (this.#table[at] !== 0) at = (at + 1) & mask
    this.#table[at] = height + 1
    this.#used++
  }

  #rebuild(): void {
    let size = this.#table.length
    while (size < (this.height + 1) * 4) size *= 2
    this.#table = new Int32Array(size)
    this.#used = 0
    for (let height = 0; height <= this.height; height++) this.#enter(this.hashAt(height), height)
  }
}
