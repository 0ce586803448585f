/** Headers that lead on from one of the best chain's, not (yet) part of it. */
import { headerSize } from "./header.ts"
import type { HeaderIndex } from "./HeaderIndex.ts"
import { HeaderRun } from "./HeaderRun.ts"
import type { Ancestry } from "./rules.ts"
import { workOfBits } from "./target.ts"

export class Branch implements Ancestry {
  readonly base: number
  readonly #index: HeaderIndex
  readonly #baseHash: Uint8Array
  readonly #run: HeaderRun
  #work: bigint

  /** From the best chain's header at height `base` on. */
  constructor(index: HeaderIndex, base: number) {
    this.#index = index
    this.base = base
    this.#baseHash = index.hashAt(base)
    this.#run = new HeaderRun(base + 1)
    this.#work = index.workUpTo(base)
  }

  get height(): number {
    return this.#run.height
  }

  get count(): number {
    return this.#run.count
  }

  /** Of the whole chain up to the branch's tip. */
  get work(): bigint {
    return this.#work
  }

  get tipHash(): Uint8Array {
    return this.count === 0 ? this.#baseHash : this.#run.hashAt(this.height)
  }

  /** Whether the best chain still has the header that this leads on from; if not, nothing here means anything. */
  get attached(): boolean {
    return this.#index.isAt(this.#baseHash, this.base)
  }

  readonly timeAt = (height: number): number =>
    height <= this.base ? this.#index.timeAt(height) : this.#run.timeAt(height)
  readonly bitsAt = (height: number): number =>
    height <= this.base ? this.#index.bitsAt(height) : this.#run.bitsAt(height)

  push(bytes: Uint8Array, offset: number, hash: Uint8Array): void {
    this.#run.push(bytes, offset, hash)
    this.#work += workOfBits(this.#run.bitsAt(this.#run.height))
  }

  /**
   * Makes the best chain the one that this ends: what was above the fork goes, the branch's headers come. Gives the height of
   * the last header that stayed. Only while attached.
   */
  adopt(): number {
    const [index, run] = [this.#index, this.#run]
    let shared = this.base
    while (shared < run.height && index.isAt(run.hashAt(shared + 1), shared + 1)) shared++
    index.truncate(Math.min(shared, index.height))
    const headers = run.slice(shared + 1, run.height + 1)
    for (let height = shared + 1; height <= run.height; height++) {
      index.push(headers, (height - shared - 1) * headerSize, run.hashAt(height))
    }
    return shared
  }
}
