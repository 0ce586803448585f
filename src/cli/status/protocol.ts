/** What a running node tells through the socket in its data directory: one JSON line per question, one per answer. */
import * as Schema from "effect/Schema"

export const Question = Schema.Struct({ ask: Schema.Literals(["status", "peers", "sessions"]) })
export type Question = typeof Question.Type
export type Ask = Question["ask"]

/** Seconds everywhere: what is monotonic inside the node means nothing outside of it. */
export const ChainStatus = Schema.Struct({
  name: Schema.String,
  genesis: Schema.String,
  sessionCount: Schema.Int,
  outbound: Schema.Int,
  inbound: Schema.Int,
  opening: Schema.Int,
  closing: Schema.Int,
  atTarget: Schema.Boolean,
  /** What the session tells about itself, such as height and tip. */
  session: Schema.Record(Schema.String, Schema.Json),
  progress: Schema.optionalKey(Schema.Struct({ done: Schema.Finite, total: Schema.Finite }))
})
export type ChainStatus = typeof ChainStatus.Type

const LinkStatus = Schema.Struct({
  peer: Schema.String,
  remote: Schema.String,
  direction: Schema.Literals(["inbound", "outbound"]),
  seconds: Schema.Finite,
  chains: Schema.Array(Schema.String)
})

export const NodeStatus = Schema.Struct({
  pid: Schema.Int,
  peer: Schema.String,
  network: Schema.String,
  upSeconds: Schema.Finite,
  /** With the peer: what others write into their bootstrap. */
  addresses: Schema.Array(Schema.String),
  links: Schema.Array(LinkStatus),
  chains: Schema.Array(ChainStatus)
})
export type NodeStatus = typeof NodeStatus.Type

export const PeerStatus = Schema.Struct({
  peer: Schema.String,
  linked: Schema.Boolean,
  addresses: Schema.Array(Schema.String),
  /** Null while the peer has not said. Of the chains that this node runs too. */
  chains: Schema.NullOr(Schema.Array(Schema.String)),
  sticky: Schema.Boolean,
  failures: Schema.Int,
  lastSuccessSeconds: Schema.NullOr(Schema.Finite),
  bannedForSeconds: Schema.NullOr(Schema.Finite)
})
export type PeerStatus = typeof PeerStatus.Type

export const SessionStatus = Schema.Struct({
  chain: Schema.String,
  peer: Schema.String,
  direction: Schema.Literals(["inbound", "outbound"]),
  seconds: Schema.Finite
})
export type SessionStatus = typeof SessionStatus.Type

export const answers = {
  status: NodeStatus,
  peers: Schema.Array(PeerStatus),
  sessions: Schema.Array(SessionStatus)
} as const
export type Answer<A extends Ask> = (typeof answers)[A]["Type"]

/** Longer lines are not from us. */
export const longestQuestion = 4_096
