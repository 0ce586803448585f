import { Option } from "effect"
import {
  type Address,
  addressFacts,
  type CandidateFacts,
  type LinkView,
  type SelectionCandidate
} from "../../signatures/index.ts"
import { about, type Draft, end, move } from "./draft.ts"
import { mirror } from "./mirror.ts"
import { isGroupFull, safePicks } from "./picks.ts"
import { countSlots, type Event, isBusy, outboundByGroup } from "./state.ts"

type Looked = Extract<Event, { readonly _tag: "Looked" }>

export const groupOf = (address: Address): string | undefined => Option.getOrUndefined(addressFacts(address).group)

const groupsOf = (facts: CandidateFacts, link: LinkView | undefined): ReadonlyArray<string> => {
  const addresses = link === undefined ? facts.addresses : [link.remote]
  return [...new Set(addresses.map(groupOf).filter((group) => group !== undefined))]
}

/** The Candidates that could be reached, those that pause included. */
const reachable = (draft: Draft, event: Looked): ReadonlyArray<SelectionCandidate> => {
  const found: Array<SelectionCandidate> = []
  const links = event.links()
  for (const facts of event.candidates) {
    if (draft.pairs.get(facts.peer)?.state !== "Candidate") continue
    const link = links.get(facts.peer)
    if (link === undefined && facts.addresses.length === 0) draft.state = { ...draft.state, lacksLink: true }
    else {
      found.push({
        ...facts,
        isKnown: draft.settings.known.has(facts.peer),
        link: Option.fromUndefinedOr(link),
        groups: groupsOf(facts, link)
      })
    }
  }
  return found
}

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
  const { openingCount, spareCount } = countSlots(draft.pairs)
  const mayProbe = openingCount + spareCount === 0 && draft.state.probeAt <= draft.now
  return { mayOpen: () => true, most: mayProbe ? 1 : 0 }
}

const ordinarily = { mayOpen: () => true, most: Infinity }

/** Asks the policy for up to `n` of these, and opens sessions with them. Gives how many. */
const openSome = (
  draft: Draft,
  candidates: ReadonlyArray<SelectionCandidate>,
  n: number,
  spare: boolean
): number => {
  const { now, pairs, settings } = draft
  const { groupLimit, policy, sessionCount, sessionTimeout } = settings
  const outbound = outboundByGroup(pairs)
  const view = {
    now,
    sessionCount,
    groupLimit,
    sessionTimeout,
    candidates: candidates.filter((candidate) => !isGroupFull(candidate, outbound, groupLimit)),
    outboundByGroup: outbound
  }
  const wanted = Math.min(n, settings.maxTotal - countSlots(pairs).total)
  const picks = safePicks(policy, view, wanted, draft.random)
  if (picks.thrown !== undefined) draft.commands.push({ _tag: "Complain", cause: picks.thrown.cause })
  let { attempts } = draft.state
  for (const { groups, peer } of picks.candidates) {
    const attempt = attempts++
    const opening = {
      attempt,
      direction: "outbound",
      since: now,
      rotateAt: Infinity,
      groups,
      newcomer: false,
      spare
    } as const
    move(draft, peer, { state: "Opening", ...opening }, "picked")
    draft.commands.push({ _tag: "Open", peer, attempt })
  }
  draft.state = { ...draft.state, attempts }
  return picks.candidates.length
}

const isRemembered = ({ remembered }: CandidateFacts): boolean => remembered !== undefined

/**
 * Opens sessions with as many of the peers that may be opened as are missing. Peers of which we know from an earlier process
 * alone may be long gone: they are asked beside the others, and nobody waits for their answer.
 */
const fill = (draft: Draft, event: Looked): void => {
  const { now, pairs, settings } = draft
  const { openingCount, outbound, spareCount } = countSlots(pairs)
  draft.state = { ...draft.state, lacksLink: false }
  if (outbound >= settings.sessionCount) {
    const anyEligible = [...pairs.values()].some((pair) => pair.state === "Candidate")
    draft.state = { ...draft.state, anyEligible }
    return
  }

  const { mayOpen, most } = event.suspectsItself ? whileSuspecting(draft, event) : ordinarily
  const candidates = reachable(draft, event)
  const due = candidates.filter((candidate) => {
    const pair = pairs.get(candidate.peer)
    return pair?.state === "Candidate" && pair.until <= now && mayOpen(candidate)
  })
  const missing = Math.min(settings.sessionCount - outbound - openingCount, most)
  const remembered = event.suspectsItself ? [] : due.filter(isRemembered)
  const others = remembered.length === 0 ? due : due.filter((candidate) => !isRemembered(candidate))
  const opened = openSome(draft, others, missing, false)
  // What no other is asked for, they are asked for too.
  const spare = settings.sessionCount + missing - opened - spareCount
  if (remembered.length > 0) openSome(draft, remembered, spare, true)

  const after = outboundByGroup(pairs)
  draft.state = {
    ...draft.state,
    probeAt: event.suspectsItself && opened > 0 ? now + about(5_000, draft.random) : draft.state.probeAt,
    anyEligible: candidates.some((candidate) =>
      pairs.get(candidate.peer)?.state === "Candidate" && !isGroupFull(candidate, after, settings.groupLimit)
    )
  }
}

/** When time alone makes something possible: a rotation, the end of a wait, and while below target of a pause. */
const nextInstant = ({ now, pairs, settings, state }: Draft): number => {
  const slots = countSlots(pairs)
  const isBelow = slots.outbound + slots.openingCount < settings.sessionCount
  // A suspicion lapses without a word.
  let next = isBelow && state.suspecting ? now + 1_000 : Infinity
  for (const pair of pairs.values()) {
    const at = isBusy(pair) ? pair.rotateAt : pair.state === "Candidate" && !isBelow ? Infinity : pair.until
    if (at > now && at < next) next = at
  }
  return next
}

/** The longer pauses were for the suspicion only. */
const forgetSuspicion = ({ now, pairs, random }: Draft): void => {
  for (const [peer, pair] of pairs) {
    if (pair.state === "Candidate" && pair.until > now + 1_000) {
      pairs.set(peer, { state: "Candidate", until: now + 1_000 * random() })
    }
  }
}

/** A fresh look at the book and the links: what is over is over, what is due is rotated, what is missing is opened. */
export const look = (draft: Draft, event: Looked): void => {
  if (draft.state.suspecting && !event.suspectsItself) forgetSuspicion(draft)
  draft.state = { ...draft.state, suspecting: event.suspectsItself }
  mirror(draft, event.candidates)
  if (draft.state.mode === "stopping") return
  for (const [peer, pair] of draft.pairs) {
    if (isBusy(pair) && pair.rotateAt <= draft.now) end(draft, peer, pair, "rotated")
  }
  fill(draft, event)
  draft.state = { ...draft.state, wakeAt: nextInstant(draft) }
}
