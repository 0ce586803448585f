/**
 * Pings and pongs, which are most of what idle links say: the same bytes as any CBOR encoder gives for `{ id, type }`, without
 * one.
 */
export interface PingOrPong {
  readonly type: "ping" | "pong"
  /** 32 bits. */
  readonly id: number
}

/** A map of two, with the shorter key first. */
const head = [0xa2, 0x62, 0x69, 0x64]
const tails = {
  ping: [0x64, 0x74, 0x79, 0x70, 0x65, 0x64, 0x70, 0x69, 0x6e, 0x67],
  pong: [0x64, 0x74, 0x79, 0x70, 0x65, 0x64, 0x70, 0x6f, 0x6e, 0x67]
} as const
const tailBytes = tails.ping.length

/** Of the shortest form of a number. */
const sizeOf = (id: number): number => id < 24 ? 1 : id < 0x100 ? 2 : id < 0x1_0000 ? 3 : 5
const marks: ReadonlyMap<number, number> = new Map([[2, 0x18], [3, 0x19], [5, 0x1a]])

export const encodePing = ({ id, type }: PingOrPong): Uint8Array => {
  const size = sizeOf(id)
  const bytes = new Uint8Array(head.length + size + tailBytes)
  bytes.set(head)
  const mark = marks.get(size)
  let at = head.length
  if (mark !== undefined) bytes[at++] = mark
  for (let shift = at === head.length ? 0 : 8 * (size - 2); shift >= 0; shift -= 8) bytes[at++] = id >>> shift
  bytes.set(tails[type], at)
  return bytes
}

/** Undefined for everything else, and for what isn't encoded as `encodePing` does. */
export const decodePing = (bytes: Uint8Array): PingOrPong | undefined => {
  const size = bytes.length - head.length - tailBytes
  if (size < 1 || size > 5 || size === 4) return undefined
  for (let i = 0; i < head.length; i++) if (bytes[i] !== head[i]) return undefined
  const mark = marks.get(size)
  if (mark !== undefined && bytes[head.length] !== mark) return undefined
  const end = head.length + size
  let id = 0
  for (let i = size === 1 ? head.length : head.length + 1; i < end; i++) id = ((id << 8) | (bytes[i] ?? 0)) >>> 0
  if (sizeOf(id) !== size) return undefined
  const type = bytes[end + 7] === tails.ping[7] ? "ping" : "pong"
  const tail = tails[type]
  for (let i = 0; i < tailBytes; i++) if (bytes[end + i] !== tail[i]) return undefined
  return { type, id }
}
