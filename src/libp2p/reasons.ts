/**
 * What foreign errors mean, as the closed reasons of our own. Pure. libp2p and QUIC tell many of them apart in their text
 * only, so every text that is relied on stands here, and real sockets are asked for each of them in the tests.
 */
import type { DialFailed, ListenFailed, StreamRefused } from "../../signatures/index.ts"

/** An error and all that caused it, the outermost first; never more than 8 deep, as foreign chains may be circular. */
const chain = (
  error: unknown
): ReadonlyArray<{ readonly name: string; readonly code: string; readonly text: string }> => {
  const found = []
  let next = error
  for (let depth = 0; depth < 8 && next instanceof Error; depth++) {
    const code = "code" in next ? String(next.code) : ""
    found.push({ name: next.name, code, text: next.message })
    next = next instanceof AggregateError ? next.errors[0] : next.cause
  }
  return found
}

const dialCodes: Record<string, DialFailed["reason"]> = {
  ECONNREFUSED: "refused",
  EACCES: "refused",
  EPERM: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EAFNOSUPPORT: "unreachable",
  EINVAL: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ENODATA: "unreachable"
}

const dialTexts: ReadonlyArray<readonly [RegExp, DialFailed["reason"]]> = [
  [/does not match expected remote identity key/, "wrong-peer"],
  [/^Dialed peer \S+ but connected to/, "wrong-peer"],
  [/Can not dial self/, "wrong-peer"],
  [/timed out/, "timeout"],
  [/^invalid remote address|No QUIC client available|unreachable \(os error/i, "unreachable"]
]

/** Whoever answered, but not as a libp2p peer does, failed the handshake: that is also what is left. */
export const dialReason = (error: unknown): DialFailed["reason"] => {
  for (const { code, name, text } of chain(error)) {
    const byCode = dialCodes[code]
    if (byCode !== undefined) return byCode
    const byText = dialTexts.find(([pattern]) => pattern.test(text))
    if (byText !== undefined) return byText[1]
    if (name === "TimeoutError") return "timeout"
  }
  return "handshake"
}

/** QUIC's sockets are native: their errors have no code, only the system's text. */
export const listenReason = (error: unknown): ListenFailed["reason"] => {
  for (const { code, text } of chain(error)) {
    if (code === "EADDRINUSE" || /address already in use|only one usage of each socket/i.test(text)) return "in-use"
    if (code === "EACCES" || code === "EPERM" || /permission denied|not permitted/i.test(text)) return "denied"
  }
  return "not-available"
}

const openNames: Record<string, StreamRefused["reason"]> = {
  UnsupportedProtocolError: "unsupported",
  TooManyOutboundProtocolStreamsError: "limit",
  // Who has no room for another stream resets it.
  StreamResetError: "limit",
  TimeoutError: "timeout",
  AbortError: "timeout"
}

/** Undefined: the error doesn't say whether it is the stream's or the link's. */
export const openReason = (error: unknown): StreamRefused["reason"] | undefined =>
  chain(error).map(({ name }) => openNames[name]).find((reason) => reason !== undefined)
