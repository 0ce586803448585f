/** Header chains for tests: the real ones of `chains/data`, and generated ones that take no time to mine. */
import { bytesToHex } from "@noble/hashes/utils.js"
import { readFileSync } from "node:fs"
import { type DemoChain, demoChains } from "../../chains/data/index.ts"
import { decodeHeader, encodeHeader, hashHeader, headerSize } from "../../src/sessions/header-sync/header.ts"
import { genesisBytes, type HeaderParams, mainNetwork, testNetwork3 } from "../../src/sessions/header-sync/params.ts"
import { type Ancestry, requiredBits } from "../../src/sessions/header-sync/rules.ts"
import { meetsTarget } from "../../src/sessions/header-sync/target.ts"

export interface RealChain extends DemoChain {
  readonly params: HeaderParams
  readonly bytes: Uint8Array
}

const real = (chain: DemoChain, params: HeaderParams): RealChain => ({
  ...chain,
  params,
  bytes: new Uint8Array(readFileSync(chain.headers))
})

export const realChains = (): readonly [bitcoin: RealChain, testnet: RealChain] => [
  real(demoChains[0], mainNetwork),
  real(demoChains[1], testNetwork3)
]

/** The rules of a chain whose easiest headers take two hashes. */
export const easyParams = (options: Partial<Omit<HeaderParams, "genesisHeader">> = {}): HeaderParams => {
  const limitBits = options.limitBits ?? 0x207fffff
  const genesis = mineHeader({ previous: new Uint8Array(32), time: 1_000_000, bits: limitBits, salt: 0 })
  return { spacing: 600, retargetInterval: 0, ...options, limitBits, genesisHeader: bytesToHex(genesis) }
}

/** Finds a nonce. The salt, in the Merkle root, tells headers apart that are otherwise the same. */
const mineHeader = (header: {
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

/** A header with its bytes changed by `change`, mined again so that its proof of work is right. */
export const remine = (
  header: Uint8Array,
  change: { readonly time?: number; readonly bits?: number; readonly previous?: Uint8Array }
): Uint8Array => mineHeader({ ...decodeHeader(header), salt: 0xdead, ...change })

const ancestryOf = (bytes: Uint8Array): Ancestry => ({
  timeAt: (height) => decodeHeader(bytes, height * headerSize).time,
  bitsAt: (height) => decodeHeader(bytes, height * headerSize).bits
})

export const genesisOf = (params: HeaderParams): Uint8Array => genesisBytes(params)

export const countOf = (bytes: Uint8Array): number => bytes.length / headerSize

export const headerAt = (bytes: Uint8Array, height: number): Uint8Array =>
  bytes.slice(height * headerSize, (height + 1) * headerSize)

export const upTo = (bytes: Uint8Array, height: number): Uint8Array => bytes.slice(0, (height + 1) * headerSize)

export const after = (bytes: Uint8Array, height: number): Uint8Array => bytes.slice((height + 1) * headerSize)

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

/** As `grow`, with so many headers at the chain's own spacing. */
export const growBy = (params: HeaderParams, chain: Uint8Array, count: number, salt = 1): Uint8Array =>
  grow(params, chain, Array.from({ length: count }, () => params.spacing), salt)
