/** Whom to ask for peers, and when. Pure. */
import type { PeerId } from "../../../signatures/index.ts"
import { type ExchangeSetting, fullAnswer } from "./options.ts"

/** What is remembered of a peer. Times in monotonic milliseconds. */
interface Dealings {
  /** Not to be asked before; `Infinity` while its answer is awaited. */
  readonly askFrom: number
  /** How many records it gave last time, and how often in a row it had no more to say than before. */
  readonly gave: number
  readonly vain: number
  /** By who is alone, not to be visited before; and how often it was. */
  readonly visitFrom: number
  readonly visits: number
}

export interface AskState {
  readonly dealings: ReadonlyMap<PeerId, Dealings>
  /** When the next peer may be dialled to be asked. */
  readonly visitAt: number
}

export interface AskView {
  /** Peers with a link on which they have said who they are. */
  readonly linked: ReadonlyArray<PeerId>
  /** How many peers are known. */
  readonly known: number
  /** Whether we serve a chain that is not private: else strangers are of no use to us. */
  readonly isPublic: boolean
  /** Peers that could be tried at once, of the public chain that has the fewest; counted at least to `fewSpare`. */
  readonly spare: () => number
  /** Peers without a link that may be dialled now. */
  readonly strangers: () => ReadonlyArray<PeerId>
}

export interface AskDecision {
  readonly state: AskState
  readonly ask: ReadonlyArray<PeerId>
  /** Whom to dial, so that it can be asked once it is linked. */
  readonly visit: PeerId | undefined
  /** There is no need to ask anybody, and none before more peers than so many are lost to us; undefined: there is a need. */
  readonly slack: number | undefined
  /** When to look again though nothing happens; `Infinity`: not at all. */
  readonly wakeAt: number
}

/** Questions that await their answers, at most. */
const maxAwaited = 8

/** A chain with fewer peers left to try than this needs more. */
export const fewSpare = 8

/** Of peers that we remember. Who was dealt with first is forgotten first. */
const maxDealings = 2048

const none: Dealings = { askFrom: 0, gave: 0, vain: 0, visitFrom: 0, visits: 0 }

export const nobodyAsked: AskState = { dealings: new Map(), visitAt: 0 }

const dealingsWith = (state: AskState, peer: PeerId): Dealings => state.dealings.get(peer) ?? none

const pauseOf = (setting: ExchangeSetting, times: number, random: () => number): number =>
  Math.min(setting.sameFor, setting.askAgain * 2 ** Math.min(times, 16)) * (0.8 + 0.4 * random())

const withDealings = (state: AskState, peer: PeerId, change: Partial<Dealings>): AskState => {
  const all = new Map(state.dealings)
  all.delete(peer)
  all.set(peer, { ...dealingsWith(state, peer), ...change })
  for (const first of all.keys()) {
    if (all.size <= maxDealings) break
    all.delete(first)
  }
  return { ...state, dealings: all }
}

/**
 * Linked peers first, those that were never asked first; if nobody is left to ask and we know few, a stranger is visited: each
 * once, so that a small network comes to rest, and again only by who has no link at all. `random` in [0, 1).
 */
export const whomToAsk = (
  setting: ExchangeSetting,
  before: AskState,
  view: AskView,
  now: number,
  random: () => number
): AskDecision => {
  const nobody = { state: before, ask: [], visit: undefined, wakeAt: Infinity }
  if (!view.isPublic) return { ...nobody, slack: undefined }
  const knowsFew = view.known < setting.enough
  const slack = knowsFew ? -1 : Math.min(view.spare() - fewSpare, view.known - setting.enough)
  if (slack >= 0) return { ...nobody, slack }
  let state = before
  let wakeAt = Infinity
  const awaited = [...state.dealings.values()].filter(({ askFrom }) => askFrom === Infinity).length
  const due = view.linked.filter((peer) => dealingsWith(before, peer).askFrom <= now)
  const isNew = (peer: PeerId) => !before.dealings.has(peer)
  const ask = [...due.filter(isNew), ...due.filter((peer) => !isNew(peer))].slice(0, maxAwaited - awaited)
  for (const peer of ask) state = withDealings(state, peer, { askFrom: Infinity })
  for (const peer of view.linked) {
    const { askFrom } = dealingsWith(before, peer)
    if (askFrom > now) wakeAt = Math.min(wakeAt, askFrom)
  }

  let visit: PeerId | undefined
  if (knowsFew && ask.length === 0 && awaited === 0 && setting.visitEvery < Infinity) {
    const isAlone = view.linked.length === 0
    const from = (peer: PeerId) => isNew(peer) ? 0 : isAlone ? dealingsWith(before, peer).visitFrom : Infinity
    const strangers = view.strangers()
    if (state.visitAt <= now) {
      const open = strangers.filter((peer) => from(peer) <= now)
      visit = open[Math.floor(random() * open.length)]
    }
    if (visit !== undefined) {
      const { visits } = dealingsWith(state, visit)
      state = { ...state, visitAt: now + setting.visitEvery * (0.8 + 0.4 * random()) }
      state = withDealings(state, visit, { visitFrom: now + pauseOf(setting, visits, random), visits: visits + 1 })
    }
    for (const peer of strangers) if (peer !== visit) wakeAt = Math.min(wakeAt, Math.max(from(peer), state.visitAt))
  }
  return { state, ask, visit, slack: undefined, wakeAt }
}

/** What came of a question: so many records; none: no answer. */
export const answered = (
  setting: ExchangeSetting,
  state: AskState,
  peer: PeerId,
  records: number | undefined,
  now: number,
  random: () => number
): AskState => {
  const { gave, vain } = dealingsWith(state, peer)
  // A full answer stays the same for as long.
  const times = (records ?? 0) > gave ? 0 : vain + 1
  const pause = records === fullAnswer ? setting.sameFor : pauseOf(setting, times, random)
  return withDealings(state, peer, { askFrom: now + pause, gave: records ?? gave, vain: times })
}
