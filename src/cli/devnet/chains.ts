/** The chains of a devnet: real ones whose first headers ship with the package, then as many generated ones as it takes. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { demoChains } from "../../../chains/data/index.ts"
import type { ChainEntry } from "../../config/index.ts"
import { displayHash, hashHeader, headerSize } from "../../sessions/header-sync/header.ts"
import { genesisHash, type HeaderParams } from "../../sessions/header-sync/params.ts"
import { easyParams, growFromGenesis } from "../sim/mining.ts"

export interface DevnetChain {
  readonly name: string
  /** As displayed, and so are all hashes here. */
  readonly genesis: string
  /** Of the last header. */
  readonly tip: string
  readonly height: number
  /** Of a generated chain: those of a real one are known. */
  readonly params?: HeaderParams
  /** From the genesis on: a file of the package, or the headers themselves. */
  readonly headers: URL | Uint8Array
}

/** After its genesis. */
const generatedHeight = 2_000

/** Of easy proof of work, and the same one every time: so a devnet goes on from the files that it kept. */
const generated = (number: number): DevnetChain => {
  const params = easyParams({ salt: number })
  const headers = growFromGenesis(params, generatedHeight)
  return {
    name: `chain-${number}`,
    genesis: genesisHash(params),
    tip: displayHash(hashHeader(headers, generatedHeight * headerSize)),
    height: generatedHeight,
    params,
    headers
  }
}

export const devnetChains = (count: number): ReadonlyArray<DevnetChain> =>
  Array.from({ length: count }, (_, index) => demoChains[index] ?? generated(index + 1))

const fileOf = (chain: DevnetChain): string => `${chain.name}.headers`

/** As a node's config file would say it. */
export const entryOf = (chain: DevnetChain, sessionCount: number): ChainEntry => ({
  name: chain.name,
  genesis: chain.genesis,
  session: "header-sync",
  options: { headers: fileOf(chain), ...(chain.params === undefined ? {} : { params: chain.params }) },
  sessionCount
})

/** Puts all headers where there are none yet. */
export const giveHeaders = (dataDir: string, chains: ReadonlyArray<DevnetChain>): void => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  for (const chain of chains) {
    const path = join(dataDir, fileOf(chain))
    if (existsSync(path)) continue
    if (chain.headers instanceof URL) copyFileSync(chain.headers, path)
    else writeFileSync(path, chain.headers)
  }
}
