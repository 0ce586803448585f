import type { Chain, ConnectionLimits, Decide } from "../../signatures/index.ts"
import { asText, chainKey } from "./chainKey.ts"

/** A chain that a node of this process serves. */
export interface ServedChain {
  readonly chain: Chain
  readonly key: Uint8Array
  /** The key, for use as a key of a map. */
  readonly text: string
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
    const key = chainKey(chain)
    const text = asText(key)
    if (this.byKey.has(text)) throw new Error(`the chain ${chain.name} is already served by a node of this process`)
    const served = { chain, key, text, limits, decide }
    this.byKey.set(text, served)
    return served
  }

  remove(served: ServedChain): void {
    this.byKey.delete(served.text)
  }

  all(): Iterable<ServedChain> {
    return this.byKey.values()
  }
}
