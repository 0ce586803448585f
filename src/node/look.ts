import { Option } from "effect"
import {
  type Address,
  addressFacts,
  type CandidateFacts,
  type LinkView,
  type PeerId,
  type SelectionCandidate
} from "../../signatures/index.ts"
import { about, type Draft, end, move } from "./draft.ts"
import { mirror, mirrorOne } from "./mirror.ts"
import { isGroupFull, safePicks } from "./picks.ts"
import type { Settings } from "./settings.ts"
import { type Event, isBusy, outboundByGroup, type State } from "./state.ts"
import { slotsOf } from "./stats.ts"

type Looked = Extract<Event, { readonly _tag: "Looked" }>

export const groupOf = (address: Address): string | undefined => Option.getOrUndefined(addressFacts(address).group)

/** Of lists of addresses, and of links, as both stay the same from look to look. */
const groups = new WeakMap<CandidateFacts["addresses"] | LinkView, ReadonlyArray<string>>()

const groupsOf = ({ addresses }: CandidateFacts, link: LinkView | undefined): ReadonlyArray<string> => {
  const cached = groups.get(link ?? addresses)
  if (cached !== undefined) return cached
  const all = link === undefined ? addresses : [link.remote]
  const made = [...new Set(all.map(groupOf).filter((group) => group !== undefined))]
  groups.set(link ?? addresses, made)
  return made
}

interface Reachable {
  readonly facts: CandidateFacts
  readonly link: LinkView | undefined
  readonly groups: ReadonlyArray<string>
  /** When it may be opened. */
  readonly from: number
}

/** The Candidates that could be reached, those that pause included. */
const reachable = (draft: Draft, event: Looked): ReadonlyArray<Reachable> => {
  const found: Array<Reachable> = []
  const { pairs } = draft
  const links = event.links()
  let lacksLink = false
  for (const facts of event.candidates) {
    const pair = pairs.get(facts.peer)
    if (pair?.state !== "Candidate") continue
    const link = links.get(facts.peer)
    if (link === undefined && facts.addresses.length === 0) lacksLink = true
    else found.push({ facts, link, groups: groupsOf(facts, link), from: pair.until })
  }
  draft.state = { ...draft.state, lacksLink }
  return found
}

/** As they were at the last look of any node of the process: most are as they were. */
const selectables = new WeakMap<CandidateFacts, SelectionCandidate>()

const selectable = (
  { settings }: Draft,
  { asked }: Looked,
  { facts, groups, link }: Reachable
): SelectionCandidate => {
  const isKnown = settings.known.has(facts.peer)
  const asks = asked(facts.peer)
  const before = selectables.get(facts)
  if (before?.isKnown === isKnown && before.asked === asks && Option.getOrUndefined(before.link) === link) return before
  const made = { ...facts, isKnown, link: Option.fromUndefinedOr(link), asked: asks, groups }
  selectables.set(facts, made)
  return made
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
  const { openingCount, spareCount } = draft.slots
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
  const { now, settings } = draft
  const { groupLimit, policy, sessionCount, sessionTimeout } = settings
  const outbound = outboundByGroup(draft.parts.busy)
  const view = {
    now,
    sessionCount,
    groupLimit,
    sessionTimeout,
    candidates: candidates.filter((candidate) => !isGroupFull(candidate, outbound, groupLimit)),
    outboundByGroup: outbound
  }
  const wanted = Math.min(n, settings.maxTotal - draft.slots.total)
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
  const { now, settings } = draft
  const { openingCount, outbound, spareCount } = draft.slots
  draft.state = { ...draft.state, lacksLink: false, remembers: event.candidates.some(isRemembered) }
  if (outbound >= settings.sessionCount) return

  const { mayOpen, most } = event.suspectsItself ? whileSuspecting(draft, event) : ordinarily
  const candidates = reachable(draft, event)
  const due: Array<SelectionCandidate> = []
  for (const candidate of candidates) {
    if (candidate.from <= now && mayOpen(candidate.facts)) due.push(selectable(draft, event, candidate))
  }
  const missing = Math.min(settings.sessionCount - outbound - openingCount, most)
  const remembered = event.suspectsItself ? [] : due.filter(isRemembered)
  const others = remembered.length === 0 ? due : due.filter((candidate) => !isRemembered(candidate))
  const opened = openSome(draft, others, missing, false)
  // What no other is asked for, they are asked for too.
  const spare = settings.sessionCount + missing - opened - spareCount
  if (remembered.length > 0) openSome(draft, remembered, spare, true)

  const after = outboundByGroup(draft.parts.busy)
  draft.state = {
    ...draft.state,
    probeAt: event.suspectsItself && opened > 0 ? now + about(5_000, draft.random) : draft.state.probeAt,
    anyEligible: candidates.some((candidate) =>
      draft.pairs.get(candidate.facts.peer)?.state === "Candidate" &&
      !isGroupFull(candidate, after, settings.groupLimit)
    )
  }
}

