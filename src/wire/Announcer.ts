import { saltedKey } from "./chainKey.ts"
import { maxChainsPerMessage } from "./controlMessages.ts"
import type { ServedChain } from "./Served.ts"

export interface ChainsDelta {
  readonly added: ReadonlyArray<Uint8Array>
  readonly removed: ReadonlyArray<Uint8Array>
}

/** What we have told a peer of the chains that we serve, and what is still to be told. Private chains are never told. */
export class Announcer {
  private readonly salt: Uint8Array
  /** By their keys as text. */
  private readonly told = new Set<string>()
  private readonly changed = new Map<string, { readonly chain: ServedChain; readonly isServed: boolean }>()

  constructor(salt: Uint8Array, served: Iterable<ServedChain>) {
    this.salt = salt
    for (const chain of served) this.change(chain, true)
  }

  /** We have begun to serve a chain, or no longer do. */
  change(chain: ServedChain, isServed: boolean): void {
    if (chain.limits.private) return
    if (this.told.has(chain.text) === isServed) this.changed.delete(chain.text)
    else this.changed.set(chain.text, { chain, isServed })
  }

  /** Whether there is something to say. */
  get hasNews(): boolean {
    return this.changed.size > 0
  }

  /** What is to be said next: as much as goes in a message. The caller says it at once. */
  next(): ChainsDelta {
    const added: Array<Uint8Array> = []
    const removed: Array<Uint8Array> = []
    for (const [text, { chain, isServed }] of this.changed) {
      if (added.length + removed.length === maxChainsPerMessage) break
      this.changed.delete(text)
      if (isServed) this.told.add(text)
      else this.told.delete(text)
      const into = isServed ? added : removed
      into.push(saltedKey(this.salt, chain.key))
    }
    return { added, removed }
  }
}
