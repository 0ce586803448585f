/**
 * Leases, by their keys, and the chains that hold them. Never mutated; mostly a handful, so they are plain lists, of which a
 * thousand are copied as quickly as anything else would be changed.
 */
import { type Chain, isSameChain } from "../../signatures/index.ts"
import type { LeaseKey } from "./state.ts"

const holds = (chains: ReadonlyArray<Chain>, chain: Chain): boolean =>
  chains.includes(chain) || chains.some((other) => isSameChain(other, chain))

export class Leases {
  static readonly none = new Leases([], [], [])

  /** In the order in which they were given. */
  readonly #keys: ReadonlyArray<LeaseKey>
  /** Of each key. A chain holds a second one while its last session with the peer is closing. */
  readonly #holders: ReadonlyArray<Chain>
  /** Those that hold one, once each, in the order in which they took it. */
  readonly chains: ReadonlyArray<Chain>

  private constructor(
    keys: ReadonlyArray<LeaseKey>,
    holders: ReadonlyArray<Chain>,
    chains: ReadonlyArray<Chain>
  ) {
    this.#keys = keys
    this.#holders = holders
    this.chains = chains
  }

  get size(): number {
    return this.#keys.length
  }

  has(lease: LeaseKey): boolean {
    return this.#keys.includes(lease)
  }

  /** The oldest first. */
  keys(): ReadonlyArray<LeaseKey> {
    return this.#keys
  }

  /** The oldest first. */
  entries(): ReadonlyArray<readonly [LeaseKey, Chain]> {
    return this.#holders.map((chain, i) => [this.#keys[i] ?? 0, chain] as const)
  }

  /** A key is given once. */
  with(lease: LeaseKey, chain: Chain): Leases {
    const at = this.#keys.findLastIndex((other) => other < lease) + 1
    const isLast = at === this.#keys.length
    return new Leases(
      isLast ? this.#keys.concat(lease) : this.#keys.toSpliced(at, 0, lease),
      isLast ? this.#holders.concat([chain]) : this.#holders.toSpliced(at, 0, chain),
      holds(this.chains, chain) ? this.chains : this.chains.concat([chain])
    )
  }

  withAll(others: Leases): Leases {
    return others.entries().reduce((leases: Leases, [lease, chain]) => leases.with(lease, chain), this)
  }

  without(lease: LeaseKey): Leases {
    const at = this.#keys.indexOf(lease)
    const chain = this.#holders[at]
    if (chain === undefined) return this
    const holders = this.#holders.toSpliced(at, 1)
    return new Leases(
      this.#keys.toSpliced(at, 1),
      holders,
      holds(holders, chain) ? this.chains : this.chains.filter((other) => !isSameChain(other, chain))
    )
  }
}
