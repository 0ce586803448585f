/** How a peer came to stand where it does, for people who ask why. Pure. */
import { Equivalence, Option } from "effect"
import {
  type Address,
  type Charge,
  type HistoryLine,
  isSameChain,
  type PeerId,
  type SessionOutcome
} from "../../signatures/index.ts"
import { type Ban, type Health, untriedPair } from "./state.ts"
import type { Verdict } from "./table.ts"

/** Of one peer. A peer has a few lines per chain, so what goes wrong is still there when much goes well. */
const maxLines = 16

const outcomeInWords = (outcome: SessionOutcome): string => {
  switch (outcome._tag) {
    case "Cancelled":
      return "opening cancelled"
    case "Ended":
      return `session ended by ${outcome.by === "local" ? "us" : "the peer"}: ${outcome.code}`
    case "Failed":
      return `session failed: ${outcome.error.reason}`
    case "NotOpened":
      switch (outcome.error._tag) {
        case "Rejected":
          return `rejected by the peer: ${outcome.error.reason}`
        case "LeaseFailed":
          return `no link: ${outcome.error.reason}`
        case "OpenFailed":
          return `opening failed: ${outcome.error.reason}`
      }
  }
}

/** What happened, in words of ours. */
export const inWords = (charge: Charge): string => {
  switch (charge._tag) {
    case "DialFailed":
      return "dial failed"
    case "Unreachable":
      return "every address failed"
    case "LinkUp":
      return "link up"
    case "LinkDown":
      return "link down"
    case "LinkLost":
      return "link lost"
    case "CutOff":
      return "we were cut off"
    case "Violation":
      return "protocol violated"
    case "BannedByPeer":
      return "banned by the peer"
    case "SessionEnded":
      return outcomeInWords(charge.outcome)
  }
}

const future = (until: number, now: number): Option.Option<number> => until > now ? Option.some(until) : Option.none()

/** `after`: as the verdict has left it. */
export const lineOf = (
  verdict: Verdict,
  after: Omit<Health, "history">,
  now: number
): HistoryLine | undefined => {
  if (verdict.told === undefined) return undefined
  const { chain, what } = verdict.told
  const line = {
    at: now,
    times: 1,
    what,
    chain: Option.fromUndefinedOr(chain),
    address: Option.fromUndefinedOr(verdict.address?.address)
  }
  if (verdict.peer === "failed") {
    return { ...line, charged: "peer", did: "failed", until: future(after.coolUntil, now) }
  }
  if (verdict.peer === "waits") {
    return { ...line, charged: "nobody", did: "waits", until: future(after.coolUntil, now) }
  }
  if (verdict.pair !== undefined) {
    const [id] = verdict.pair.chains
    const pair = (id === undefined ? undefined : after.pairs.get(id)) ?? untriedPair
    const did = verdict.pair.verdict._tag
    return did === "wait"
      ? { ...line, charged: "nobody", did: "waits", until: future(pair.coolUntil, now) }
      : { ...line, charged: "chain", did, until: future(Math.max(pair.coolUntil, pair.incompatibleUntil), now) }
  }
  if (verdict.address === undefined) return undefined
  return { ...line, charged: "address", did: verdict.address.good ? "good" : "failed", until: Option.none() }
}

const isSameAddress = Option.makeEquivalence(Equivalence.strictEqual<Address>())
const isOfSameChain = Option.makeEquivalence(isSameChain)

const isSame = (a: HistoryLine, b: HistoryLine): boolean =>
  a.what === b.what && a.did === b.did && isSameAddress(a.address, b.address) && isOfSameChain(a.chain, b.chain)

/** With one more line at the end; one that says the same moves there. What went well is forgotten first. */
export const withLine = (lines: ReadonlyArray<HistoryLine>, line: HistoryLine): ReadonlyArray<HistoryLine> => {
  // What happened lately is what happens again.
  const at = lines.findLastIndex((other) => isSame(other, line))
  const before = lines[at]
  if (before !== undefined) {
    const others = lines.toSpliced(at, 1)
    others.push({ ...line, times: before.times + line.times })
    return others
  }
  const next = [...lines, line]
  if (next.length <= maxLines) return next
  const victim = next.find(({ did }) => did === "good") ?? next[0]
  return next.filter((other) => other !== victim)
}

/** What a ban says of itself: it outlives what else is known of its peer. */
const banLine = ({ at, by, reason, times, until }: Ban): HistoryLine => ({
  at,
  times: by === "hand" ? 1 : times,
  what: by === "violation"
    ? "protocol violated"
    : reason === undefined
    ? "banned by hand"
    : `banned by hand: ${reason}`,
  chain: Option.none(),
  address: Option.none(),
  charged: "peer",
  did: "banned",
  until: Option.some(until)
})

export const unbanLine = (now: number): HistoryLine => ({
  at: now,
  times: 1,
  what: "unbanned by hand",
  chain: Option.none(),
  address: Option.none(),
  charged: "peer",
  did: "unbanned",
  until: Option.none()
})

/** Oldest first. */
export const historyOf = (
  state: {
    readonly peers: ReadonlyMap<PeerId, { readonly health: Health }>
    readonly bans: ReadonlyMap<PeerId, Ban>
  },
  peer: PeerId
): ReadonlyArray<HistoryLine> => {
  const lines = state.peers.get(peer)?.health.history ?? []
  const ban = state.bans.get(peer)
  return ban === undefined ? lines : [...lines, banLine(ban)].toSorted((a, b) => a.at - b.at)
}
