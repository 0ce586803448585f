import type { Chain, ConnectionLimits, Decide } from "../../signatures/index.ts"
import { asText, chainKey } from "./chainKey.ts"

/** A chain that a node of this process serves. */
export interface ServedChain {
  readonly chain: Chain
  readonly key: Uint8Array
  readonly limits: ConnectionLimits
  readonly decide: Decide
}

/** The chains of this process, by their keys. */
export class Served {
  private readonly byKey = new Map<string, ServedChain>()

  get size(): number {
    return this.byKey.size
  }

  find(key: Uint8Array): ServedChain | undefined {
    return this.byKey.get(asText(key))
  }

  /** Two nodes of one chain in one process are a bug of the program. */
  add(chain: Chain, limits: ConnectionLimits, decide: Decide): ServedChain {
    const served = { chain, key: chainKey(chain), limits, decide }
    const text = asText(served.key)
    if (this.byKey.has(text)) throw new Error(`the chain ${chain.name} is already served by a node of this process`)
    this.byKey.set(text, served)
    return served
  }

  remove(served: ServedChain): void {
    this.byKey.delete(asText(served.key))
  }

  all(): Iterable<ServedChain> {
    return this.byKey.values()
  }
}
