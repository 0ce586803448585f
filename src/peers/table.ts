/** The table of charges: whom a charge is put to. The one place where it is written down as code; README.md explains it. */
import { Duration } from "effect"
import { type Address, type Chain, chainId, type Charge, type SessionOutcome } from "../../signatures/index.ts"
import { inWords } from "./history.ts"

export type PairVerdict =
  /** Cools for at most a second. */
  | { readonly _tag: "good"; readonly lastedMillis: number }
  | { readonly _tag: "failed"; readonly lastedMillis: number }
  /** Nobody's fault: to be asked again after so long. */
  | { readonly _tag: "wait"; readonly millis: number; readonly lastedMillis: number }
  | { readonly _tag: "incompatible" }
  /** It says that it serves these chains: what it said before doesn't count. */
  | { readonly _tag: "compatible" }

export interface Verdict {
  readonly address?: { readonly address: Address; readonly good: boolean }
  /** `waits`: on all chains, and nobody is charged. */
  readonly peer?: "good" | "failed" | "banned" | "waits"
  readonly pair?: { readonly chains: ReadonlyArray<string>; readonly verdict: PairVerdict }
  /** For the peer's history. */
  readonly told?: { readonly what: string; readonly chain?: Chain }
  /** What it says about our own end: `works` ends a suspicion of ourselves, `broken` feeds one. */
  readonly ourEnd?: "works" | "broken"
}

export const second = 1_000
const minute = 60 * second

/** A session that lasted so long has made good what went wrong before it. */
export const provenAfterMillis = 30 * second
export const incompatibleMillis = 10 * minute
/** What a peer asks for that has banned us, without saying how long. */
export const turnedAwayMillis = 10 * minute
/** What a peer that is going away asks for. */
const leavingMillis = 30 * second
const maxRetryAfterMillis = 10 * minute
/** Floor of what a peer may ask for, and pause after a limit of ours: so that nobody makes us spin. */
const pauseMillis = 1_000
const banMillis = 30 * minute
const maxBanMillis = 24 * 60 * minute

/** 5 s · 2^min(n − 1, 5), ±20 %. `draw` in [0, 1). */
export const backOffMillis = (failures: number, draw: number): number =>
  5 * second * 2 ** Math.min(failures - 1, 5) * (0.8 + 0.4 * draw)

/** 30 minutes, doubling to a day. */
export const banMillisOf = (times: number): number => Math.min(banMillis * 2 ** (times - 1), maxBanMillis)

/** A ban by hand is the longest that may be meant: what lasts for ever nobody can explain later. */
const maxHandBanMillis = 365 * maxBanMillis

/** How long a ban may last at most. */
export const longestBanMillis = (by: "violation" | "hand"): number => by === "hand" ? maxHandBanMillis : maxBanMillis

/** How long an expired ban still makes the next one longer. */
export const banMemoryMillis = maxBanMillis

const nothing: Verdict = {}

/** What else must be known when something happens. */
export interface Circumstances {
  /** The peer is banned now. */
  readonly banned: boolean
  /** Our own end was cut off a short while ago: what took too long began before that. */
  readonly wasCutOff: boolean
}

export const verdictOf = (charge: Charge, circumstances: Circumstances): Verdict => ({
  ...chargedTo(charge, circumstances),
  told: { what: inWords(charge), ...("chain" in charge ? { chain: charge.chain } : {}) }
})

const chargedTo = (charge: Charge, circumstances: Circumstances): Verdict => {
  switch (charge._tag) {
    case "DialFailed":
      return { address: { address: charge.address, good: false }, ourEnd: "broken" }
    case "Unreachable":
      return { peer: "failed" }
    case "LinkUp":
      // The port of an inbound link is ephemeral, and whoever it is may come from inside our own network.
      return charge.direction === "inbound"
        ? nothing
        : { address: { address: charge.address, good: true }, ourEnd: "works" }
    case "LinkDown":
    case "CutOff":
      return nothing
    case "LinkLost":
      return { address: { address: charge.address, good: false }, peer: "failed", ourEnd: "broken" }
    case "Violation":
      return { peer: "banned" }
    case "BannedByPeer":
      return { peer: "waits", ourEnd: "works" }
    case "SessionEnded":
      return sessionVerdict(charge.chain, charge.outcome, circumstances)
  }
}

