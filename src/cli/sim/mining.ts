/** Makes valid headers, where the rules let that be easy. Pure. */
import { bytesToHex } from "@noble/hashes/utils.js"
import { decodeHeader, encodeHeader, hashHeader, headerSize } from "../../sessions/header-sync/header.ts"
import { genesisBytes, type HeaderParams } from "../../sessions/header-sync/params.ts"
import { type Ancestry, requiredBits } from "../../sessions/header-sync/rules.ts"
import { meetsTarget } from "../../sessions/header-sync/target.ts"

/** Finds a nonce. The salt, in the Merkle root, tells headers apart that are otherwise the same. */
export const mineHeader = (header: {
  readonly previous: Uint8Array
  readonly time: number
  readonly bits: number
  readonly salt: number
}): Uint8Array => {
  const merkleRoot = new Uint8Array(32)
  new DataView(merkleRoot.buffer).setUint32(0, header.salt)
  for (let nonce = 0;; nonce++) {
    const bytes = encodeHeader({ ...header, version: 1, merkleRoot, nonce })
    if (meetsTarget(hashHeader(bytes), header.bits)) return bytes
  }
}

/** In compact form: every second hash meets it. */
const easiestBits = 0x207fffff

/** The rules of a chain whose easiest headers take two hashes. `time` and `salt` are those of its genesis. */
export const easyParams = (
  options: Partial<Omit<HeaderParams, "genesisHeader">> & { readonly time?: number; readonly salt?: number } = {}
): HeaderParams => {
  const { limitBits = easiestBits, salt = 0, time = 1_000_000, ...rules } = options
  const genesis = mineHeader({ previous: new Uint8Array(32), time, bits: limitBits, salt })
  return { spacing: 600, retargetInterval: 0, ...rules, limitBits, genesisHeader: bytesToHex(genesis) }
}

const ancestryOf = (bytes: Uint8Array): Ancestry => ({
  timeAt: (height) => decodeHeader(bytes, height * headerSize).time,
  bitsAt: (height) => decodeHeader(bytes, height * headerSize).bits
})

/** A valid chain (from its genesis on) with more headers, one for each gap: seconds after the one before. */
export const grow = (
  params: HeaderParams,
  chain: Uint8Array,
  gaps: ReadonlyArray<number>,
  salt = 1
): Uint8Array => {
  const bytes = new Uint8Array(chain.length + gaps.length * headerSize)
  bytes.set(chain)
  const ancestry = ancestryOf(bytes)
  let at = chain.length
  for (const gap of gaps) {
    const height = at / headerSize
    const time = ancestry.timeAt(height - 1) + gap
    const bits = requiredBits(params, ancestry, height, time)
    bytes.set(mineHeader({ previous: hashHeader(bytes, at - headerSize), time, bits, salt }), at)
    at += headerSize
  }
  return bytes
}

/** A chain of so many headers after its genesis, at its own spacing. */
export const growFromGenesis = (params: HeaderParams, count: number): Uint8Array =>
  grow(params, genesisBytes(params), Array.from({ length: count }, () => params.spacing))
