import { type Draft, end } from "./draft.ts"
import { fill } from "./fill.ts"
import { mirror, mirrorOne } from "./mirror.ts"
import type { Pair } from "./pair.ts"
import type { Settings } from "./settings.ts"
import type { Event, Looked, State } from "./state.ts"

/** And does not only pause. */
const isWaiting = (pair: Pair): boolean => pair.state !== "Candidate"

/** When time alone makes something possible: a rotation, the end of a wait, and while below target of a pause. */
const nextInstant = ({ now, pairs, settings, state }: Draft): number => {
  const { idle, rotatesAt, slots } = pairs
  const isBelow = slots.outbound + slots.openingCount < settings.sessionCount
  // A suspicion lapses without a word. Whatever happens meanwhile doesn't put that off.
  let next = isBelow && state.suspecting
    ? Math.min(state.wakeAt > now ? state.wakeAt : Infinity, now + 1_000)
    : Infinity
  if (rotatesAt > now && rotatesAt < next) next = rotatesAt
  for (const pair of idle.values()) {
    if ((isBelow || isWaiting(pair)) && pair.until > now && pair.until < next) next = pair.until
  }
  return next
}

/** The longer pauses were for the suspicion only. */
const forgetSuspicion = (draft: Draft): void => {
  const { now, random } = draft
  for (const [peer, pair] of draft.pairs.idle) {
    if (pair.state === "Candidate" && pair.until > now + 1_000) {
      draft.put(peer, { state: "Candidate", until: now + 1_000 * random() })
    }
  }
}

const rotate = (draft: Draft): void => {
  if (draft.pairs.rotatesAt > draft.now) return
  for (const [peer, pair] of draft.pairs.busy) {
    if (pair.rotateAt <= draft.now) end(draft, peer, pair, "rotated")
  }
}

/** A fresh look at the book and the links: what is over is over, what is due is rotated, what is missing is opened. */
export const look = (draft: Draft, event: Looked): void => {
  if (draft.state.suspecting && !event.suspectsItself) forgetSuspicion(draft)
  draft.state.suspecting = event.suspectsItself
  mirror(draft, event.candidates)
  if (draft.state.mode === "stopping") return
  rotate(draft)
  fill(draft, event)
}

/** Time has passed, and nothing is known to have changed: what is over is over, and what is due is rotated. */
export const ring = (draft: Draft, { standing }: Extract<Event, { readonly _tag: "Rang" }>): void => {
  if (draft.state.mode === "stopping") return
  for (const [peer, pair] of draft.pairs.idle) {
    if (!isWaiting(pair) || pair.until > draft.now) continue
    mirrorOne(draft, peer, standing(peer))
    if (draft.pairOf(peer)?.state === "Candidate") draft.state.anyEligible = true
  }
  rotate(draft)
}

/** Whether anybody is a Candidate. */
const hasCandidate = ({ busy, idle, met }: Draft["pairs"]): boolean => {
  let others = met.size - busy.size
  for (const pair of idle.values()) if (isWaiting(pair)) others--
  return others > 0
}

/** After each step of a node that runs: what follows from the pairs alone. */
export const rest = (draft: Draft, event: Event): void => {
  const { now, pairs, settings, state } = draft
  if (state.mode === "stopping") return
  // What is due already still has to be done.
  if (state.wakeAt > now || event._tag === "Looked" || event._tag === "Rang") state.wakeAt = nextInstant(draft)
  if (pairs.slots.outbound >= settings.sessionCount) state.anyEligible = hasCandidate(pairs)
}

/**
 * Whether a look might open somebody. Who has its sessions, or has asked for them, would look in vain, but for peers that are
 * only remembered: they are asked beside others that were asked already.
 */
export const isMissing = ({ sessionCount }: Settings, { mode, pairs: { slots }, remembers }: State): boolean =>
  mode === "running" && slots.outbound + (remembers ? 0 : slots.openingCount) < sessionCount
