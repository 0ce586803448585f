/** What a chain's headers have to keep to, as data, so that tests and users can make chains of their own. */
import { hexToBytes } from "@noble/hashes/utils.js"
import { Schema } from "effect"
import { displayHash, hashHeader } from "./header.ts"

const uint32 = (minimum: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum: 0xffffffff })))

/** The rules of one chain. Times in seconds. */
export const HeaderParams = Schema.Struct({
  /** The genesis header, 160 hex digits. */
  genesisHeader: Schema.String.pipe(
    Schema.check(Schema.isPattern(/^[0-9a-fA-F]{160}$/, { expected: "a header of 80 bytes as 160 hex digits" }))
  ),
  /** The easiest target that is allowed, in compact form. */
  limitBits: uint32(1),
  /** Between two blocks, as the difficulty aims at. */
  spacing: uint32(1),
  /** Headers from one change of difficulty to the next; 0: it never changes. */
  retargetInterval: uint32(0),
  /**
   * Where given, a header that is later than its predecessor by more than this may have the easiest target, and the one after
   * it goes back to the last that had another.
   */
  minimumDifficultyAfter: Schema.optionalKey(uint32(1))
})
export type HeaderParams = typeof HeaderParams.Type

/** Bitcoin's main network. */
export const mainNetwork: HeaderParams = {
  genesisHeader: "01000000" + "00".repeat(32) + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a" +
    "29ab5f49ffff001d1dac2b7c",
  limitBits: 0x1d00ffff,
  spacing: 600,
  retargetInterval: 2016
}

/** Bitcoin's test network 3. */
export const testNetwork3: HeaderParams = {
  ...mainNetwork,
  genesisHeader: "01000000" + "00".repeat(32) + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a" +
    "dae5494dffff001d1aa4ae18",
  minimumDifficultyAfter: 1200
}

export const genesisBytes = (params: HeaderParams): Uint8Array => hexToBytes(params.genesisHeader)

/** As displayed: what a chain's identity names. */
export const genesisHash = (params: HeaderParams): string => displayHash(hashHeader(genesisBytes(params)))

/** The rules of a chain that ships with the package, by its genesis hash as displayed. */
export const knownParams = (genesis: string): HeaderParams | undefined =>
  [mainNetwork, testNetwork3].find((params) => genesisHash(params) === genesis.toLowerCase())
