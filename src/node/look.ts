import type { PeerId, Standing } from "../../signatures/index.ts"
import { type Draft, end } from "./draft.ts"
import { fill } from "./fill.ts"
import { mirror, mirrorOne } from "./mirror.ts"
import type { Pair } from "./pair.ts"
import type { Pairs } from "./pairs.ts"
import type { Settings } from "./settings.ts"
import type { Slots } from "./slots.ts"
import type { Event, Looked, State } from "./state.ts"

/** And does not only pause. */
const isWaiting = (pair: Pair): boolean => pair.state !== "Candidate"

/**
 * Whether a look might open somebody. Who has its sessions, or has asked for them, would look in vain, but for peers that are
 * only remembered: they are asked beside others that were asked already.
 */
const mightOpen = (sessionCount: number, { openingCount, outbound }: Slots, remembers: boolean): boolean =>
  outbound + (remembers ? 0 : openingCount) < sessionCount

export const isMissing = ({ sessionCount }: Settings, { mode, pairs: { slots }, remembers }: State): boolean =>
  mode === "running" && mightOpen(sessionCount, slots, remembers)

/** When time alone makes something possible: a rotation; if somebody might be opened, the end of a wait; below target, of a pause. */
const nextInstant = ({ now, pairs: { idle, rotatesAt, slots }, settings: { sessionCount }, state }: Draft): number => {
  const isBelow = slots.outbound + slots.openingCount < sessionCount
  // A suspicion lapses without a word. Whatever happens meanwhile doesn't put that off.
  let next = isBelow && state.suspecting
    ? Math.min(state.wakeAt > now ? state.wakeAt : Infinity, now + 1_000)
    : Infinity
  if (rotatesAt > now && rotatesAt < next) next = rotatesAt
  if (!mightOpen(sessionCount, slots, state.remembers)) return next
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

/** What the book says of those whose wait is over, perhaps since long: who could open nobody wasn't woken for it. */
const lapse = (draft: Draft, standing: (peer: PeerId) => Standing): void => {
  for (const [peer, pair] of draft.pairs.idle) {
    if (!isWaiting(pair) || pair.until > draft.now) continue
    mirrorOne(draft, peer, standing(peer))
    if (draft.pairOf(peer)?.state === "Candidate") draft.state.anyEligible = true
  }
}

/** A fresh look at the book and the links: what is over is over, what is due is rotated, what is missing is opened. */
export const look = (draft: Draft, event: Looked): void => {
  const { state } = draft
  if (state.suspecting && !event.suspectsItself) forgetSuspicion(draft)
  // A suspicion changes who waits without a word.
  const mayDiffer = event.isNews || event.suspectsItself || state.suspecting
  state.suspecting = event.suspectsItself
  if (mayDiffer) mirror(draft, event.candidates)
  else lapse(draft, event.standing)
  if (state.mode === "stopping") return
  rotate(draft)
  fill(draft, event)
}

/** Time has passed, and nothing is known to have changed: what is over is over, and what is due is rotated. */
export const ring = (draft: Draft, { standing }: Extract<Event, { readonly _tag: "Rang" }>): void => {
  if (draft.state.mode === "stopping") return
  lapse(draft, standing)
  rotate(draft)
}

/** Whether anybody is a Candidate, or would be if we had looked. */
const hasCandidate = ({ busy, idle, met }: Pairs, now: number): boolean => {
  let others = met.size - busy.size
  for (const pair of idle.values()) if (isWaiting(pair) && pair.until > now) others--
  return others > 0
}

/** After each step of a node that runs: what follows from the pairs alone. */
export const rest = (draft: Draft, event: Event): void => {
  const { now, pairs, settings, state } = draft
  if (state.mode === "stopping") return
  // What is due already still has to be done.
  if (state.wakeAt > now || event._tag === "Looked" || event._tag === "Rang") state.wakeAt = nextInstant(draft)
  if (pairs.slots.outbound >= settings.sessionCount) state.anyEligible = hasCandidate(pairs, now)
}
