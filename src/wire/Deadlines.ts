import { Effect } from "effect"

interface Deadline {
  readonly at: number
  /** Undefined: it was cancelled. */
  f: (() => void) | undefined
}

/**
 * Calls functions later, all by one timer: every opening has a deadline at either end, and hardly one is ever reached. Those
 * that are cancelled stay until their time has come, and hold nothing.
 */
export class Deadlines {
  private readonly now: () => number
  private readonly start: (effect: Effect.Effect<void>) => () => void
  /** The earliest first. Few delays are in use, so a new one belongs at the end, or nearly. */
  private waiting: Array<Deadline> = []
  private ringsAt = Infinity
  private stopTimer: (() => void) | undefined

  /** `now` gives monotonic milliseconds; `start` runs an effect in the background and gives its cancel. */
  constructor(now: () => number, start: (effect: Effect.Effect<void>) => () => void) {
    this.now = now
    this.start = start
  }

  /** Calls `f` once after so many milliseconds, in a fiber of its own; gives its cancel. */
  later(millis: number, f: () => void): () => void {
    const deadline: Deadline = { at: this.now() + millis, f }
    const place = this.waiting.findLastIndex(({ at }) => at <= deadline.at) + 1
    if (place === this.waiting.length) this.waiting.push(deadline)
    else this.waiting.splice(place, 0, deadline)
    this.setTimer()
    return () => {
      deadline.f = undefined
    }
  }

  private setTimer(): void {
    const [first] = this.waiting
    if (first === undefined || first.at >= this.ringsAt) return
    this.stopTimer?.()
    this.ringsAt = first.at
    const millis = Math.max(0, Math.ceil(first.at - this.now()))
    this.stopTimer = this.start(Effect.andThen(Effect.sleep(millis), Effect.sync(() => this.ring())))
  }

  private ring(): void {
    this.stopTimer = undefined
    this.ringsAt = Infinity
    const now = this.now()
    const isEarly = this.waiting.findIndex(({ at, f }) => f !== undefined && at > now)
    const due = this.waiting.splice(0, isEarly < 0 ? this.waiting.length : isEarly)
    for (const { f } of due) if (f !== undefined) this.start(Effect.sync(f))
    this.setTimer()
  }
}
