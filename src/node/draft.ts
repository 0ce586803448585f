import type { CloseCode, NodeEvent, PairState, PeerId, Standing, TransitionCause } from "../../signatures/index.ts"
import { ChangedPairs, type Parts, partsOf } from "./parts.ts"
import type { Settings } from "./settings.ts"
import { type Busy, type Command, countSlots, type Idle, type Pair, type Slots, type State } from "./state.ts"

/**
 * One step being taken: what it changes, on top of the state that it began with, which never changes. Most steps change one
 * pair or none, so the pairs are copied when the first of them is changed.
 */
export class Draft {
  readonly settings: Settings
  /** Monotonic milliseconds. */
  readonly now: number
  readonly random: () => number
  readonly commands: Array<Command> = []
  /** All but its pairs, which are those of the draft. */
  state: State
  #own: ChangedPairs | undefined
  #slots: Slots | undefined

  constructor(settings: Settings, state: State, now: number, random: () => number) {
    this.settings = settings
    this.state = state
    this.now = now
    this.random = random
  }

  /** As of now. */
  get pairs(): ReadonlyMap<PeerId, Pair> {
    return this.#own?.pairs ?? this.state.pairs
  }

  /** As of now. */
  get parts(): Parts {
    return this.#own ?? partsOf(this.state.pairs)
  }

  /** As of now. */
  get slots(): Slots {
    return this.#slots ??= countSlots(this.parts.busy)
  }

  /** With no `pair` it is forgotten. */
  put(peer: PeerId, pair: Pair | undefined): void {
    this.#own ??= new ChangedPairs(this.state.pairs)
    this.#slots = undefined
    this.#own.put(peer, pair)
  }

  /** The state after the step, which is over then. */
  done(): State {
    return this.#own === undefined ? this.state : { ...this.state, pairs: this.#own.done() }
  }
}

export const announce = (draft: Draft, event: NodeEvent): void => {
  draft.commands.push({ _tag: "Announce", event })
}

/** The one way in which a pair changes its state; with no `pair` it becomes Unknown. */
export const move = (draft: Draft, peer: PeerId, pair: Pair | undefined, by: TransitionCause): void => {
  const from: PairState = draft.pairs.get(peer)?.state ?? "Unknown"
  const to: PairState = pair?.state ?? "Unknown"
  draft.put(peer, pair)
  announce(draft, { _tag: "Transition", at: draft.now, peer, from, to, by })
}

/** A time that is off by up to a fifth either way, so that what began together doesn't go on together. */
export const about = (millis: number, random: () => number): number => millis * (0.8 + 0.4 * random())

/** How long a pair pauses between two openings for which nobody was charged, in milliseconds. */
const pause = (draft: Draft): number => draft.state.suspecting ? about(5_000, draft.random) : 250 + 750 * draft.random()

/** Where a pair without a session stands. A wait that is over is none, whatever the book says: nothing spins. */
export const idle = (draft: Draft, standing: Standing): Idle =>
  standing._tag === "Clear" || standing.until <= draft.now
    ? { state: "Candidate", until: draft.now + pause(draft) }
    : { state: standing._tag, until: standing.until }

/** When a session that begins now is rotated out. */
export const rotateAt = (draft: Draft): number =>
  draft.now + draft.settings.sessionTimeout * (0.75 + 0.5 * draft.random())

/** Has an active session ended by ourselves, in order. */
export const end = (draft: Draft, peer: PeerId, pair: Busy, code: CloseCode): void => {
  move(draft, peer, { ...pair, state: "Closing", rotateAt: Infinity }, "ended")
  draft.commands.push({ _tag: "End", attempt: pair.attempt, code })
}
