import type { CloseCode, NodeEvent, PairState, PeerId, Standing, TransitionCause } from "../../signatures/index.ts"
import type { Busy, Idle, Pair } from "./pair.ts"
import { ChangedPairs, pairOf, type Pairs } from "./pairs.ts"
import type { Settings } from "./settings.ts"
import type { Command, State } from "./state.ts"

/** All of a state but its pairs. */
type Rest = { -readonly [Name in Exclude<keyof State, "pairs">]: State[Name] }

/**
 * One step being taken: what it changes, on top of the state that it began with, which never changes. Most steps change one
 * pair or none, so of the pairs only what is changed is copied.
 */
export class Draft {
  readonly settings: Settings
  /** Monotonic milliseconds. */
  readonly now: number
  readonly random: () => number
  readonly commands: Array<Command> = []
  /** To be changed at will. */
  readonly state: Rest
  readonly #before: Pairs
  #changed: ChangedPairs | undefined

  constructor(settings: Settings, state: State, now: number, random: () => number) {
    this.settings = settings
    this.state = { ...state }
    this.now = now
    this.random = random
    this.#before = state.pairs
  }

  /** As of now. */
  get pairs(): Pairs {
    return this.#changed ?? this.#before
  }

  pairOf(peer: PeerId): Pair | undefined {
    return pairOf(this.pairs, peer)
  }

  /** With no `pair` it is forgotten. */
  put(peer: PeerId, pair: Pair | undefined): void {
    this.#changed ??= new ChangedPairs(this.#before, this.now)
    this.#changed.put(peer, pair)
  }

  /** The state after the step, which is over then. */
  done(): State {
    return { ...this.state, pairs: this.#changed?.done() ?? this.#before }
  }
}

export const announce = (draft: Draft, event: NodeEvent): void => {
  draft.commands.push({ _tag: "Announce", event })
}

/** The one way in which a pair changes its state; with no `pair` it becomes Unknown. */
export const move = (draft: Draft, peer: PeerId, pair: Pair | undefined, by: TransitionCause): void => {
  const from: PairState = draft.pairOf(peer)?.state ?? "Unknown"
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
