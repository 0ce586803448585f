/** A core and the other end of a session with it, which does what the test says. */
import { assert } from "@effect/vitest"
import type { Core } from "../../../../src/sessions/header-sync/Core.ts"
import { headerSize } from "../../../../src/sessions/header-sync/header.ts"
import {
  type Announce,
  decodeMessage,
  encodeMessage,
  type Message
} from "../../../../src/sessions/header-sync/messages.ts"
import { workOfBits } from "../../../../src/sessions/header-sync/target.ts"
import { drain, moment, type Seat, seat } from "../../../support/headers-cores.ts"
import { countOf, easyParams, genesisOf } from "../../../support/headers.ts"

export const params = easyParams()
export const genesis = genesisOf(params)

export const bytesOf = (core: Core) => core.index.slice(0, core.index.height + 1)

export const workOf = (chain: Uint8Array): bigint => {
  const view = new DataView(chain.buffer, chain.byteOffset, chain.byteLength)
  let work = 0n
  for (let at = 0; at < chain.length; at += headerSize) work += workOfBits(view.getUint32(at + 72, true))
  return work
}

/** A hostile or merely odd other end, by hand: says hello, then what the test says. */
export const meet = (core: Core): Seat => {
  const other = seat(core)
  assert.isUndefined(say(other, { _tag: "Hello", version: 1 }))
  return other
}
export const say = (to: Seat, message: Message, now = 0, wall?: number): string | undefined =>
  to.core.receive(to.peer, encodeMessage(message), moment(now, wall))
export const heard = (from: Seat): Array<Message> =>
  drain(from).map(decodeMessage).filter((message): message is Message => message._tag !== "Malformed")
export const announce = (chain: Uint8Array, count = 1): Announce => ({
  _tag: "Announce",
  height: countOf(chain) - 1,
  work: workOf(chain),
  headers: chain.slice(-count * headerSize)
})
