import { Effect } from "effect"
import { DueQueue } from "./DueQueue.ts"

interface Deadline {
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
  private readonly waiting = new DueQueue<Deadline>()
  private ringsAt = Infinity
  private stopTimer: (() => void) | undefined

  /** `now` gives monotonic milliseconds; `start` runs an effect in the background and gives its cancel. */
  constructor(now: () => number, start: (effect: Effect.Effect<void>) => () => void) {
    this.now = now
    this.start = start
  }

  /** Calls `f` once after so many milliseconds, in a fiber of its own; gives its cancel. */
  later(millis: number, f: () => void): () => void {
    const deadline: Deadline = { f }
    this.waiting.push(this.now() + millis, deadline)
    this.setTimer()
    return () => {
      deadline.f = undefined
    }
  }

  private setTimer(): void {
    const { first } = this.waiting
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
    const due: Array<() => void> = []
    for (let { first } = this.waiting; first !== undefined; first = this.waiting.first) {
      const { f } = first.item
      if (f !== undefined && first.at > now) break
      this.waiting.shift()
      if (f !== undefined) due.push(f)
    }
    for (const f of due) this.start(Effect.sync(f))
    this.setTimer()
  }
}
