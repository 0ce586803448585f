/** Leases, by their keys, and the chains that hold them. Never mutated; thousands of them cost no more per change than a few. */
import { HashMap, Option } from "effect"
import { type Chain, chainId, isSameChain } from "../../signatures/index.ts"
import type { LeaseKey } from "./state.ts"

const indexIn = (chains: ReadonlyArray<Chain>, chain: Chain): number => {
  const index = chains.indexOf(chain)
  return index < 0 ? chains.findIndex((other) => isSameChain(other, chain)) : index
}

export class Leases {
  static readonly none = new Leases(HashMap.empty(), HashMap.empty(), [])

  readonly #held: HashMap.HashMap<LeaseKey, Chain>
  /** How many a chain holds: a second one while its last session with the peer is closing. */
  readonly #times: HashMap.HashMap<string, number>
  /** Those that hold one, once each, in the order in which they took it. */
  readonly chains: ReadonlyArray<Chain>

  private constructor(
    held: HashMap.HashMap<LeaseKey, Chain>,
    times: HashMap.HashMap<string, number>,
    chains: ReadonlyArray<Chain>
  ) {
    this.#held = held
    this.#times = times
    this.chains = chains
  }

  get size(): number {
    return HashMap.size(this.#held)
  }

  has(lease: LeaseKey): boolean {
    return HashMap.has(this.#held, lease)
  }

  /** The oldest first. */
  entries(): ReadonlyArray<readonly [LeaseKey, Chain]> {
    return Array.from(this.#held).toSorted(([a], [b]) => a - b)
  }

  keys(): ReadonlyArray<LeaseKey> {
    return this.entries().map(([lease]) => lease)
  }

  /** A key is given once. */
  with(lease: LeaseKey, chain: Chain): Leases {
    const id = chainId(chain)
    const times = Option.getOrElse(HashMap.get(this.#times, id), () => 0)
    return new Leases(
      HashMap.set(this.#held, lease, chain),
      HashMap.set(this.#times, id, times + 1),
      times === 0 ? this.chains.concat([chain]) : this.chains
    )
  }

  withAll(others: Leases): Leases {
    return others.entries().reduce((leases: Leases, [lease, chain]) => leases.with(lease, chain), this)
  }

  without(lease: LeaseKey): Leases {
    const chain = Option.getOrUndefined(HashMap.get(this.#held, lease))
    if (chain === undefined) return this
    const id = chainId(chain)
    const held = HashMap.remove(this.#held, lease)
    const times = Option.getOrElse(HashMap.get(this.#times, id), () => 1)
    return times > 1
      ? new Leases(held, HashMap.set(this.#times, id, times - 1), this.chains)
      : new Leases(held, HashMap.remove(this.#times, id), this.chains.toSpliced(indexIn(this.chains, chain), 1))
  }
}
