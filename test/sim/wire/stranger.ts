/** Bob and whoever speaks to him on a control stream. */
import { Context, Duration, Effect } from "effect"
import { type Chain, type ConnectionLimits, Connections, type RawStream } from "../../../signatures/index.ts"
import { encodeCbor } from "../../../src/wire/cbor.ts"
import { type ControlMessage, decodeControl } from "../../../src/wire/controlMessages.ts"
import { frame } from "../../../src/wire/frames.ts"
import { duo } from "./duo.ts"
import { limits, settled, start } from "./hosts.ts"

export const serve = (host: Context.Context<Connections>, chain: Chain, over: Partial<ConnectionLimits> = {}) =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() =>
      Context.get(host, Connections).serve(
        chain,
        { ...limits, ...over },
        () => ({ reject: "full", retryAfter: Duration.zero })
      )
    ),
    (end) => Effect.sync(end)
  ))

/** A peer of Bob's that speaks for itself. */
export const stranger = (stream: RawStream) => {
  const heard: Array<ControlMessage["type"]> = []
  const messages: Array<ControlMessage> = []
  const ids: Array<number> = []
  let kept = new Uint8Array(0)
  stream.attach({
    bytes: (chunk) => {
      kept = Uint8Array.from([...kept, ...chunk])
      while (kept.length >= 4) {
        const length = ((kept[1] ?? 0) << 16) | ((kept[2] ?? 0) << 8) | (kept[3] ?? 0)
        if (kept.length < 4 + length) return
        const message = decodeControl(kept.slice(4, 4 + length))
        kept = kept.slice(4 + length)
        if (message._tag === "None" || message.value.type === "unknown") throw new Error("wire said nonsense")
        heard.push(message.value.type)
        messages.push(message.value)
        if (message.value.type === "pong") ids.push(message.value.id)
      }
    },
    drain: () => {},
    end: () => {}
  })
  return {
    heard,
    messages,
    ids,
    say: (message: unknown) => stream.write(frame(0, encodeCbor(message))),
    bytes: (bytes: Uint8Array) => stream.write(bytes)
  }
}

export const info = { type: "info", version: 1, salt: new Uint8Array(16), record: Uint8Array.of(1), chains: [] }

/** Bob, to whom a stranger has dialled. */
export const bobAndStranger = Effect.gen(function*() {
  const pools = duo()
  const host = yield* start(pools.bob)
  // A stranger doesn't answer a goodbye.
  yield* Effect.addFinalizer(() => Effect.sync(pools.alice.link.abort))
  const peer = stranger(pools.alice.link.raw("/chain-p2p/control/1"))
  yield* settled
  return { pools, host, peer }
})
