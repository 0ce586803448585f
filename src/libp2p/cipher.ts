import type { ICryptoInterface } from "@libp2p/noise"
import { defaultCrypto } from "@libp2p/noise/crypto"
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto"
import { Uint8ArrayList } from "uint8arraylist"
import { release, releaseRead } from "./memory.ts"

const algorithm = "chacha20-poly1305"
const tagBytes = 16
const options = { authTagLength: tagBytes }

/** Below so many bytes the default's WebAssembly is faster than a call of OpenSSL. */
const smallBytes = 600

/** A connection has one key for each way; what OpenSSL needs of it is made once, and not for each record. */
const keys = new WeakMap<Uint8Array, KeyObject>()

const keyOf = (bytes: Uint8Array): KeyObject => {
  const known = keys.get(bytes)
  if (known !== undefined) return known
  const key = createSecretKey(bytes)
  keys.set(bytes, key)
  return key
}

/**
 * noise's own cryptography, but for what large records cost beside their bytes: the key's preparation, pieces, and memory
 * that waits for the collector. What it gives for a large record is one buffer for all of the text.
 */
export const cipher: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt: (plaintext, nonce, ad, k) => {
    if (plaintext.byteLength < smallBytes) return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
    const cipher = createCipheriv(algorithm, keyOf(k), nonce, options)
    if (ad.byteLength > 0) cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
    const output = new Uint8ArrayList()
    for (const piece of plaintext instanceof Uint8Array ? [plaintext] : plaintext) output.append(cipher.update(piece))
    cipher.final()
    output.append(cipher.getAuthTag())
    return output
  },
  /** `copy` is noise's: of the ciphertext without its tag, or a view where that is in one piece. The text is never in it. */
  chaCha20Poly1305Decrypt: (ciphertext, nonce, ad, k, copy) => {
    if (ciphertext.byteLength < smallBytes || ciphertext instanceof Uint8Array || copy === undefined) {
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k)
    }
    const decipher = createDecipheriv(algorithm, keyOf(k), nonce, options)
    if (ad.byteLength > 0) decipher.setAAD(ad, { plaintextLength: copy.byteLength })
    decipher.setAuthTag(ciphertext.subarray(ciphertext.byteLength - tagBytes))
    const text = decipher.update(copy)
    decipher.final()
    for (const piece of ciphertext) releaseRead(piece)
    release(copy)
    return text
  }
}
