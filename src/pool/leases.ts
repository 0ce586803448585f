/**
 * Leases, by their keys, and the chains that hold them. Never mutated; mostly a handful, so they are plain lists: of a thousand a
 * change takes some 15 microseconds.
 */
import { type Chain, isSameChain } from "../../signatures/index.ts"
import type { LeaseKey } from "./state.ts"

/** A copy with one more, or one less. Quicker than `concat` and `toSpliced`, which look for holes. */
const inserted = <A>(items: ReadonlyArray<A>, at: number, item: A): ReadonlyArray<A> => {
  const copy = items.slice()
  if (at === copy.length) copy.push(item)
  else copy.splice(at, 0, item)
  return copy
}
const removed = <A>(items: ReadonlyArray<A>, at: number): ReadonlyArray<A> => {
  const copy = items.slice()
  copy.splice(at, 1)
  return copy
}

/** Mostly it is the very same object. */
const indexIn = (chains: ReadonlyArray<Chain>, chain: Chain): number => {
  const index = chains.indexOf(chain)
  if (index >= 0) return index
  for (const [i, other] of chains.entries()) if (isSameChain(other, chain)) return i
  return -1
}

const holds = (chains: ReadonlyArray<Chain>, chain: Chain): boolean => indexIn(chains, chain) >= 0

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
    return new Leases(
      inserted(this.#keys, at, lease),
      inserted(this.#holders, at, chain),
      holds(this.chains, chain) ? this.chains : inserted(this.chains, this.chains.length, chain)
    )
  }

  withAll(others: Leases): Leases {
    return others.entries().reduce((leases: Leases, [lease, chain]) => leases.with(lease, chain), this)
  }

  without(lease: LeaseKey): Leases {
    const at = this.#keys.indexOf(lease)
    const chain = this.#holders[at]
    if (chain === undefined) return this
    const keys = removed(this.#keys, at)
    const holders = removed(this.#holders, at)
    // Mostly each chain holds one.
    const isOnly = this.chains.length === this.#keys.length || !holds(holders, chain)
    return new Leases(keys, holders, isOnly ? removed(this.chains, indexIn(this.chains, chain)) : this.chains)
  }
}
