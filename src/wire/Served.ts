import type { Chain, ConnectionLimits, Decide } from "../../signatures/index.ts"
import { asText, bytesOf, chainKeyText } from "./chainKey.ts"

/** A chain that a node of this process serves. */
export class ServedChain {
  readonly chain: Chain
  /** The key, for use as a key of a map. */
  readonly text: string
  readonly limits: ConnectionLimits
  readonly decide: Decide

  constructor(chain: Chain, limits: ConnectionLimits, decide: Decide) {
    this.chain = chain
    this.text = chainKeyText(chain)
    this.limits = limits
    this.decide = decide
  }

  get key(): Uint8Array {
    return bytesOf(this.text)
  }
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
    const served = new ServedChain(chain, limits, decide)
    if (this.byKey.has(served.text)) {
      throw new Error(`the chain ${chain.name} is already served by a node of this process`)
    }
    this.byKey.set(served.text, served)
    return served
  }

  /** Whether it was still here. */
  remove(served: ServedChain): boolean {
    return this.byKey.get(served.text) === served && this.byKey.delete(served.text)
  }

  all(): Iterable<ServedChain> {
    return this.byKey.values()
  }
}
