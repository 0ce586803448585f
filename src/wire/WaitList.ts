/** One who waits. Belongs to at most one list. */
export interface Waiting<Self> {
  before: Self | undefined
  after: Self | undefined
  listed: boolean
}

/** Who waits, in the order in which they began to; anybody may leave in constant time. */
export class WaitList<W extends Waiting<W>> {
  first: W | undefined
  private last: W | undefined

  push(waiter: W): void {
    waiter.before = this.last
    waiter.listed = true
    if (this.last === undefined) this.first = waiter
    else this.last.after = waiter
    this.last = waiter
  }

  /** Whether it was here. */
  remove(waiter: W): boolean {
    if (!waiter.listed) return false
    if (waiter.before === undefined) this.first = waiter.after
    else waiter.before.after = waiter.after
    if (waiter.after === undefined) this.last = waiter.before
    else waiter.after.before = waiter.before
    waiter.before = undefined
    waiter.after = undefined
    waiter.listed = false
    return true
  }

  shift(): W | undefined {
    const waiter = this.first
    if (waiter !== undefined) this.remove(waiter)
    return waiter
  }
}
