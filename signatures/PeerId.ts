import * as Schema from "effect/Schema"
import { remembered } from "./internal/remembered.ts"

/** Text form of a libp2p peer id: base58btc of its multihash, as in `12D3KooW…`. */
export const PeerId = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[1-9A-HJ-NP-Za-km-z]{4,128}$/, { expected: "a libp2p peer id (base58btc)" })),
  Schema.brand("PeerId")
)
export type PeerId = typeof PeerId.Type

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

/** The bytes behind the text, as lower-case hex: two hex strings compare as their bytes do. */
const bytesAsHex = remembered(4096, (peer) => {
  let number = 0n
  for (const letter of peer) number = number * 58n + BigInt(alphabet.indexOf(letter))
  const hex = number === 0n ? "" : number.toString(16)
  const zeros = /^1*/.exec(peer)?.[0].length ?? 0
  return "00".repeat(zeros) + (hex.length % 2 === 1 ? "0" : "") + hex
})

/**
 * The order in which ties between two peers are broken: lexicographic by the bytes of their ids, so that both ends come to
 * the same answer whatever the key types.
 */
export const isSmaller = (a: PeerId, b: PeerId): boolean => bytesAsHex(a) < bytesAsHex(b)
