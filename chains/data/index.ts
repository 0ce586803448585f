/** Two real chains' first headers, for demonstrations and tests. See README.md. Nothing is read here. */

export interface DemoChain {
  /** The short name under which a devnet runs it. */
  readonly name: string
  /** Of the first block, as displayed. */
  readonly genesis: string
  /** Of the last header in the file, as displayed. */
  readonly tip: string
  /** Of the last header in the file; the genesis has height 0. */
  readonly height: number
  /** 80 bytes per header, from the genesis on. Copy it before a store opens it. */
  readonly headers: URL
  /** Of the file, in hex. */
  readonly sha256: string
}

/** The package ships its sources beside what is built of them, and the data with the sources only. */
const folder = new URL(import.meta.url.endsWith(".ts") ? "./" : "../../../chains/data/", import.meta.url)

export const demoChains: readonly [bitcoin: DemoChain, testnet: DemoChain] = [
  {
    name: "bitcoin",
    genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    tip: "00000000fbc97cc6c599ce9c24dd4a2243e2bfd518eda56e1d5e47d29e29c3a7",
    height: 9_999,
    headers: new URL("bitcoin-mainnet-headers-0-9999.bin", folder),
    sha256: "7e59296e8cfce38df451bc8ae2521d4f792d64e1bb00d924920d244d71c6d122"
  },
  {
    name: "testnet",
    genesis: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    tip: "000000001655e2a7293f28383a2965b2f0add77fd6ac383986e90971a07467d4",
    height: 9_999,
    headers: new URL("bitcoin-testnet-headers-0-9999.bin", folder),
    sha256: "4802a41d04efa20cd25066295df18210cca7f444fcca9423c9c8f5cfdb2644f7"
  }
]
