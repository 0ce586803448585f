/** With fewer links than this, that all are silent may as well be theirs. */
const minLinks = 3

/**
 * What is heard on all links of a process together. When nothing is, on several links and for longer than the time between two
 * pings, it is our own end that was cut off, and no peer is to blame for its silence.
 */
export class Ear {
  readonly #deafAfter: number
  #links = 0
  /** How many there were when something was last heard: those that have ended since were silent too. */
  #linksThen = 0
  #heardAt: number
  #deafUntil = Number.NEGATIVE_INFINITY

  constructor(pingMillis: number, now: number) {
    // A ping and its answer may be late.
    this.#deafAfter = 1.3 * pingMillis
    this.#heardAt = now
  }

  /** One link more or less. */
  count(by: 1 | -1): void {
    this.#links += by
    if (by > 0) this.#linksThen = Math.max(this.#linksThen, this.#links)
  }

  /** Whether it was deaf until this moment. */
  heard(now: number): boolean {
    const wasDeaf = this.#isDeaf(now)
    if (wasDeaf) this.#deafUntil = now
    this.#heardAt = now
    this.#linksThen = this.#links
    return wasDeaf
  }

  /** Whether it was deaf at some moment since then, or is. */
  wasDeaf(since: number, now: number): boolean {
    return this.#isDeaf(now) || this.#deafUntil > since
  }

  #isDeaf(now: number): boolean {
    return this.#linksThen >= minLinks && now - this.#heardAt >= this.#deafAfter
  }
}
