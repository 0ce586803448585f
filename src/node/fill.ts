import type { CandidateFacts, SelectionCandidate } from "../../signatures/index.ts"
import { about, type Draft, move } from "./draft.ts"
import { isGroupFull, safePicks } from "./picks.ts"
import { outboundByGroup } from "./slots.ts"
import type { Looked } from "./state.ts"

const isSticky = (facts: CandidateFacts): boolean => facts.sticky.size > 0

/**
 * What may be tried when nearly everything failed at once, so that it is probably us: the sticky peers; where there are none,
 * one probe at a time, some seconds apart.
 */
const whileSuspecting = (draft: Draft, event: Looked) => {
  const hasSticky = event.candidates.some((facts) =>
    isSticky(facts) && facts.standing._tag !== "Banned" && facts.standing._tag !== "Incompatible"
  )
  if (hasSticky) return { mayOpen: isSticky, most: Infinity }
  const { openingCount, spareCount } = draft.pairs.slots
  const mayProbe = openingCount + spareCount === 0 && draft.state.probeAt <= draft.now
  return { mayOpen: () => true, most: mayProbe ? 1 : 0 }
}

const ordinarily = { mayOpen: () => true, most: Infinity }

const isRemembered = ({ remembered }: CandidateFacts): boolean => remembered !== undefined

/** The Candidates that could be reached. */
interface Reachable {
  /** Those that may be opened now. */
  readonly due: ReadonlyArray<SelectionCandidate>
  readonly others: ReadonlyArray<SelectionCandidate>
}

const reachable = (draft: Draft, event: Looked, mayOpen: (facts: CandidateFacts) => boolean): Reachable => {
  const { now, pairs: { busy, idle }, settings: { known, private: isPrivate } } = draft
  const links = event.links()
  const due: Array<SelectionCandidate> = []
  const others: Array<SelectionCandidate> = []
  for (const facts of event.candidates) {
    const { peer } = facts
    const isKnown = known.size > 0 && known.has(peer)
    if ((isPrivate && !isKnown) || busy.has(peer)) continue
    const waits = idle.size === 0 ? undefined : idle.get(peer)
    if (waits !== undefined && waits.state !== "Candidate") continue
    const link = links.get(peer)
    if (link === undefined && facts.addresses.length === 0) {
      draft.state.lacksLink = true
      continue
    }
    const isDue = (waits === undefined || waits.until <= now) && mayOpen(facts)
    const list = isDue ? due : others
    list.push(event.view(facts, link, isKnown))
  }
  return { due, others }
}

interface Opened {
  readonly count: number
  /** Outbound sessions by group, with those. */
  readonly byGroup: ReadonlyMap<string, number>
}

/** Asks the policy for up to `n` of these, and opens sessions with them. */
const openSome = (
  draft: Draft,
  candidates: ReadonlyArray<SelectionCandidate>,
  byGroup: ReadonlyMap<string, number>,
  n: number,
  spare: boolean
): Opened => {
  const { now, settings: { groupLimit, maxTotal, policy, sessionCount, sessionTimeout }, state } = draft
  const view = {
    now,
    sessionCount,
    groupLimit,
    sessionTimeout,
    candidates: byGroup.size === 0
      ? candidates
      : candidates.filter((candidate) => !isGroupFull(candidate, byGroup, groupLimit)),
    outboundByGroup: byGroup
  }
  const picks = safePicks(policy, view, Math.min(n, maxTotal - draft.pairs.slots.total), draft.random)
  if (picks.thrown !== undefined) draft.commands.push({ _tag: "Complain", cause: picks.thrown.cause })
  for (const { groups, peer } of picks.candidates) {
    const attempt = state.attempts++
    const opening = { attempt, direction: "outbound", since: now, rotateAt: Infinity, groups } as const
    move(draft, peer, { state: "Opening", ...opening, newcomer: false, spare }, "picked")
    draft.commands.push({ _tag: "Open", peer, attempt })
  }
  return { count: picks.candidates.length, byGroup: picks.byGroup }
}

/**
 * Opens sessions with as many of the peers that may be opened as are missing. Peers of which we know from an earlier process
 * alone may be long gone: they are asked beside the others, and nobody waits for their answer.
 */
export const fill = (draft: Draft, event: Looked): void => {
  const { now, settings, state } = draft
  const { openingCount, outbound, spareCount } = draft.pairs.slots
  const { suspectsItself } = event
  state.lacksLink = false
  state.remembers = event.candidates.some(isRemembered)
  if (outbound >= settings.sessionCount) return

  const { mayOpen, most } = suspectsItself ? whileSuspecting(draft, event) : ordinarily
  const { due, others } = reachable(draft, event, mayOpen)
  const missing = Math.min(settings.sessionCount - outbound - openingCount, most)
  const remembered = suspectsItself || !state.remembers ? [] : due.filter(isRemembered)
  const heardOf = remembered.length === 0 ? due : due.filter((candidate) => !isRemembered(candidate))
  let opened = openSome(draft, heardOf, outboundByGroup(draft.pairs.busy), missing, false)
  if (suspectsItself && opened.count > 0) state.probeAt = now + about(5_000, draft.random)
  if (remembered.length > 0) {
    // What no other is asked for, they are asked too.
    const spare = settings.sessionCount + missing - opened.count - spareCount
    opened = openSome(draft, remembered, opened.byGroup, spare, true)
  }
  const { busy } = draft.pairs
  const isEligible = (candidate: SelectionCandidate): boolean =>
    !busy.has(candidate.peer) && !isGroupFull(candidate, opened.byGroup, settings.groupLimit)
  state.anyEligible = due.some(isEligible) || others.some(isEligible)
}
