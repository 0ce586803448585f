/** How a verdict changes what we think of a peer. Pure; the draw is kept with the deed, so that it can be replayed exactly. */
import type { Address } from "../../signatures/index.ts"
import { lineOf, withLine } from "./history.ts"
import { type Health, never, type PairHealth, untriedAddress, untriedPair } from "./state.ts"
import {
  backOffMillis,
  incompatibleMillis,
  type PairVerdict,
  provenAfterMillis,
  second,
  turnedAwayMillis,
  type Verdict
} from "./table.ts"

const pairAfter = (pair: PairHealth, verdict: PairVerdict, now: number, draw: number): PairHealth => {
  const failures = "lastedMillis" in verdict && verdict.lastedMillis >= provenAfterMillis ? 0 : pair.failures
  switch (verdict._tag) {
    case "good":
      return { ...pair, failures, coolUntil: now + draw * second }
    case "failed":
      return { ...pair, failures: failures + 1, coolUntil: now + backOffMillis(failures + 1, draw) }
    case "wait":
      return { ...pair, failures, coolUntil: Math.max(pair.coolUntil, now + verdict.millis) }
    case "incompatible":
      return { ...pair, incompatibleUntil: now + incompatibleMillis }
    case "compatible":
      return { ...pair, incompatibleUntil: never }
  }
}

const isTold = (pair: PairHealth, now: number): boolean =>
  pair.failures > 0 || pair.coolUntil > now || pair.incompatibleUntil > now

/** Only addresses that the book holds are charged: `known`. */
export const healthAfter = (
  health: Health,
  verdict: Verdict,
  known: (address: Address) => boolean,
  now: number,
  draw: number
): Health => {
  let { addresses, coolUntil, failures, firstSuccess, lastSuccess, pairs } = health
  if (verdict.address !== undefined && known(verdict.address.address)) {
    const { address, good } = verdict.address
    const before = addresses.get(address) ?? untriedAddress
    addresses = new Map(addresses).set(
      address,
      good ? { failures: 0, lastSuccess: now } : { ...before, failures: before.failures + 1 }
    )
  }
  if (verdict.peer === "good") {
    failures = 0
    coolUntil = never
    firstSuccess ??= now
    lastSuccess = now
  } else if (verdict.peer === "failed") {
    failures += 1
    coolUntil = now + backOffMillis(failures, draw)
  } else if (verdict.peer === "waits") {
    coolUntil = Math.max(coolUntil, now + turnedAwayMillis)
  }
  if (verdict.pair !== undefined) {
    // What says nothing any more is dropped on the way: chains come and go.
    const next = new Map<string, PairHealth>()
    for (const [chain, pair] of pairs) if (isTold(pair, now)) next.set(chain, pair)
    for (const chain of verdict.pair.chains) {
      const pair = pairAfter(pairs.get(chain) ?? untriedPair, verdict.pair.verdict, now, draw)
      if (isTold(pair, now)) next.set(chain, pair)
      else next.delete(chain)
    }
    pairs = next
  }
  const after = { failures, coolUntil, firstSuccess, lastSuccess, addresses, pairs, remembered: undefined }
  const line = lineOf(verdict, after, now)
  return { ...after, history: line === undefined ? health.history : withLine(health.history, line) }
}
