import type { PeerId } from "../../signatures/index.ts"
import { type Busy, type Idle, isBusy, type Pair } from "./pair.ts"
import { count, noSlots, type Slots } from "./slots.ts"

/**
 * All pairs of a node, sorted by what steps ask for: of perhaps hundreds few hold a slot, and fewer wait. What can be counted of
 * them is counted when one changes.
 */
export interface Pairs {
  /** Everybody who isn't Unknown. Seldom changes. */
  readonly met: ReadonlySet<PeerId>
  /** Who holds a slot. */
  readonly busy: ReadonlyMap<PeerId, Busy>
  /** Who waits, or has paused lately. Who is met, and neither here nor busy, is a Candidate that may be opened at once. */
  readonly idle: ReadonlyMap<PeerId, Idle>
  /** Those of `busy`. */
  readonly slots: Slots
  /** When the first of `busy` is due for rotation. `Infinity` if none is. */
  readonly rotatesAt: number
}

export const noPairs: Pairs = { met: new Set(), busy: new Map(), idle: new Map(), slots: noSlots, rotatesAt: Infinity }

const free: Idle = { state: "Candidate", until: -Infinity }

/** `undefined`: Unknown. */
export const pairOf = ({ busy, idle, met }: Pairs, peer: PeerId): Pair | undefined =>
  busy.get(peer) ?? (idle.size === 0 ? undefined : idle.get(peer)) ?? (met.has(peer) ? free : undefined)

const firstRotation = (busy: ReadonlyMap<PeerId, Busy>): number => {
  let first = Infinity
  for (const { rotateAt } of busy.values()) if (rotateAt < first) first = rotateAt
  return first
}

/** A pause that is over is none. */
const withoutOver = (idle: Pairs["idle"], now: number): Map<PeerId, Idle> => {
  const left = new Map<PeerId, Idle>()
  for (const [peer, pair] of idle) if (pair.state !== "Candidate" || pair.until > now) left.set(peer, pair)
  return left
}

/** Pairs that are being changed. Each part is copied when the first in it changes. */
export class ChangedPairs implements Pairs {
  readonly #before: Pairs
  readonly #now: number
  readonly slots: { -readonly [Name in keyof Slots]: number }
  #met: Set<PeerId> | undefined
  #busy: Map<PeerId, Busy> | undefined
  #idle: Map<PeerId, Idle> | undefined
  /** `undefined`: who was the first is so no more. */
  #rotatesAt: number | undefined

  /** `now` in monotonic milliseconds. */
  constructor(before: Pairs, now: number) {
    this.#before = before
    this.#now = now
    this.slots = { ...before.slots }
    this.#rotatesAt = before.rotatesAt
  }

  get met(): ReadonlySet<PeerId> {
    return this.#met ?? this.#before.met
  }

  get busy(): ReadonlyMap<PeerId, Busy> {
    return this.#busy ?? this.#before.busy
  }

  get idle(): ReadonlyMap<PeerId, Idle> {
    return this.#idle ?? this.#before.idle
  }

  get rotatesAt(): number {
    return this.#rotatesAt ??= firstRotation(this.busy)
  }

  /** With no `pair` it becomes Unknown. */
  put(peer: PeerId, pair: Pair | undefined): void {
    if (this.met.has(peer) !== (pair !== undefined)) this.#note(peer, pair !== undefined)
    const isIdle = pair !== undefined && !isBusy(pair) && (pair.state !== "Candidate" || pair.until > this.#now)
    if (isIdle) this.#ownIdle().set(peer, pair)
    else if (this.idle.has(peer)) this.#ownIdle().delete(peer)
    this.#putBusy(peer, isBusy(pair) ? pair : undefined)
  }

  #note(peer: PeerId, isMet: boolean): void {
    const met = this.#met ??= new Set(this.#before.met)
    if (isMet) met.add(peer)
    else met.delete(peer)
  }

  #ownIdle(): Map<PeerId, Idle> {
    return this.#idle ??= withoutOver(this.#before.idle, this.#now)
  }

  #putBusy(peer: PeerId, pair: Busy | undefined): void {
    const before = this.busy.get(peer)
    if (before === undefined && pair === undefined) return
    const busy = this.#busy ??= new Map(this.#before.busy)
    if (before !== undefined) {
      count(this.slots, before, -1)
      if (before.rotateAt === this.#rotatesAt) this.#rotatesAt = undefined
    }
    if (pair === undefined) return void busy.delete(peer)
    busy.set(peer, pair)
    count(this.slots, pair, 1)
    if (this.#rotatesAt !== undefined && pair.rotateAt < this.#rotatesAt) this.#rotatesAt = pair.rotateAt
  }

  /** Nothing more is changed. */
  done(): Pairs {
    const { busy, idle, met, rotatesAt, slots } = this
    return { met, busy, idle, slots, rotatesAt }
  }
}