const sessionVerdict = (chain: Chain, outcome: SessionOutcome, circumstances: Circumstances): Verdict => {
  const { banned, wasCutOff } = circumstances
  const pair = (verdict: PairVerdict) => ({ pair: { chains: [chainId(chain)], verdict } })
  switch (outcome._tag) {
    case "Cancelled":
      return nothing
    case "Ended": {
      const lastedMillis = Duration.toMillis(outcome.lasted)
      return outcome.by === "remote" && (outcome.code === "draining" || outcome.code === "shutdown")
        ? { ...pair({ _tag: "wait", millis: leavingMillis, lastedMillis }), ourEnd: "works" }
        : { peer: "good", ...pair({ _tag: "good", lastedMillis }), ourEnd: "works" }
    }
    case "Failed": {
      const lastedMillis = Duration.toMillis(outcome.lasted)
      const failed = pair({ _tag: "failed", lastedMillis })
      switch (outcome.error.reason) {
        // The pool charges the link, once for all its chains.
        case "link-lost":
        case "superseded":
          return nothing
        // If it was theirs, the peer is banned and that is the charge; if not, it may have been ours.
        case "protocol-violation":
          return banned ? nothing : failed
        case "remote-session-failed":
        case "local-session-failed":
          return failed
        // They may have waited for us to read or to answer, when we couldn't hear them.
        case "timeout":
        case "stream-lost":
          if (wasCutOff) return pair({ _tag: "wait", millis: pauseMillis, lastedMillis })
          return outcome.error.reason === "timeout" ? failed : { ...failed, ourEnd: "broken" }
      }
      break
    }
    case "NotOpened":
      return openingVerdict(pair, outcome.error, circumstances)
  }
}

const openingVerdict = (
  pair: (verdict: PairVerdict) => Verdict,
  error: Extract<SessionOutcome, { readonly _tag: "NotOpened" }>["error"],
  { banned, wasCutOff }: Circumstances
): Verdict => {
  const failed = pair({ _tag: "failed", lastedMillis: 0 })
  const wait = (millis: number) => pair({ _tag: "wait", millis, lastedMillis: 0 })
  switch (error._tag) {
    case "Rejected":
      switch (error.reason) {
        case "full":
        case "draining":
        case "rate-limited":
        case "banned": {
          const millis = Math.min(Math.max(error.retryAfterMillis, pauseMillis), maxRetryAfterMillis)
          return { ...wait(millis), ourEnd: "works" }
        }
        case "unknown-chain":
        case "incompatible":
          return { ...pair({ _tag: "incompatible" }), ourEnd: "works" }
        case "duplicate":
          return { ourEnd: "works" }
      }
      break
    case "LeaseFailed":
      switch (error.reason) {
        // The pool charges the peer; a ban speaks for itself.
        case "unreachable":
        case "banned":
        case "closing":
          return nothing
        case "no-address":
        case "limit":
          return wait(pauseMillis)
      }
      break
    case "OpenFailed":
      switch (error.reason) {
        case "link-lost":
        case "superseded":
          return nothing
        case "cut-off":
          return wait(pauseMillis)
        case "protocol-violation":
          return banned ? nothing : failed
        case "timeout":
        case "stream-lost":
          return wasCutOff ? wait(pauseMillis) : { ...failed, ourEnd: "broken" }
      }
  }
}

/** Whether a suspicion of ourselves suspends and rolls it back: what is to somebody's disadvantage, a ban excepted. */
export const isFailure = (verdict: Verdict): boolean =>
  verdict.peer === "failed" || verdict.address?.good === false || verdict.pair?.verdict._tag === "failed"
