/**
 * Pings and pongs, which are most of what idle links say: the same bytes as any CBOR encoder gives for `{ id, type }`, without
 * one.
 */
import { readUint, sizeOfUint, standsAt, writeUint } from "./uints.ts"

export interface PingOrPong {
  readonly type: "ping" | "pong"
  /** 32 bits. */
  readonly id: number
}

/** A map of two, with the shorter key first. */
const head = Uint8Array.of(0xa2, 0x62, 0x69, 0x64)
const tails = {
  ping: Uint8Array.of(0x64, 0x74, 0x79, 0x70, 0x65, 0x64, 0x70, 0x69, 0x6e, 0x67),
  pong: Uint8Array.of(0x64, 0x74, 0x79, 0x70, 0x65, 0x64, 0x70, 0x6f, 0x6e, 0x67)
}
const tailBytes = tails.ping.length

export const encodePing = ({ id, type }: PingOrPong): Uint8Array => {
  const bytes = new Uint8Array(head.length + sizeOfUint(id) + tailBytes)
  bytes.set(head)
  bytes.set(tails[type], writeUint(bytes, head.length, id))
  return bytes
}

/** Undefined for everything else, and for what isn't encoded as `encodePing` does. */
export const decodePing = (bytes: Uint8Array): PingOrPong | undefined => {
  if (!standsAt(bytes, 0, head)) return undefined
  const id = readUint(bytes, head.length)
  if (id === undefined) return undefined
  const end = head.length + sizeOfUint(id)
  if (bytes.length !== end + tailBytes) return undefined
  const type = bytes[end + 7] === tails.ping[7] ? "ping" : "pong"
  return standsAt(bytes, end, tails[type]) ? { type, id } : undefined
}
