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
  /** As others may see them; another list after each change. */
  list: ReadonlyArray<{ readonly chain: Chain; readonly private: boolean }> = []

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
    this.list = [...this.list, { chain, private: limits.private }]
    return served
  }

  /** Whether it was still here. */
  remove(served: ServedChain): boolean {
    if (this.byKey.get(served.text) !== served) return false
    this.byKey.delete(served.text)
    this.list = this.list.filter(({ chain }) => chain !== served.chain)
    return true
  }

  all(): Iterable<ServedChain> {
    return this.byKey.values()
  }
}