const waitsUntil = (pairs: Draft["pairs"], peer: PeerId): number => {
  const pair = pairs.get(peer)
  return pair === undefined || isBusy(pair) ? Infinity : pair.until
}

/** When time alone makes something possible: a rotation, the end of a wait, and while below target of a pause. */
const nextInstant = ({ now, pairs, parts, settings, slots, state }: Draft): number => {
  const isBelow = slots.outbound + slots.openingCount < settings.sessionCount
  // A suspicion lapses without a word. Whatever happens meanwhile doesn't put that off.
  let next = isBelow && state.suspecting
    ? Math.min(state.wakeAt > now ? state.wakeAt : Infinity, now + 1_000)
    : Infinity
  const consider = (at: number): void => {
    if (at > now && at < next) next = at
  }
  for (const { rotateAt } of parts.busy.values()) consider(rotateAt)
  if (isBelow) { for (const pair of pairs.values()) if (!isBusy(pair)) consider(pair.until) }
  else for (const peer of parts.waiting) consider(waitsUntil(pairs, peer))
  return next
}

/** The longer pauses were for the suspicion only. */
const forgetSuspicion = (draft: Draft): void => {
  const { now, random } = draft
  for (const [peer, pair] of draft.pairs) {
    if (pair.state === "Candidate" && pair.until > now + 1_000) {
      draft.put(peer, { state: "Candidate", until: now + 1_000 * random() })
    }
  }
}

const rotate = (draft: Draft): void => {
  for (const [peer, pair] of draft.parts.busy) {
    if (pair.rotateAt <= draft.now) end(draft, peer, pair, "rotated")
  }
}

/** A fresh look at the book and the links: what is over is over, what is due is rotated, what is missing is opened. */
export const look = (draft: Draft, event: Looked): void => {
  if (draft.state.suspecting && !event.suspectsItself) forgetSuspicion(draft)
  draft.state = { ...draft.state, suspecting: event.suspectsItself }
  mirror(draft, event.candidates)
  if (draft.state.mode === "stopping") return
  rotate(draft)
  fill(draft, event)
}

/** Time has passed, and nothing is known to have changed: what is over is over, and what is due is rotated. */
export const ring = (draft: Draft, { standing }: Extract<Event, { readonly _tag: "Rang" }>): void => {
  if (draft.state.mode === "stopping") return
  for (const peer of draft.parts.waiting) {
    if (waitsUntil(draft.pairs, peer) > draft.now) continue
    mirrorOne(draft, peer, standing(peer))
    if (draft.pairs.get(peer)?.state === "Candidate") draft.state = { ...draft.state, anyEligible: true }
  }
  rotate(draft)
}

/** After each step of a node that runs: what follows from the pairs alone. */
export const rest = (draft: Draft, event: Event): void => {
  if (draft.state.mode === "stopping") return
  let { anyEligible, wakeAt } = draft.state
  // What is due already still has to be done.
  if (wakeAt > draft.now || event._tag === "Looked" || event._tag === "Rang") wakeAt = nextInstant(draft)
  if (draft.slots.outbound >= draft.settings.sessionCount) {
    const { pairs, parts } = draft
    anyEligible = pairs.size > parts.busy.size + parts.waiting.size
  }
  draft.state = { ...draft.state, anyEligible, wakeAt }
}

/**
 * Whether a look might open somebody. Who has its sessions, or has asked for them, would look in vain, but for peers that are
 * only remembered: they are asked beside others that were asked already.
 */
export const isMissing = ({ sessionCount }: Settings, state: State): boolean => {
  const { openingCount, outbound } = slotsOf(state)
  return state.mode === "running" && outbound + (state.remembers ? 0 : openingCount) < sessionCount
}
