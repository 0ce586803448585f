import { Clock, Effect, Option, Schema } from "effect"
import { Address, type Identity, PeerId, RecordRejected } from "../../signatures/index.ts"
import { type RandomStream } from "../kernel/index.ts"
import { keyedHash } from "./keyedHash.ts"

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

const base58 = (bytes: Uint8Array): string => {
  let number = 0n
  for (const byte of bytes) number = number * 256n + BigInt(byte)
  let text = ""
  for (; number > 0n; number /= 58n) text = `${alphabet.charAt(Number(number % 58n))}${text}`
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return "1".repeat(zeros) + text
}

/** Multihash "identity" of a protobuf that holds an ed25519 public key: so ids look, sort and measure as real ones do. */
const ed25519Prefix = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]

export interface Keys {
  readonly peer: PeerId
  readonly publicKey: Uint8Array
  /** Stays inside the network: the programs of hosts never see it. */
  readonly secret: readonly [number, number]
}

export const makeKeys = (random: RandomStream): Keys => {
  const publicKey = random.bytes(32)
  const peer = PeerId.make(base58(Uint8Array.from([...ed25519Prefix, ...publicKey])))
  return { peer, publicKey, secret: [random.nextIntUnsafe() | 0, random.nextIntUnsafe() | 0] }
}

/** All keys of a network: who can check a seal. */
export type KeyRing = Map<PeerId, Keys>

const magic = 0x5eA1_2ec0
const headerSize = 4 + 32 + 8

const Contents = Schema.fromJsonString(Schema.Struct({
  sequence: Schema.BigIntFromString,
  addresses: Schema.Array(Schema.String)
}))
const decode = Schema.decodeUnknownOption(Contents)
const encode = Schema.encodeSync(Contents)
const isAddress = Schema.is(Address)

const rejected = (reason: RecordRejected["reason"]) => new RecordRejected({ reason })

/** Envelope: magic, public key, keyed hash of the contents, contents. */
const seal = (keys: Keys, sequence: bigint, addresses: ReadonlyArray<Address>): Uint8Array => {
  const contents = new TextEncoder().encode(encode({ sequence, addresses }))
  const envelope = new Uint8Array(headerSize + contents.length)
  new DataView(envelope.buffer).setUint32(0, magic)
  envelope.set(keys.publicKey, 4)
  envelope.set(keyedHash(keys.secret, contents), 36)
  envelope.set(contents, headerSize)
  return envelope
}

const open = Effect.fnUntraced(function*(ring: KeyRing, envelope: Uint8Array) {
  if (envelope.length <= headerSize || envelope.length > 65_536) return yield* rejected("malformed")
  const view = new DataView(envelope.buffer, envelope.byteOffset, envelope.length)
  if (view.getUint32(0) !== magic) return yield* rejected("malformed")
  const peer = PeerId.make(base58(Uint8Array.from([...ed25519Prefix, ...envelope.subarray(4, 36)])))
  const contents = envelope.subarray(headerSize)
  const keys = ring.get(peer)
  if (keys === undefined) return yield* rejected("signature")
  const hash = keyedHash(keys.secret, contents)
  if (hash.some((byte, index) => byte !== envelope[36 + index])) return yield* rejected("signature")
  const record = decode(new TextDecoder().decode(contents))
  if (Option.isNone(record)) return yield* rejected("malformed")
  return { peer, sequence: record.value.sequence, addresses: record.value.addresses.filter(isAddress) }
})

/** `sequence` is kept by the host, so that it goes on growing after a restart. */
export const makeIdentity = (keys: Keys, ring: KeyRing, sequence: { last: bigint }): Identity["Service"] => ({
  self: keys.peer,
  seal: (addresses) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const time = BigInt(Math.max(0, Math.floor(now)))
      sequence.last = time > sequence.last ? time : sequence.last + 1n
      return seal(keys, sequence.last, addresses)
    }),
  open: (envelope) => open(ring, envelope)
})
