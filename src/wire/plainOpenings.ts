/**
 * Hellos and accepts as they mostly are: the same bytes as any CBOR encoder gives, without one. What looks otherwise, as that of
 * a later version may, or is out of range, is none of these: then the strict decoder and the schemas say what it is.
 */
import { maxMessageBytesLimit } from "../../signatures/index.ts"
import { readUint, sizeOfUint, standsAt, writeUint } from "./uints.ts"

export interface PlainHello {
  readonly version: number
  readonly chain: Uint8Array
  readonly maxMessageBytes: number
  readonly window: number
}

export type PlainAccept = Pick<PlainHello, "maxMessageBytes" | "window">

export const maxVersion = 0xffff
export const maxWindow = 0x7fff_ffff
export const chainKeyBytes = 32

/** A key of less than 24 characters, behind what stands before it. */
const key = (text: string, ...before: ReadonlyArray<number>): Uint8Array =>
  Uint8Array.of(...before, 0x60 + text.length, ...Array.from(text, (letter) => letter.charCodeAt(0)))

/** The keys as they follow each other, the shorter ones first; `features` with its empty list, and the map's own mark. */
const keys = {
  chain: Uint8Array.of(0xa5, ...key("chain"), 0x58, chainKeyBytes),
  window: key("window"),
  version: key("version"),
  features: Uint8Array.of(...key("features"), 0x80, ...key("maxMessageBytes")),
  windowAlone: key("window", 0xa2),
  maxMessageBytes: key("maxMessageBytes")
}

const put = (into: Uint8Array, at: number, bytes: Uint8Array): number => {
  into.set(bytes, at)
  return at + bytes.length
}

/** Of one without features. */
export const encodePlainHello = ({ chain, maxMessageBytes, version, window }: PlainHello): Uint8Array => {
  const numbers = sizeOfUint(window) + sizeOfUint(version) + sizeOfUint(maxMessageBytes)
  const names = keys.chain.length + keys.window.length + keys.version.length + keys.features.length
  const bytes = new Uint8Array(names + chain.length + numbers)
  let at = put(bytes, put(bytes, 0, keys.chain), chain)
  at = writeUint(bytes, put(bytes, at, keys.window), window)
  at = writeUint(bytes, put(bytes, at, keys.version), version)
  writeUint(bytes, put(bytes, at, keys.features), maxMessageBytes)
  return bytes
}

export const encodePlainAccept = ({ maxMessageBytes, window }: PlainAccept): Uint8Array => {
  const names = keys.windowAlone.length + keys.maxMessageBytes.length
  const bytes = new Uint8Array(names + sizeOfUint(window) + sizeOfUint(maxMessageBytes))
  const at = writeUint(bytes, put(bytes, 0, keys.windowAlone), window)
  writeUint(bytes, put(bytes, at, keys.maxMessageBytes), maxMessageBytes)
  return bytes
}

/** A number from 1 to `most` behind a key; undefined for anything else. */
const readAfter = (bytes: Uint8Array, at: number, name: Uint8Array, most: number): number | undefined => {
  if (!standsAt(bytes, at, name)) return undefined
  const n = readUint(bytes, at + name.length)
  return n === undefined || n < 1 || n > most ? undefined : n
}

export const decodePlainHello = (bytes: Uint8Array): PlainHello | undefined => {
  if (!standsAt(bytes, 0, keys.chain)) return undefined
  let at = keys.chain.length + chainKeyBytes
  const window = readAfter(bytes, at, keys.window, maxWindow)
  if (window === undefined) return undefined
  at += keys.window.length + sizeOfUint(window)
  const version = readAfter(bytes, at, keys.version, maxVersion)
  if (version === undefined) return undefined
  at += keys.version.length + sizeOfUint(version)
  const maxMessageBytes = readAfter(bytes, at, keys.features, maxMessageBytesLimit)
  if (maxMessageBytes === undefined) return undefined
  at += keys.features.length + sizeOfUint(maxMessageBytes)
  if (at !== bytes.length) return undefined
  const chain = bytes.slice(keys.chain.length, keys.chain.length + chainKeyBytes)
  return { version, chain, maxMessageBytes, window }
}

export const decodePlainAccept = (bytes: Uint8Array): PlainAccept | undefined => {
  const window = readAfter(bytes, 0, keys.windowAlone, maxWindow)
  if (window === undefined) return undefined
  const at = keys.windowAlone.length + sizeOfUint(window)
  const maxMessageBytes = readAfter(bytes, at, keys.maxMessageBytes, maxMessageBytesLimit)
  if (maxMessageBytes === undefined) return undefined
  const end = at + keys.maxMessageBytes.length + sizeOfUint(maxMessageBytes)
  return end === bytes.length ? { maxMessageBytes, window } : undefined
}
