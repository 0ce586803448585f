import { asText, saltedKey } from "./chainKey.ts"
import { maxChainsPerMessage } from "./controlMessages.ts"
import type { ServedChain } from "./Served.ts"

export interface ChainsDelta {
  readonly added: ReadonlyArray<Uint8Array>
  readonly removed: ReadonlyArray<Uint8Array>
}

/** What we have told a peer of the chains that we serve, and what is still to be told. Private chains are never told. */
export class Announcer {
  private readonly salt: Uint8Array
  /** Salted hashes by chain key. */
  private readonly told = new Map<string, Uint8Array>()

  constructor(salt: Uint8Array) {
    this.salt = salt
  }

  /** What is to be said next, none if all is said. The caller says it at once. */
  next(served: Iterable<ServedChain>): ChainsDelta | undefined {
    const added: Array<Uint8Array> = []
    const removed: Array<Uint8Array> = []
    const now = new Set<string>()
    for (const { key, limits } of served) {
      if (limits.private) continue
      const text = asText(key)
      now.add(text)
      if (this.told.has(text) || added.length === maxChainsPerMessage) continue
      const entry = saltedKey(this.salt, key)
      this.told.set(text, entry)
      added.push(entry)
    }
    for (const [text, entry] of this.told) {
      if (now.has(text) || removed.length === maxChainsPerMessage - added.length) continue
      this.told.delete(text)
      removed.push(entry)
    }
    return added.length + removed.length === 0 ? undefined : { added, removed }
  }
}
