/** What is said on the control stream of a link: each a CBOR map in a DATA frame, told apart by its `type`. */
import { Option, Schema } from "effect"
import { decodeCbor, encodeCbor } from "./cbor.ts"
import { bytesOf, version } from "./openingFrames.ts"

/** More go in several messages: 64 KiB hold no more. */
export const maxChainsPerMessage = 1500

const saltedKeys = Schema.Array(bytesOf(32, 32)).pipe(Schema.check(Schema.isMaxLength(maxChainsPerMessage)))
const pingId = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })))

const Info = Schema.Struct({
  type: Schema.Literal("info"),
  version,
  salt: bytesOf(16, 16),
  /** The sender's own signed record. */
  record: bytesOf(1, 8 * 1024),
  chains: saltedKeys
})
const Chains = Schema.Struct({ type: Schema.Literal("chains"), added: saltedKeys, removed: saltedKeys })
const Ping = Schema.Struct({ type: Schema.Literal("ping"), id: pingId })
const Pong = Schema.Struct({ type: Schema.Literal("pong"), id: pingId })
const Goodbye = Schema.Struct({
  type: Schema.Literal("goodbye"),
  reason: Schema.Literals(["idle", "superseded", "shutdown", "banned"])
})

export const ControlMessage = Schema.Union([Info, Chains, Ping, Pong, Goodbye])
export type ControlMessage = typeof ControlMessage.Type

const known: ReadonlySet<string> = new Set<ControlMessage["type"]>(["info", "chains", "ping", "pong", "goodbye"])
const readType = Schema.decodeUnknownOption(
  Schema.Struct({ type: Schema.String.pipe(Schema.check(Schema.isMaxLength(32))) })
)
const readMessage = Schema.decodeUnknownOption(ControlMessage)

/** A message of a later version: to be ignored. */
export type UnknownMessage = { readonly type: "unknown" }

/** None for what is malformed. */
export const decodeControl = (body: Uint8Array): Option.Option<ControlMessage | UnknownMessage> => {
  const value = decodeCbor(body)
  const type = Option.flatMap(value, (value) => readType(value))
  if (Option.isNone(value) || Option.isNone(type)) return Option.none()
  return known.has(type.value.type) ? readMessage(value.value) : Option.some({ type: "unknown" })
}

export const encodeControl: (message: ControlMessage) => Uint8Array = encodeCbor
