/** What header sync says over a connection: plain bytes, strictly bounded. The layout is in README.md. Pure. */
import { hashSize, headerSize } from "./header.ts"

/** The latest version of the protocol that this speaks. */
export const protocolVersion = 1
/** Headers in one message, and in one request. */
export const maxBatch = 2000
/** Headers that come with an announcement. */
export const maxAnnounced = 16
/** Hashes of a locator: an exponential step needs about ten, and one for each doubling of the height. */
export const maxLocator = 64
/** Requests that one end may leave unanswered. */
export const maxOutstanding = 8
/** Bytes of a hello. Whatever follows the version is for later ones. */
const maxHello = 64

/** First, once: both ends then speak the smaller of both versions. */
export interface Hello {
  readonly _tag: "Hello"
  readonly version: number
}

/** The sender's best chain: its height and work, and its last headers, at least one: those that the reader may lack. */
export interface Announce {
  readonly _tag: "Announce"
  readonly height: number
  readonly work: bigint
  readonly headers: Uint8Array
}

/**
 * Asks for headers of the chain that ends in `pin`: of those after the highest header of the locator that is part of it,
 * `skip` are left out, and the next `count`, up to and including `pin`, wanted. So the answer depends on nothing that changes.
 */
export interface Get {
  readonly _tag: "Get"
  readonly skip: number
  readonly count: number
  readonly pin: Uint8Array
  readonly locator: ReadonlyArray<Uint8Array>
}

/** The next headers that were asked for, all or some of them: an answer may take several messages. In order of the requests. */
export interface Headers {
  readonly _tag: "Headers"
  readonly headers: Uint8Array
}

/** In place of (the rest of) an answer: the pin is not on the sender's best chain any more. */
export interface Gone {
  readonly _tag: "Gone"
}

export type Message = Hello | Announce | Get | Headers | Gone

/** A message that isn't one: what is wrong, for a `ProtocolViolated`. */
export interface Malformed {
  readonly _tag: "Malformed"
  readonly what: string
}

const type = { hello: 0, announce: 1, get: 2, headers: 3, gone: 4 } as const

const announceHead = 38
const getHead = 40
const headersHead = 3

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Headers that fit into a message of so many bytes. */
export const headersThatFit = (bytes: number): number =>
  Math.max(0, Math.min(maxBatch, Math.floor((bytes - headersHead) / headerSize)))

export const encodeMessage = (message: Message): Uint8Array => {
  switch (message._tag) {
    case "Hello":
      return Uint8Array.of(type.hello, message.version)
    case "Announce": {
      const bytes = new Uint8Array(announceHead + message.headers.length)
      const view = viewOf(bytes)
      view.setUint8(0, type.announce)
      view.setUint32(1, message.height)
      for (let i = 0; i < 4; i++) view.setBigUint64(5 + 8 * i, message.work >> BigInt(64 * (3 - i)))
      view.setUint8(37, message.headers.length / headerSize)
      bytes.set(message.headers, announceHead)
      return bytes
    }
    case "Get": {
      const bytes = new Uint8Array(getHead + message.locator.length * hashSize)
      const view = viewOf(bytes)
      view.setUint8(0, type.get)
      view.setUint32(1, message.skip)
      view.setUint16(5, message.count)
      bytes.set(message.pin, 7)
      view.setUint8(39, message.locator.length)
      for (const [i, hash] of message.locator.entries()) bytes.set(hash, getHead + i * hashSize)
      return bytes
    }
    case "Headers": {
      const bytes = new Uint8Array(headersHead + message.headers.length)
      const view = viewOf(bytes)
      view.setUint8(0, type.headers)
      view.setUint16(1, message.headers.length / headerSize)
      bytes.set(message.headers, headersHead)
      return bytes
    }
    case "Gone":
      return Uint8Array.of(type.gone)
  }
}

const malformed = (what: string): Malformed => ({ _tag: "Malformed", what })

const decodeAnnounce = (bytes: Uint8Array): Announce | Malformed => {
  if (bytes.length < announceHead) return malformed("an announcement is cut short")
  const view = viewOf(bytes)
  const count = view.getUint8(37)
  if (count < 1 || count > maxAnnounced) return malformed(`an announcement has ${count} headers`)
  if (bytes.length !== announceHead + count * headerSize) return malformed("an announcement has the wrong length")
  const height = view.getUint32(1)
  if (count > height + 1) return malformed("an announcement has more headers than its height allows")
  let work = 0n
  for (let i = 0; i < 4; i++) work = (work << 64n) | view.getBigUint64(5 + 8 * i)
  return { _tag: "Announce", height, work, headers: bytes.subarray(announceHead) }
}

const decodeGet = (bytes: Uint8Array): Get | Malformed => {
  if (bytes.length < getHead) return malformed("a request is cut short")
  const view = viewOf(bytes)
  const [skip, count, hashes] = [view.getUint32(1), view.getUint16(5), view.getUint8(39)]
  if (count < 1 || count > maxBatch) return malformed(`a request for ${count} headers`)
  if (hashes < 1 || hashes > maxLocator) return malformed(`a request with a locator of ${hashes} hashes`)
  if (bytes.length !== getHead + hashes * hashSize) return malformed("a request has the wrong length")
  const locator = Array.from(
    { length: hashes },
    (_, i) => bytes.slice(getHead + i * hashSize, getHead + (i + 1) * hashSize)
  )
  return { _tag: "Get", skip, count, pin: bytes.slice(7, 39), locator }
}

const decodeHeaders = (bytes: Uint8Array): Headers | Malformed => {
  if (bytes.length < headersHead) return malformed("an answer is cut short")
  const count = viewOf(bytes).getUint16(1)
  if (count < 1 || count > maxBatch) return malformed(`an answer of ${count} headers`)
  if (bytes.length !== headersHead + count * headerSize) return malformed("an answer has the wrong length")
  return { _tag: "Headers", headers: bytes.subarray(headersHead) }
}

/** Headers of what it gives are views into `bytes`. */
export const decodeMessage = (bytes: Uint8Array): Message | Malformed => {
  switch (bytes[0]) {
    case type.hello: {
      const version = bytes[1] ?? 0
      return version === 0 || bytes.length > maxHello
        ? malformed("a hello without a version, or too long")
        : { _tag: "Hello", version }
    }
    case type.announce:
      return decodeAnnounce(bytes)
    case type.get:
      return decodeGet(bytes)
    case type.headers:
      return decodeHeaders(bytes)
    case type.gone:
      return bytes.length === 1 ? { _tag: "Gone" } : malformed("a refusal has the wrong length")
    case undefined:
      return malformed("an empty message")
    default:
      return malformed(`a message of unknown type ${bytes[0]}`)
  }
}
