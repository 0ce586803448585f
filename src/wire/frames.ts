/** What goes over a stream: `[type: 1 byte][length: 3 bytes, big-endian][body]`. */
import type { CloseCode } from "../../signatures/index.ts"

export const FrameType = { data: 0, credit: 1, end: 2, abort: 3, hello: 4, accept: 5, reject: 6 } as const

export const headerBytes = 4

/** What a message costs of the receiver's window beyond its length, so that empty ones aren't free. */
export const messageOverhead = 64

/**
 * Bytes of a batch: what a session gives to the transport in one turn, unless a single message is larger. A little under
 * 64 KiB, so that with the headers of a multiplexer it still fits into one encrypted record of at most 65,535 bytes.
 */
export const batchBytes = 65_400

/** The largest body of the frames of the opening. */
export const maxHelloBytes = 1024
export const maxRejectBytes = 8 * 1024

/** The largest message of the control stream. */
export const maxControlBytes = 64 * 1024

/** An END's body is the index of its code, and so is an ABORT's. */
const closeCodes: ReadonlyArray<CloseCode> = ["closed", "rotated", "draining", "shutdown"]
const abortCodes = ["session-failed", "timeout", "protocol-violation"] as const
export type AbortCode = typeof abortCodes[number]

export const closeCodeAt = (index: number | undefined): CloseCode | undefined => closeCodes[index ?? -1]
export const abortCodeAt = (index: number | undefined): AbortCode | undefined => abortCodes[index ?? -1]

/** Writes a header and gives the offset after it. */
export const writeHeader = (into: Uint8Array, at: number, type: number, length: number): number => {
  into[at] = type
  into[at + 1] = length >>> 16
  into[at + 2] = length >>> 8
  into[at + 3] = length
  return at + headerBytes
}

export const frame = (type: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + body.length)
  bytes.set(body, writeHeader(bytes, 0, type, body.length))
  return bytes
}

export const creditFrame = (amount: number): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + 4)
  const at = writeHeader(bytes, 0, FrameType.credit, 4)
  bytes[at] = amount >>> 24
  bytes[at + 1] = amount >>> 16
  bytes[at + 2] = amount >>> 8
  bytes[at + 3] = amount
  return bytes
}

/** Of a body of exactly 4 bytes. */
export const readCredit = (body: Uint8Array): number =>
  (((body[0] ?? 0) << 24) | ((body[1] ?? 0) << 16) | ((body[2] ?? 0) << 8) | (body[3] ?? 0)) >>> 0

export const endBody = (code: CloseCode): Uint8Array => Uint8Array.of(closeCodes.indexOf(code))

export const endFrame = (code: CloseCode): Uint8Array => frame(FrameType.end, endBody(code))

export const abortFrame = (code: AbortCode): Uint8Array =>
  frame(FrameType.abort, Uint8Array.of(abortCodes.indexOf(code)))
