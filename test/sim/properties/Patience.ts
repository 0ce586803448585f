/** Something must not last: a wrong that is allowed for as long as it takes two fibers to agree, or two ends of a link. */
export class Patience<A> {
  readonly #since = new Map<A, number>()

  /** For how long it has held without a break, in milliseconds. */
  lasts(what: A, holds: boolean, now: number): number {
    if (!holds) {
      // Mostly nothing is wrong: then there is nothing to look for.
      if (this.#since.size > 0) this.#since.delete(what)
      return 0
    }
    const since = this.#since.get(what)
    if (since === undefined) this.#since.set(what, now)
    return since === undefined ? 0 : now - since
  }

  /** It was not so just now. */
  forget(what: A): void {
    this.#since.delete(what)
  }

  get isEmpty(): boolean {
    return this.#since.size === 0
  }
}
