/** What the lines of the book's file say. Keys that aren't named here are left out: a later version may write more. */
import { Schema } from "effect"
import { Address, Chain, PeerId } from "../../signatures/index.ts"

/** The first line after the title. All other times are of `now`'s clock. */
export const ClocksLine = Schema.Struct({
  /** Wall time and monotonic time at the moment of writing, in milliseconds. */
  written: Schema.Finite,
  now: Schema.Finite,
  /** To which peers refer by index. */
  chains: Schema.Array(Chain)
})
export type ClocksLine = typeof ClocksLine.Type

export const PeerLine = Schema.Struct({
  peer: PeerId,
  /** Of the newest signed record: decimal, as it may be too large for a number. */
  sequence: Schema.optionalKey(Schema.String.pipe(Schema.check(Schema.isPattern(/^\d{1,20}$/)))),
  heard: Schema.Finite,
  failures: Schema.Natural,
  firstSuccess: Schema.optionalKey(Schema.Finite),
  lastSuccess: Schema.optionalKey(Schema.Finite),
  addresses: Schema.Array(Schema.Struct({
    at: Address,
    failures: Schema.Natural,
    lastSuccess: Schema.optionalKey(Schema.Finite)
  })),
  chains: Schema.optionalKey(Schema.Array(Schema.Natural)),
  anchor: Schema.optionalKey(Schema.Boolean)
})
export type PeerLine = typeof PeerLine.Type

export const BanLine = Schema.Struct({
  banned: PeerId,
  at: Schema.Finite,
  until: Schema.Finite,
  times: Schema.Natural,
  by: Schema.Literals(["violation", "hand"]),
  reason: Schema.optionalKey(Schema.String)
})
export type BanLine = typeof BanLine.Type
