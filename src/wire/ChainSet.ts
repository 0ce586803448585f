import type { Chain } from "../../signatures/index.ts"
import { asText, saltedKey } from "./chainKey.ts"
import type { ServedChain } from "./Served.ts"

/** What one peer may say it serves. Beyond it nothing is remembered. */
const maxEntries = 4096

/**
 * The chains that a peer serves, as salted hashes. Those that we serve too are recognised; the others are kept, so that a
 * chain that we begin to serve later is recognised then.
 */
export class ChainSet {
  private readonly salt: Uint8Array
  private readonly entries = new Set<string>()
  /** Ours, by the hash under which the peer would know them. */
  private readonly ours = new Map<string, Chain>()

  constructor(salt: Uint8Array, served: Iterable<ServedChain>) {
    this.salt = salt
    for (const chain of served) this.ours.set(this.entryOf(chain), chain.chain)
  }

  private entryOf(served: ServedChain): string {
    return asText(saltedKey(this.salt, served.key))
  }

  /** Those that we recognise, of what is new. */
  add(entries: ReadonlyArray<Uint8Array>): ReadonlyArray<Chain> {
    const found: Array<Chain> = []
    for (const entry of entries) {
      const text = asText(entry)
      if (this.entries.has(text) || this.entries.size >= maxEntries) continue
      this.entries.add(text)
      const chain = this.ours.get(text)
      if (chain !== undefined) found.push(chain)
    }
    return found
  }

  remove(entries: ReadonlyArray<Uint8Array>): ReadonlyArray<Chain> {
    const found: Array<Chain> = []
    for (const entry of entries) {
      const text = asText(entry)
      if (!this.entries.delete(text)) continue
      const chain = this.ours.get(text)
      if (chain !== undefined) found.push(chain)
    }
    return found
  }

  /** Whether the peer serves a chain that we have begun to serve. */
  serve(served: ServedChain): boolean {
    const entry = this.entryOf(served)
    this.ours.set(entry, served.chain)
    return this.entries.has(entry)
  }

  unserve(served: ServedChain): void {
    this.ours.delete(this.entryOf(served))
  }

  /** All that we recognise. */
  recognised(): ReadonlyArray<Chain> {
    const found: Array<Chain> = []
    for (const [entry, chain] of this.ours) if (this.entries.has(entry)) found.push(chain)
    return found
  }
}
