/**
 * The peer record inside libp2p's envelope, read field by field. libp2p's own reader fails as a whole when it can't read one
 * of the addresses, as from a peer that is newer than we are. Pure, and it allocates nothing that the bytes don't hold.
 *
 * `{ peer: bytes = 1; sequence: uint64 = 2; repeated { address: bytes = 1 } = 3 }`
 */
import { multiaddr } from "@multiformats/multiaddr"
import { Option, Schema } from "effect"
import { Address } from "../../signatures/index.ts"

export interface RawRecord {
  readonly peer: Uint8Array
  readonly sequence: bigint
  readonly addresses: ReadonlyArray<Uint8Array>
}

type Field = readonly [number: number, value: Uint8Array | bigint]

const malformed = (what: string): never => {
  throw new Error(`malformed peer record: ${what}`)
}

function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++] ?? malformed("it ends within a number")
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    return malformed("a number is too long")
  }
  const take = (size: bigint): Uint8Array => {
    if (size > BigInt(bytes.length - at)) malformed("it ends within a field")
    at += Number(size)
    return bytes.subarray(at - Number(size), at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Number(tag >> 3n)
    switch (tag & 7n) {
      case 0n:
        yield [number, varint()]
        break
      case 1n:
        yield [number, take(8n)]
        break
      case 2n:
        yield [number, take(varint())]
        break
      case 5n:
        yield [number, take(4n)]
        break
      default:
        malformed("a field of no known kind")
    }
  }
}

/** Throws where the bytes are no peer record. */
export const decodeRecord = (bytes: Uint8Array): RawRecord => {
  let peer: Uint8Array | undefined
  let sequence = 0n
  const addresses: Array<Uint8Array> = []
  for (const [number, value] of fields(bytes)) {
    if (number === 1 && typeof value !== "bigint") peer = value
    else if (number === 2 && typeof value === "bigint") sequence = value
    else if (number === 3 && typeof value !== "bigint") {
      for (const [inner, address] of fields(value)) {
        if (inner === 1 && typeof address !== "bigint") addresses.push(address)
      }
    }
  }
  return { peer: peer ?? malformed("it names no peer"), sequence, addresses }
}

const asAddress = Schema.decodeUnknownOption(Address)

/** None where we can't read it: a protocol that we don't know, or bytes that are none. */
export const readAddress = (bytes: Uint8Array): Option.Option<Address> => {
  try {
    return asAddress(multiaddr(bytes).toString())
  } catch {
    return Option.none()
  }
}
