import type { CloseCode, PeerId } from "../../signatures/index.ts"
import { announce, Draft, end, idle, move, rotateAt } from "./draft.ts"
import { hello } from "./hello.ts"
import { look, rest, ring } from "./look.ts"
import { type Busy, isBusy } from "./pair.ts"
import type { Settings } from "./settings.ts"
import type { Command, Event, State } from "./state.ts"

/** The session of that name, unless the pair has moved on: then the news is late and changes nothing. */
const busy = (draft: Draft, peer: PeerId, attempt: number): Busy | undefined => {
  const pair = draft.pairOf(peer)
  return isBusy(pair) && pair.attempt === attempt ? pair : undefined
}

const opened = (draft: Draft, event: Extract<Event, { readonly _tag: "Opened" }>): void => {
  const pair = busy(draft, event.peer, event.attempt)
  if (pair?.state !== "Opening") return
  // A peer may claim addresses in many groups. Now that we know where it is, it counts there and nowhere else.
  const groups = event.group !== undefined && pair.groups.includes(event.group) ? [event.group] : pair.groups
  move(
    draft,
    event.peer,
    { ...pair, state: "Active", since: draft.now, rotateAt: rotateAt(draft), groups, spare: false },
    "accepted"
  )
  settleRace(draft, event.peer)
}

/** After `peer` has accepted: who is still being asked is asked for the rest, and nobody once nothing is missing. */
const settleRace = (draft: Draft, peer: PeerId): void => {
  const { sessionCount } = draft.settings
  const { openingCount, outbound, spareCount } = draft.pairs.slots
  let tooMany = outbound + openingCount - sessionCount
  const winner = draft.pairOf(peer)
  // It was given up in the moment in which it accepted.
  if (outbound > sessionCount && isBusy(winner)) return end(draft, peer, winner, "closed")
  if (openingCount + spareCount === 0) return
  for (const [other, pair] of draft.pairs.busy) {
    if (pair.state !== "Opening") continue
    if (outbound === sessionCount) draft.commands.push({ _tag: "Cancel", attempt: pair.attempt })
    if (pair.spare || tooMany-- <= 0) continue
    draft.put(other, { ...pair, spare: true })
  }
}

const notOpened = (draft: Draft, event: Extract<Event, { readonly _tag: "NotOpened" }>): void => {
  const pair = busy(draft, event.peer, event.attempt)
  if (pair?.state !== "Opening") return
  const { outcome, peer } = event
  announce(draft, { _tag: "SessionEnded", at: draft.now, peer, direction: "outbound", outcome })
  const next = idle(draft, event.standing)
  const isRejected = outcome._tag === "NotOpened" && outcome.error._tag === "Rejected"
  move(draft, peer, next, next.state === "Candidate" ? "withdrawn" : isRejected ? "rejected" : "failed")
  if (next.state === "Candidate") draft.state.anyEligible = true
}

const ended = (draft: Draft, event: Extract<Event, { readonly _tag: "Ended" }>): void => {
  const pair = busy(draft, event.peer, event.attempt)
  if (pair?.state === "Active") {
    move(draft, event.peer, { ...pair, state: "Closing", rotateAt: Infinity }, "ended")
  }
}

/** The one place at which a slot that held a session is given back. */
const released = (draft: Draft, event: Extract<Event, { readonly _tag: "Released" }>): void => {
  ended(draft, { ...event, _tag: "Ended" })
  const pair = busy(draft, event.peer, event.attempt)
  if (pair?.state !== "Closing") return
  const { outcome, peer } = event
  announce(draft, { _tag: "SessionEnded", at: draft.now, peer, direction: pair.direction, outcome })
  const next = idle(draft, event.standing)
  move(draft, peer, next, "released")
  if (next.state === "Candidate") draft.state.anyEligible = true
}

const stop = (draft: Draft, code: CloseCode): void => {
  Object.assign(draft.state, { mode: "stopping", wakeAt: Infinity, lacksLink: false, anyEligible: false })
  for (const [peer, pair] of draft.pairs.busy) {
    if (pair.state === "Opening") draft.commands.push({ _tag: "Cancel", attempt: pair.attempt })
    if (pair.state === "Active") end(draft, peer, pair, code)
    // It may still be running after a remote end: there is no more time for that.
    if (pair.state === "Closing") draft.commands.push({ _tag: "End", attempt: pair.attempt, code })
  }
}

/** Says so when the target is reached or lost. A node that stops has none. */
const judgeTarget = (draft: Draft): void => {
  const { anyEligible, atTarget: was, mode } = draft.state
  const { slots } = draft.pairs
  const atTarget = mode === "running" &&
    (slots.outbound >= draft.settings.sessionCount ||
      (slots.openingCount + slots.spareCount === 0 && !anyEligible))
  if (atTarget === was) return
  draft.state.atTarget = atTarget
  if (mode === "running") announce(draft, { _tag: atTarget ? "TargetReached" : "BelowTarget", at: draft.now })
}

const take = (draft: Draft, event: Event): void => {
  switch (event._tag) {
    case "Looked":
      return look(draft, event)
    case "Rang":
      return ring(draft, event)
    case "Opened":
      return opened(draft, event)
    case "NotOpened":
      return notOpened(draft, event)
    case "Hello":
      return hello(draft, event)
    case "Ended":
      return ended(draft, event)
    case "Released":
      return released(draft, event)
    case "Stop":
      return stop(draft, event.code)
  }
}

/**
 * All that a node decides: what happened, and what is to be done about it. Pure but for `random`, of which it draws a number
 * for each thing that is left to chance. `now` in monotonic milliseconds, never less than before.
 */
export const step = (
  settings: Settings,
  state: State,
  event: Event,
  now: number,
  random: () => number
): readonly [State, ReadonlyArray<Command>] => {
  const draft = new Draft(settings, state, now, random)
  take(draft, event)
  rest(draft, event)
  judgeTarget(draft)
  return [draft.done(), draft.commands]
}
