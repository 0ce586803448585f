/** Something that happens at an instant. All but `run` is the heap's. */
export interface Timer {
  /** Microseconds. */
  at: number
  readonly run: () => void
  /** Timers of one instant go off in the order in which they were set. */
  order: number
  /** Index in the heap, -1 once it went off or was cancelled: so a cancel needs no search. */
  place: number
}

/** Below each timer: as many instants as fit into a line of the processor's cache. */
const width = 4
const above = (place: number): number => (place - 1) >>> 2

/** A heap of timers: the earliest first. */
export class Heap {
  readonly #timers: Array<Timer> = []
  /** Their instants, which are what is compared: side by side, as the timers themselves lie all over the memory. */
  #instants = new Float64Array(64)
  #order = 0

  get size(): number {
    return this.#timers.length
  }

  peek(): Timer | undefined {
    return this.#timers[0]
  }

  push(at: number, run: () => void): Timer {
    const timer: Timer = { at, run, order: 0, place: -1 }
    this.set(timer, at)
    return timer
  }

  /** For one that isn't set. */
  set(timer: Timer, at: number): void {
    const place = this.#timers.length
    timer.at = at
    timer.order = this.#order++
    this.#timers.push(timer)
    if (place === this.#instants.length) this.#grow()
    this.#up(timer, place)
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
    if (place > 0 && this.#isBefore(last, above(place))) this.#up(last, place)
    else this.#down(last, place)
  }

  clear(): void {
    for (const timer of this.#timers) timer.place = -1
    this.#timers.length = 0
  }

  #grow(): void {
    const instants = new Float64Array(2 * this.#instants.length)
    instants.set(this.#instants)
    this.#instants = instants
  }

  /** Whether it goes off before the one at a place. Of equal instants the order decides. */
  #isBefore({ at, order }: Timer, place: number): boolean {
    const other = this.#instants[place] ?? 0
    return at < other || (at === other && order < this.#orderAt(place))
  }

  #orderAt(place: number): number {
    return this.#timers[place]?.order ?? 0
  }

  #move(from: number, to: number): void {
    const timer = this.#timers[from]
    if (timer !== undefined) this.#put(timer, to)
  }

  #put(timer: Timer, place: number): void {
    this.#timers[place] = timer
    this.#instants[place] = timer.at
    timer.place = place
  }

  /** Puts it at a free place, or above. */
  #up(timer: Timer, free: number): void {
    let place = free
    while (place > 0) {
      const parent = above(place)
      if (!this.#isBefore(timer, parent)) break
      this.#move(parent, place)
      place = parent
    }
    this.#put(timer, place)
  }

  /** Puts it at a free place, or below. */
  #down(timer: Timer, free: number): void {
    const size = this.#timers.length
    const instants = this.#instants
    let place = free
    while (true) {
      const first = width * place + 1
      if (first >= size) break
      let least = first
      let earliest = instants[first] ?? 0
      const end = Math.min(size, first + width)
      for (let below = first + 1; below < end; below++) {
        const instant = instants[below] ?? 0
        if (instant < earliest || (instant === earliest && this.#orderAt(below) < this.#orderAt(least))) {
          least = below
          earliest = instant
        }
      }
      if (this.#isBefore(timer, least)) break
      this.#move(least, place)
      place = least
    }
    this.#put(timer, place)
  }
}
