/** The frames of a session's opening. */
import { Option, Schema } from "effect"
import { maxMessageBytesLimit, RejectReason } from "../../signatures/index.ts"
import { decodeCbor, encodeCbor } from "./cbor.ts"
import { frame, FrameType } from "./frames.ts"
import {
  chainKeyBytes,
  decodePlainAccept,
  decodePlainHello,
  encodePlainAccept,
  encodePlainHello,
  maxVersion,
  maxWindow
} from "./plainOpenings.ts"

export const wireVersion = 1

const between = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum })))

export const bytesOf = (minimum: number, maximum: number) =>
  Schema.Uint8Array.pipe(
    Schema.check(
      Schema.makeFilter((bytes: Uint8Array) =>
        bytes.length >= minimum && bytes.length <= maximum ? undefined : `expected ${minimum} to ${maximum} bytes`
      )
    )
  )

export const version = between(1, maxVersion)
const maxMessageBytes = between(1, maxMessageBytesLimit)
/** A sender's credit must fit the 4 bytes of a CREDIT, even when it was overdrawn by the largest message. */
const window = between(1, maxWindow)
const feature = Schema.String.pipe(Schema.check(Schema.isMaxLength(64)))

/** Unknown keys are ignored, so that a later version can talk to this one. */
const HelloBody = Schema.Struct({
  version,
  /** See `chainKey`. */
  chain: bytesOf(chainKeyBytes, chainKeyBytes),
  maxMessageBytes,
  window,
  features: Schema.Array(feature).pipe(Schema.check(Schema.isMaxLength(8)))
})
export type HelloBody = typeof HelloBody.Type

const AcceptBody = Schema.Struct({ maxMessageBytes, window })
export type AcceptBody = typeof AcceptBody.Type

export const maxRetryAfterMillis = 10 * 60_000

/** Of signed records in a REJECT. */
export const maxAlternatives = 4

const RejectBody = Schema.Struct({
  reason: RejectReason,
  retryAfterMillis: between(0, maxRetryAfterMillis),
  /** Signed records of peers to ask instead. */
  alternatives: Schema.Array(bytesOf(1, 2048)).pipe(Schema.check(Schema.isMaxLength(maxAlternatives)))
})
export type RejectBody = typeof RejectBody.Type

const decoded = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const read = Schema.decodeUnknownOption(schema)
  return (body: Uint8Array): Option.Option<S["Type"]> => Option.flatMap(decodeCbor(body), (value) => read(value))
}

const readHello = decoded(HelloBody)
const readAccept = decoded(AcceptBody)
const noFeatures: HelloBody["features"] = []

export const decodeHello = (body: Uint8Array): Option.Option<HelloBody> => {
  const plain = decodePlainHello(body)
  return plain === undefined ? readHello(body) : Option.some({ ...plain, features: noFeatures })
}

export const decodeAccept = (body: Uint8Array): Option.Option<AcceptBody> => {
  const plain = decodePlainAccept(body)
  return plain === undefined ? readAccept(body) : Option.some(plain)
}

export const decodeReject = decoded(RejectBody)

export const encodeHello = (body: HelloBody): Uint8Array =>
  body.features.length === 0 ? encodePlainHello(body) : encodeCbor(body)
export const encodeAccept: (body: AcceptBody) => Uint8Array = encodePlainAccept
export const rejectFrame = (body: RejectBody): Uint8Array => frame(FrameType.reject, encodeCbor(body))
