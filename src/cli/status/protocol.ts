/** What is said through the socket in a running node's data directory: one JSON line per question, one per answer. */
import * as Schema from "effect/Schema"

/** What changes nothing, and needs no more than its name. */
const Plain = Schema.Struct({ ask: Schema.Literals(["status", "peers", "sessions", "chains"]) })
export type PlainAsk = typeof Plain.Type["ask"]

/** A flag's word on a key of the chains that are to be added. */
const FlagValue = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  value: Schema.Json,
  source: Schema.String
})

/** A year. */
export const longestBanMillis = 365 * 86_400_000

export const Question = Schema.Union([
  Plain,
  Schema.Struct({
    ask: Schema.Literal("add-chains"),
    /** What messages call the text. */
    source: Schema.String,
    /** With `chains`, as in a config file. */
    text: Schema.String,
    flags: Schema.Array(FlagValue)
  }),
  Schema.Struct({ ask: Schema.Literal("remove-chain"), name: Schema.String }),
  Schema.Struct({ ask: Schema.Literal("why"), peer: Schema.String, chain: Schema.optionalKey(Schema.String) }),
  Schema.Struct({
    ask: Schema.Literal("ban"),
    peer: Schema.String,
    forMillis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: longestBanMillis })),
    /** For the log, and kept with the ban. */
    reason: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({ ask: Schema.Literal("unban"), peer: Schema.String })
])
export type Question = typeof Question.Type
export type Ask = Question["ask"]
export type QuestionOf<A extends Ask> = Extract<Question, { readonly ask: A }>

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

/** `remembered`: from an earlier run, and nothing was heard of it since. `inbound`: it came to us, and has named no address. */
const Source = Schema.Literals([
  "config",
  "bootstrap",
  "info",
  "exchange",
  "rejection",
  "mdns",
  "remembered",
  "inbound",
  "none"
])
export type Source = typeof Source.Type

export const PeerStatus = Schema.Struct({
  peer: Schema.String,
  linked: Schema.Boolean,
  addresses: Schema.Array(Schema.String),
  /** Whose word its newest addresses are, or how else it came to be known. */
  source: Source,
  /** Null while the peer has not said. Of the chains that this node runs too. */
  chains: Schema.NullOr(Schema.Array(Schema.String)),
  sticky: Schema.Boolean,
  failures: Schema.Int,
  lastSuccessSeconds: Schema.NullOr(Schema.Finite),
  bannedForSeconds: Schema.NullOr(Schema.Finite),
  /** Null while it isn't banned. */
  bannedBecause: Schema.NullOr(Schema.String)
})
export type PeerStatus = typeof PeerStatus.Type

export const SessionStatus = Schema.Struct({
  chain: Schema.String,
  peer: Schema.String,
  direction: Schema.Literals(["inbound", "outbound"]),
  seconds: Schema.Finite
})
export type SessionStatus = typeof SessionStatus.Type

export const ChainRow = Schema.Struct({
  name: Schema.String,
  genesis: Schema.String,
  session: Schema.String,
  /** Who gave it: the config file, or `chains add`. */
  from: Schema.Literals(["file", "command"]),
  /** It is being removed: its sessions are on their way out. */
  leaving: Schema.Boolean,
  outbound: Schema.Int,
  inbound: Schema.Int
})
export type ChainRow = typeof ChainRow.Type

const ChainsAdded = Schema.Struct({
  /** By name. */
  added: Schema.Array(Schema.String),
  /** What stands for them in a config file. */
  written: Schema.Array(Schema.Unknown),
  /** Null where no file says what the node runs. */
  configFile: Schema.NullOr(Schema.String),
  warnings: Schema.Array(Schema.String)
})
const ChainRemoved = Schema.Struct({
  removed: Schema.String,
  /** The file that still has it; null if none does. */
  configFile: Schema.NullOr(Schema.String)
})

/** Of one chain: whether the peer may be picked, and if not, why, and when again. */
const WhyRow = Schema.Struct({
  chain: Schema.String,
  session: Schema.NullOr(
    Schema.Struct({ direction: Schema.Literals(["inbound", "outbound"]), seconds: Schema.Finite })
  ),
  standing: Schema.Literals(["Clear", "Cooling", "Incompatible", "Banned"]),
  againInSeconds: Schema.NullOr(Schema.Finite),
  /** Null while the peer has not said. */
  serves: Schema.NullOr(Schema.Boolean),
  /** The chain is private, and the peer is none of its known ones. */
  excluded: Schema.Boolean
})
export type WhyRow = typeof WhyRow.Type

const HistoryRow = Schema.Struct({
  /** Of the last time. */
  secondsAgo: Schema.Finite,
  times: Schema.Int,
  what: Schema.String,
  chain: Schema.NullOr(Schema.String),
  address: Schema.NullOr(Schema.String),
  charged: Schema.Literals(["nobody", "address", "peer", "chain"]),
  did: Schema.Literals(["good", "failed", "waits", "incompatible", "compatible", "banned", "unbanned"]),
  /** How long it kept, or keeps, the peer from being picked. */
  forSeconds: Schema.NullOr(Schema.Finite)
})
export type HistoryRow = typeof HistoryRow.Type

export const Why = Schema.Struct({
  peer: Schema.String,
  /** Whether the book knows it. */
  known: Schema.Boolean,
  linked: Schema.NullOr(Schema.Struct({
    direction: Schema.Literals(["inbound", "outbound"]),
    remote: Schema.String,
    seconds: Schema.Finite
  })),
  addresses: Schema.Array(Schema.String),
  /** Null where the book doesn't know it. */
  source: Schema.NullOr(Source),
  bannedForSeconds: Schema.NullOr(Schema.Finite),
  bannedBecause: Schema.NullOr(Schema.String),
  /** The node takes its own end for broken, and tries sticky peers only. */
  suspectsItself: Schema.Boolean,
  chains: Schema.Array(WhyRow),
  /** Oldest first. */
  history: Schema.Array(HistoryRow)
})
export type Why = typeof Why.Type

const Banned = Schema.Struct({ peer: Schema.String, known: Schema.Boolean, bannedForSeconds: Schema.Finite })
const Unbanned = Schema.Struct({ peer: Schema.String, wasBanned: Schema.Boolean })

/** Instead of an answer: why there is none, in words for the user. */
export const Refusal = Schema.Struct({ error: Schema.String })

export const answers = {
  status: NodeStatus,
  peers: Schema.Array(PeerStatus),
  sessions: Schema.Array(SessionStatus),
  chains: Schema.Array(ChainRow),
  "add-chains": ChainsAdded,
  "remove-chain": ChainRemoved,
  why: Why,
  ban: Banned,
  unban: Unbanned
} as const
export type Answer<A extends Ask> = (typeof answers)[A]["Type"]

/** Characters. Longer lines are not from us. */
export const longestQuestion = 1_000_000
