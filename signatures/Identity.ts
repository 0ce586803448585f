import { Context, type Effect, Schema } from "effect"
import { Address } from "./Address.ts"
import { PeerId } from "./PeerId.ts"

/**
 * Where a peer says it listens. Of two records of a peer the one with the higher sequence counts; as it is the time of day in
 * milliseconds at which the record was sealed, it also tells how old the record is.
 */
export const PeerRecord = Schema.Struct({
  peer: PeerId,
  sequence: Schema.BigInt,
  addresses: Schema.Array(Address)
})
export type PeerRecord = typeof PeerRecord.Type

export class RecordRejected extends Schema.TaggedError<RecordRejected>()("RecordRejected", {
  reason: Schema.Literals(["malformed", "signature"])
}) {
  override get message(): string {
    return `a signed peer record was rejected: ${this.reason}`
  }
}

/** Who we are, and how peers prove where they are. */
export class Identity extends Context.Service<Identity, {
  readonly self: PeerId
  /**
   * A signed peer record of our own (libp2p's envelope over a real network). Its sequence is the time of day, or just above the
   * last one where the clock was set back.
   */
  readonly seal: (addresses: ReadonlyArray<Address>) => Effect.Effect<Uint8Array>
  /**
   * Checks the signature, and that it is by the peer that the record is about. Addresses it can't read are left out. How
   * old a record may be depends on who hands it on, and that is peer exchange's to say.
   */
  readonly open: (envelope: Uint8Array) => Effect.Effect<PeerRecord, RecordRejected>
}>()("chain-p2p/signatures/Identity") {}
