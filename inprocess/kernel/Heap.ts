/** Something that happens at an instant. `place` and `order` are the heap's. */
export interface Timer {
  /** Microseconds. */
  readonly at: number
  readonly run: () => void
  /** Timers of one instant go off in the order in which they were set. */
  readonly order: number
  /** Index in the heap, -1 once it went off or was cancelled: so a cancel needs no search. */
  place: number
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap of timers: the earliest first. */
export class Heap {
  readonly #timers: Array<Timer> = []
  #order = 0

  get size(): number {
    return this.#timers.length
  }

  peek(): Timer | undefined {
    return this.#timers[0]
  }

  push(at: number, run: () => void): Timer {
    const timer: Timer = { at, run, order: this.#order++, place: this.#timers.length }
    this.#timers.push(timer)
    this.#up(timer)
    return timer
  }

  pop(): Timer | undefined {
    const first = this.#timers[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Does nothing if it went off already. */
  remove(timer: Timer): void {
    const place = timer.place
    if (place < 0) return
    timer.place = -1
    const last = this.#timers.pop()
    if (last === undefined || last === timer) return
    this.#put(last, place)
    this.#up(last)
    this.#down(last)
  }

  clear(): void {
    for (const timer of this.#timers) timer.place = -1
    this.#timers.length = 0
  }

  #put(timer: Timer, place: number): void {
    this.#timers[place] = timer
    timer.place = place
  }

  #up(timer: Timer): void {
    let place = timer.place
    while (place > 0) {
      const above = (place - 1) >>> 1
      const parent = this.#timers[above]
      if (parent === undefined || before(parent, timer)) break
      this.#put(parent, place)
      place = above
    }
    this.#put(timer, place)
  }

  #down(timer: Timer): void {
    let place = timer.place
    while (true) {
      const left = this.#timers[2 * place + 1]
      if (left === undefined) break
      const right = this.#timers[2 * place + 2]
      const least = right !== undefined && before(right, left) ? right : left
      if (before(timer, least)) break
      const below = least.place
      this.#put(least, place)
      place = below
    }
    this.#put(timer, place)
  }
}
