/** What a simulated network is made of, as data: whose headers are where, and who finds which one when. Pure. */
import { type KeyedRandom } from "../../../inprocess/index.ts"
import { type Chain } from "../../../signatures/index.ts"
import { genesisHash, type HeaderParams } from "../../sessions/header-sync/params.ts"
import { easyParams, growFromGenesis } from "./mining.ts"

export interface SimulatedChain {
  readonly chain: Chain
  readonly params: HeaderParams
  /** All headers of the beginning, the genesis included. */
  readonly headers: Uint8Array
  /** The node that has them; the others fetch them. */
  readonly source: number
}

export interface Find {
  readonly chain: number
  /** Seconds of virtual time. */
  readonly at: number
}

/** When the simulated clocks begin, in seconds since 1970. */
const start = 1_767_225_600
const spacing = 600

export const drawChains = (
  random: KeyedRandom,
  { chains, headers, nodes }: { readonly nodes: number; readonly chains: number; readonly headers: number }
): ReadonlyArray<SimulatedChain> => {
  const sources = random("sim/sources")
  return Array.from({ length: chains }, (_, index) => {
    const name = `chain-${index + 1}`
    // The last header that is there from the beginning is as old as the next is to be apart.
    const params = easyParams({ spacing, time: start - (headers + 1) * spacing, salt: index + 1 })
    return {
      chain: { network: "sim", name, genesis: genesisHash(params) },
      params,
      headers: growFromGenesis(params, headers),
      source: sources.between(0, nodes)
    }
  })
}

/** Of each chain one header per ten minutes, at a drawn moment and node. By node, in the order of time. */
export const drawFinds = (
  random: KeyedRandom,
  { chains, nodes, seconds }: { readonly nodes: number; readonly chains: number; readonly seconds: number }
): ReadonlyArray<ReadonlyArray<Find>> => {
  const finds = Array.from({ length: nodes }, (): Array<Find> => [])
  for (let chain = 0; chain < chains; chain++) {
    const draws = random(`sim/finds/${chain}`)
    for (let from = 0; from < seconds; from += spacing) {
      const [at, node] = [from + draws.nextDoubleUnsafe() * spacing, draws.between(0, nodes)]
      if (at < seconds) finds[node]?.push({ chain, at })
    }
  }
  return finds.map((all) => all.toSorted((a, b) => a.at - b.at))
}
