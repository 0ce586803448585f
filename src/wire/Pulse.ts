import { Effect } from "effect"

/** A link, whose life must be looked after. */
export interface Beating {
  /** Does what is due now, or so soon that it may as well be done now. Gives when to look again. Milliseconds. */
  beat(time: number, soon: number): number
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

/** Looks after all links of a process, with one timer. */
export class Pulse {
  private readonly parts: PulseParts
  private readonly links = new Set<Beating>()
  private wakeAt = Infinity
  private stop: (() => void) | undefined

  constructor(parts: PulseParts) {
    this.parts = parts
  }

  /** A link has begun; to be called when it ends. It is looked at first when all others have been, or after a ping's time. */
  add(link: Beating): () => void {
    this.links.add(link)
    if (this.stop === undefined) {
      this.wakeAt = this.parts.now() + this.parts.pingMillis
      this.stop = this.parts.start(Effect.andThen(Effect.sleep(this.parts.pingMillis), this.beats))
    }
    return () => {
      this.links.delete(link)
      if (this.links.size > 0) return
      this.stop?.()
      this.stop = undefined
    }
  }

  private readonly beats: Effect.Effect<void> = Effect.suspend(() => {
    const { beating, now, pingMillis } = this.parts
    beating()
    const time = now()
    const stoodStill = time - this.wakeAt > pingMillis
    let next = time + pingMillis
    for (const link of this.links) {
      // It was this process that stood still: what peers have sent meanwhile has not been read yet.
      if (stoodStill) link.excuse(time - pingMillis)
      next = Math.min(next, link.beat(time, together * pingMillis))
    }
    this.wakeAt = next
    // At least a millisecond: sums and differences of such times round differently, and time must pass.
    return Effect.andThen(Effect.sleep(Math.max(1, Math.ceil(next - time))), this.beats)
  })
}
