/** Consecutive headers in one growing buffer: 80 bytes each, no object per header. */
import { hashSize, headerSize, sameBytes } from "./header.ts"
import type { Ancestry } from "./rules.ts"

const none = new Uint8Array(hashSize)

export class HeaderRun implements Ancestry {
  /** Height of the first header, whether or not it is there yet. */
  readonly first: number
  #bytes: Uint8Array
  #view: DataView
  #count = 0
  readonly #lastHash = new Uint8Array(hashSize)

  constructor(first: number, capacity = 16) {
    this.first = first
    this.#bytes = new Uint8Array(capacity * headerSize)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get count(): number {
    return this.#count
  }

  /** Of the last header; one below `first` while there is none. */
  get height(): number {
    return this.first + this.#count - 1
  }

  readonly timeAt = (height: number): number => this.#view.getUint32((height - this.first) * headerSize + 68, true)
  readonly bitsAt = (height: number): number => this.#view.getUint32((height - this.first) * headerSize + 72, true)

  /** Copies the 80 bytes at `offset`, and the hash. */
  push(bytes: Uint8Array, offset: number, hash: Uint8Array): void {
    if ((this.#count + 1) * headerSize > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    this.#bytes.set(bytes.subarray(offset, offset + headerSize), this.#count * headerSize)
    this.#lastHash.set(hash)
    this.#count++
  }

  /** Drops all headers above `height`, which must be one of the run's. */
  truncate(height: number): void {
    const hash = this.hashAt(height)
    this.#count = height - this.first + 1
    this.#lastHash.set(hash)
  }

  /** A copy: the hash of a header stands in its successor, so only the last one's is kept beside the headers. */
  hashAt(height: number): Uint8Array {
    if (height === this.height) return this.#count === 0 ? none.slice() : this.#lastHash.slice()
    const from = (height - this.first + 1) * headerSize + 4
    return this.#bytes.slice(from, from + hashSize)
  }

  isAt(hash: Uint8Array, height: number): boolean {
    if (height < this.first || height > this.height) return false
    const last = height === this.height
    const within = last ? this.#lastHash : this.#bytes
    const from = last ? 0 : (height - this.first + 1) * headerSize + 4
    for (let i = 0; i < hashSize; i++) if (within[from + i] !== hash[i]) return false
    return true
  }

  /** Whether these are the headers from height `from` on. */
  holds(headers: Uint8Array, from: number): boolean {
    const at = (from - this.first) * headerSize
    return at >= 0 && at + headers.length <= this.#count * headerSize &&
      sameBytes(this.#bytes, at, headers, 0, headers.length)
  }

  /** A copy of the headers from height `from` (inclusive) to `to` (exclusive), those that are there. */
  slice(from: number, to: number): Uint8Array {
    const end = Math.max(from, Math.min(to, this.height + 1))
    return this.#bytes.slice((from - this.first) * headerSize, (end - this.first) * headerSize)
  }
}
