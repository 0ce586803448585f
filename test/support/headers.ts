/** Header chains for tests: the real ones of `chains/data`, and generated ones that take no time to mine. */
import { readFileSync } from "node:fs"
import { type DemoChain, demoChains } from "../../chains/data/index.ts"
import { grow, mineHeader } from "../../src/cli/sim/mining.ts"
import { decodeHeader, headerSize } from "../../src/sessions/header-sync/header.ts"
import { genesisBytes, type HeaderParams, mainNetwork, testNetwork3 } from "../../src/sessions/header-sync/params.ts"

export { easyParams, grow } from "../../src/cli/sim/mining.ts"

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

/** A header with its bytes changed by `change`, mined again so that its proof of work is right. */
export const remine = (
  header: Uint8Array,
  change: { readonly time?: number; readonly bits?: number; readonly previous?: Uint8Array }
): Uint8Array => mineHeader({ ...decodeHeader(header), salt: 0xdead, ...change })

export const genesisOf = (params: HeaderParams): Uint8Array => genesisBytes(params)

export const countOf = (bytes: Uint8Array): number => bytes.length / headerSize

export const headerAt = (bytes: Uint8Array, height: number): Uint8Array =>
  bytes.slice(height * headerSize, (height + 1) * headerSize)

export const upTo = (bytes: Uint8Array, height: number): Uint8Array => bytes.slice(0, (height + 1) * headerSize)

export const after = (bytes: Uint8Array, height: number): Uint8Array => bytes.slice((height + 1) * headerSize)

/** As `grow`, with so many headers at the chain's own spacing. */
export const growBy = (params: HeaderParams, chain: Uint8Array, count: number, salt = 1): Uint8Array =>
  grow(params, chain, Array.from({ length: count }, () => params.spacing), salt)
