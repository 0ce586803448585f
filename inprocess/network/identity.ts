import { Clock, Effect, Schema } from "effect"
import { Address, type Identity, PeerId, RecordRejected } from "../../signatures/index.ts"
import { type RandomStream } from "../kernel/index.ts"
import { keyedHash } from "./keyedHash.ts"

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

/** Five digits at a time: as much as a double holds with a byte beside it, several times over. */
const limb = 58 ** 5

const base58 = (bytes: Uint8Array): string => {
  // Digits of base 58⁵, the lowest first.
  const limbs: Array<number> = []
  for (const byte of bytes) {
    let carry = byte
    for (let i = 0; i < limbs.length; i++) {
      const value = (limbs[i] ?? 0) * 256 + carry
      carry = Math.floor(value / limb)
      limbs[i] = value - carry * limb
    }
    if (carry > 0) limbs.push(carry)
  }
  let digits = ""
  for (const value of limbs) {
    let rest = value
    for (let i = 0; i < 5; i++) {
      digits = alphabet.charAt(rest % 58) + digits
      rest = Math.floor(rest / 58)
    }
  }
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return "1".repeat(zeros) + digits.replace(/^1+/, "")
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

/** All keys of a network, by the public one: who can check a seal. */
export class KeyRing {
  readonly #keys = new Map<string, Keys>()

  add(keys: Keys): void {
    this.#keys.set(asText(keys.publicKey), keys)
  }

  find(publicKey: Uint8Array): Keys | undefined {
    return this.#keys.get(asText(publicKey))
  }
}

/** One character per byte. */
const asText = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

const magic = 0x5eA1_2ec0
const headerSize = 4 + 32 + 8
const isAddress = Schema.is(Address)

const rejected = (reason: RecordRejected["reason"]) => new RecordRejected({ reason })

/** Envelope: magic, public key, keyed hash of the contents, contents: the sequence and the addresses, a line each. */
const seal = (keys: Keys, sequence: bigint, addresses: ReadonlyArray<Address>): Uint8Array => {
  const contents = new TextEncoder().encode([sequence, ...addresses].join("\n"))
  const envelope = new Uint8Array(headerSize + contents.length)
  new DataView(envelope.buffer).setUint32(0, magic)
  envelope.set(keys.publicKey, 4)
  envelope.set(keyedHash(keys.secret, contents), 36)
  envelope.set(contents, headerSize)
  return envelope
}

const open = (ring: KeyRing, envelope: Uint8Array): ReturnType<Identity["Service"]["open"]> => {
  if (envelope.length <= headerSize || envelope.length > 65_536) return rejected("malformed")
  const view = new DataView(envelope.buffer, envelope.byteOffset, envelope.length)
  if (view.getUint32(0) !== magic) return rejected("malformed")
  const keys = ring.find(envelope.subarray(4, 36))
  if (keys === undefined) return rejected("signature")
  const contents = envelope.subarray(headerSize)
  const hash = keyedHash(keys.secret, contents)
  if (hash.some((byte, index) => byte !== envelope[36 + index])) return rejected("signature")
  // Only who has the key can have written it: so it is as `seal` writes it.
  const [sequence = "", ...addresses] = new TextDecoder().decode(contents).split("\n")
  return Effect.succeed({ peer: keys.peer, sequence: BigInt(sequence), addresses: addresses.filter(isAddress) })
}

/** `sequence` is kept by the host, so that it goes on growing after a restart. */
export const makeIdentity = (keys: Keys, ring: KeyRing, sequence: { last: bigint }): Identity["Service"] => ({
  self: keys.peer,
  seal: (addresses) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const time = BigInt(Math.max(0, Math.floor(now)))
      sequence.last = time > sequence.last ? time : sequence.last + 1n
      return seal(keys, sequence.last, addresses)
    }),
  open: (envelope) => Effect.suspend(() => open(ring, envelope))
})
