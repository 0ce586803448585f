import { assert, describe, it } from "@effect/vitest"
import { dialReason, listenReason, openReason } from "../../../src/libp2p/reasons.ts"

const withCode = (code: string) => Object.assign(new Error(`connect ${code}`), { code })
const named = (name: string, text = "") => Object.assign(new Error(text), { name })

describe("the reasons of a failed dial", () => {
  it.each([
    ["ECONNREFUSED", "refused"],
    ["ETIMEDOUT", "timeout"],
    ["EHOSTUNREACH", "unreachable"],
    ["ENETUNREACH", "unreachable"],
    ["EADDRNOTAVAIL", "unreachable"],
    ["ENOTFOUND", "unreachable"],
    ["ECONNRESET", "handshake"]
  ])(
    "are told by the system's code: %s is %s",
    (code, reason) => assert.strictEqual(dialReason(withCode(code)), reason)
  )

  it("are looked for among the causes, and in the first of several errors", () => {
    assert.strictEqual(dialReason(new Error("dial", { cause: withCode("EHOSTUNREACH") })), "unreachable")
    assert.strictEqual(dialReason(new AggregateError([withCode("ECONNREFUSED"), withCode("ETIMEDOUT")])), "refused")
  })

  it("are a failed handshake where nothing is known, whatever was thrown", () => {
    const circular = new Error("a")
    circular.cause = circular
    for (const thrown of [circular, "text", undefined, null, 7, {}]) assert.strictEqual(dialReason(thrown), "handshake")
  })
})

describe("the reasons of a failed listen", () => {
  it.each([
    [withCode("EADDRINUSE"), "in-use"],
    [withCode("EACCES"), "denied"],
    [withCode("EADDRNOTAVAIL"), "not-available"],
    [withCode("EAFNOSUPPORT"), "not-available"],
    [new Error("Address already in use (os error 98)"), "in-use"],
    [new Error("Permission denied (os error 13)"), "denied"],
    [new Error("Cannot assign requested address (os error 99)"), "not-available"],
    ["text", "not-available"]
  ])(
    "are told by the system's code, or by its text over QUIC: %s is %s",
    (error, reason) => assert.strictEqual(listenReason(error), reason)
  )
})

describe("the reasons of a refused stream", () => {
  it("are told by libp2p's names, and are none where the link may be the cause", () => {
    assert.strictEqual(openReason(named("UnsupportedProtocolError")), "unsupported")
    assert.strictEqual(openReason(named("TooManyOutboundProtocolStreamsError")), "limit")
    assert.strictEqual(openReason(named("StreamResetError")), "limit")
    assert.strictEqual(openReason(named("MuxerClosedError")), undefined)
    assert.strictEqual(openReason("text"), undefined)
  })
})
