/** What is said on the control stream of a link: each a CBOR map in a DATA frame, told apart by its `type`. */
import { Option, Schema } from "effect"
import { decodeCbor, encodeCbor } from "./cbor.ts"
import { bytesOf, version } from "./openingFrames.ts"
import { decodePing, encodePing } from "./pings.ts"

/** More go in several messages: 64 KiB hold no more. */
export const maxChainsPerMessage = 1500

/** Of signed records, in an answer. */
export const maxPeersPerMessage = 8

const saltedKeys = Schema.Array(bytesOf(32, 32)).pipe(Schema.check(Schema.isMaxLength(maxChainsPerMessage)))
const messageId = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })))

const Info = Schema.Struct({
  type: Schema.Literal("info"),
  version,
  salt: bytesOf(16, 16),
  /** The sender's own signed record. */
  record: bytesOf(1, 8 * 1024),
  chains: saltedKeys
})
const Chains = Schema.Struct({ type: Schema.Literal("chains"), added: saltedKeys, removed: saltedKeys })
/** The sender's own record, sealed anew; that of its INFO has become old. */
const Renewal = Schema.Struct({ type: Schema.Literal("renewal"), record: bytesOf(1, 8 * 1024) })
const Ping = Schema.Struct({ type: Schema.Literal("ping"), id: messageId })
const Pong = Schema.Struct({ type: Schema.Literal("pong"), id: messageId })
const Goodbye = Schema.Struct({
  type: Schema.Literal("goodbye"),
  reason: Schema.Literals(["idle", "superseded", "shutdown", "banned"])
})
/** Whom the other end knows; answered by `peers` with the same id. */
const GetPeers = Schema.Struct({ type: Schema.Literal("get-peers"), id: messageId })
const Peers = Schema.Struct({
  type: Schema.Literal("peers"),
  id: messageId,
  /** Signed records of others. */
  records: Schema.Array(bytesOf(1, 8 * 1024)).pipe(Schema.check(Schema.isMaxLength(maxPeersPerMessage)))
})

export const ControlMessage = Schema.Union([Info, Chains, Renewal, Ping, Pong, Goodbye, GetPeers, Peers])
export type ControlMessage = typeof ControlMessage.Type

const known: ReadonlySet<string> = new Set<ControlMessage["type"]>([
  "info",
  "chains",
  "renewal",
  "ping",
  "pong",
  "goodbye",
  "get-peers",
  "peers"
])
const readType = Schema.decodeUnknownOption(
  Schema.Struct({ type: Schema.String.pipe(Schema.check(Schema.isMaxLength(32))) })
)
const readMessage = Schema.decodeUnknownOption(ControlMessage)

/** A message of a later version: to be ignored. */
export type UnknownMessage = { readonly type: "unknown" }

/** None for what is malformed. */
export const decodeControl = (body: Uint8Array): Option.Option<ControlMessage | UnknownMessage> => {
  const ping = decodePing(body)
  if (ping !== undefined) return Option.some(ping)
  const value = decodeCbor(body)
  const type = Option.flatMap(value, (value) => readType(value))
  if (Option.isNone(value) || Option.isNone(type)) return Option.none()
  return known.has(type.value.type) ? readMessage(value.value) : Option.some({ type: "unknown" })
}

export const encodeControl = (message: ControlMessage): Uint8Array =>
  message.type === "ping" || message.type === "pong" ? encodePing(message) : encodeCbor(message)
