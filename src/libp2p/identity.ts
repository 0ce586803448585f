import type { PrivateKey } from "@libp2p/interface"
import { peerIdFromPrivateKey, peerIdFromPublicKey } from "@libp2p/peer-id"
import { PeerRecord as Libp2pRecord, RecordEnvelope } from "@libp2p/peer-record"
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr"
import { Clock, type Context, Effect, Option } from "effect"
import { type Address, type Identity, PeerId, type PeerRecord, RecordRejected } from "../../signatures/index.ts"
import { decodeRecord, type RawRecord, readAddress } from "./record.ts"

/** Bytes. A record holds a few addresses; anything longer is none. */
const maxEnvelope = 16 * 1024

/** Of one record; those beyond are left out. */
const maxAddresses = 64

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])

const asMultiaddr = (address: Address): Option.Option<Multiaddr> => {
  try {
    return Option.some(multiaddr(address))
  } catch {
    return Option.none()
  }
}

const malformed = (): RecordRejected => new RecordRejected({ reason: "malformed" })
const forged = (): RecordRejected => new RecordRejected({ reason: "signature" })

const open = Effect.fnUntraced(function*(bytes: Uint8Array): Effect.fn.Return<PeerRecord, RecordRejected> {
  if (bytes.length > maxEnvelope) return yield* malformed()
  const envelope = yield* Effect.try({ try: () => RecordEnvelope.createFromProtobuf(bytes), catch: malformed })
  // The envelope around what is signed can be written in many ways, which libp2p all reads. One of them is enough: the same
  // record is the same bytes.
  if (!isSame(envelope.marshal(), bytes)) return yield* malformed()
  if (!isSame(envelope.payloadType, Libp2pRecord.CODEC)) return yield* malformed()
  const valid = yield* Effect.tryPromise({
    try: () => Promise.resolve(envelope.validate(Libp2pRecord.DOMAIN)),
    catch: forged
  })
  if (!valid) return yield* forged()
  const record = yield* Effect.try<RawRecord, RecordRejected>({
    try: () => decodeRecord(envelope.payload),
    catch: malformed
  })
  const signer = peerIdFromPublicKey(envelope.publicKey)
  if (!isSame(record.peer, signer.toMultihash().bytes)) return yield* forged()
  return {
    peer: PeerId.make(signer.toString()),
    sequence: record.sequence,
    addresses: record.addresses.slice(0, maxAddresses).flatMap((address) => Option.toArray(readAddress(address)))
  }
})

/** Records in libp2p's own envelope: every libp2p implementation can read them. */
export const makeIdentity = (key: PrivateKey): Context.Service.Shape<typeof Identity> => {
  const peerId = peerIdFromPrivateKey(key)
  let last = 0n
  return {
    self: PeerId.make(peerId.toString()),
    seal: Effect.fnUntraced(function*(addresses: ReadonlyArray<Address>) {
      // The time of day, so that it also rises from one run of a peer to the next.
      const now = BigInt(yield* Clock.currentTimeMillis)
      last = now > last ? now : last + 1n
      const record = new Libp2pRecord({
        peerId,
        seqNumber: last,
        multiaddrs: addresses.flatMap((address) => Option.toArray(asMultiaddr(address)))
      })
      return (yield* Effect.promise(() => RecordEnvelope.seal(record, key))).marshal()
    }),
    open
  }
}
