import { Effect } from "effect"
import { DueQueue } from "./DueQueue.ts"

/** A link, whose life must be looked after. */
export interface Beating {
  /** When to look at it, as things stand: what is heard and said puts it off. Milliseconds. */
  dueAt(): number
  /** Does what is due now, or so soon that it may as well be done now. */
  beat(time: number, soon: number): void
  /** Nothing could be heard before that moment. */
  excuse(until: number): void
}

export interface PulseParts {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Runs an effect in the background; gives its cancel. */
  readonly start: (effect: Effect.Effect<void>) => () => void
  readonly pingMillis: number
  /** Called now and then, while there are links. */
  readonly beating: () => void
}

/** Of the time between two pings: what is due within it is done together, so that a process with many links wakes seldom. */
const together = 0.1

/** Looks after all links of a process, with one timer, and at each only when something may be due. */
export class Pulse {
  private readonly parts: PulseParts
  private readonly links = new Set<Beating>()
  /** Each at an instant at or before which it is due. One that has ended stays until then, with others. */
  private due = new DueQueue<Beating>()
  private wakeAt = Infinity
  private stop: (() => void) | undefined

  constructor(parts: PulseParts) {
    this.parts = parts
  }

  /** A link has begun; to be called when it ends. It is looked at first when all others have been, or after a ping's time. */
  add(link: Beating): () => void {
    this.links.add(link)
    this.due.push(this.parts.now() + this.parts.pingMillis, link)
    if (this.stop === undefined) {
      this.wakeAt = this.parts.now() + this.parts.pingMillis
      this.stop = this.parts.start(Effect.andThen(Effect.sleep(this.parts.pingMillis), this.beats))
    }
    return () => {
      this.links.delete(link)
      if (this.links.size > 0) return
      this.stop?.()
      this.stop = undefined
      this.due = new DueQueue()
    }
  }

  private readonly beats: Effect.Effect<void> = Effect.suspend(() => {
    const { beating, now, pingMillis } = this.parts
    beating()
    const time = now()
    const stoodStill = time - this.wakeAt > pingMillis
    // It was this process that stood still: what peers have sent meanwhile has not been read yet.
    if (stoodStill) { for (const link of this.links) link.excuse(time - pingMillis) }
    const soon = together * pingMillis
    for (const link of this.takeDue(time + soon)) {
      if (!this.links.has(link)) continue
      link.beat(time, soon)
      this.enqueue(link)
    }
    const next = Math.min(time + pingMillis, this.nextDue())
    this.wakeAt = next
    // At least a millisecond: sums and differences of such times round differently, and time must pass.
    return Effect.andThen(Effect.sleep(Math.max(1, Math.ceil(next - time))), this.beats)
  })

  /** One with which nothing more is to be done is let go. */
  private enqueue(link: Beating): void {
    const at = link.dueAt()
    if (at < Infinity && this.links.has(link)) this.due.push(at, link)
  }

  private takeDue(until: number): ReadonlyArray<Beating> {
    const found: Array<Beating> = []
    for (let { first } = this.due; first !== undefined && first.at <= until; first = this.due.first) {
      this.due.shift()
      found.push(first.item)
    }
    return found
  }

  /** Puts those that are due later by now, as far as they stand in front, where they belong. */
  private nextDue(): number {
    for (let { first } = this.due; first !== undefined; first = this.due.first) {
      if (this.links.has(first.item) && first.item.dueAt() <= first.at) return first.at
      this.due.shift()
      this.enqueue(first.item)
    }
    return Infinity
  }
}
