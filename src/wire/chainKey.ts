import { sha256 } from "@noble/hashes/sha2.js"
import type { Chain } from "../../signatures/index.ts"
import { encodeCbor } from "./cbor.ts"

/** What names a chain on the wire, as text: see `asText`. Each chain's is made once; bytes would weigh five times as much. */
export const chainKeyText = (chain: Chain): string => {
  const known = keys.get(chain)
  if (known !== undefined) return known
  const key = asText(sha256(encodeCbor([chain.network, chain.name, chain.genesis])))
  keys.set(chain, key)
  return key
}

const keys = new WeakMap<Chain, string>()

/** What names a chain on the wire: 32 bytes. */
export const chainKey = (chain: Chain): Uint8Array => bytesOf(chainKeyText(chain))

/** An entry of a chain set: only who knows the chain can tell which it is. */
export const saltedKey = (salt: Uint8Array, key: Uint8Array): Uint8Array =>
  sha256.create().update(salt).update(key).digest()

/** Bytes as text, one character per byte, for use as a key of a map. */
export const asText = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** What `asText` was given. */
export const bytesOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
