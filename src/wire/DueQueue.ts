interface Due<A> {
  readonly at: number
  /** Of those of one instant the first that came goes first. */
  readonly order: number
  readonly item: A
}

const isBefore = <A>(a: Due<A>, b: Due<A>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** What is due when, the earliest first: a heap. */
export class DueQueue<A> {
  private readonly heap: Array<Due<A>> = []
  private order = 0

  get first(): Due<A> | undefined {
    return this.heap[0]
  }

  push(at: number, item: A): void {
    const due = { at, order: this.order++, item }
    let place = this.heap.length
    while (place > 0) {
      const above = (place - 1) >>> 1
      const other = this.heap[above]
      if (other === undefined || !isBefore(due, other)) break
      this.heap[place] = other
      place = above
    }
    this.heap[place] = due
  }

  /** Takes the first. */
  shift(): A | undefined {
    const first = this.heap[0]
    const last = this.heap.pop()
    if (last !== undefined && this.heap.length > 0) this.sink(last)
    return first?.item
  }

  /** From the top, to where it belongs. */
  private sink(due: Due<A>): void {
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      const a = this.heap[left]
      const b = this.heap[left + 1]
      const next = a !== undefined && b !== undefined && isBefore(b, a) ? b : a
      if (next === undefined || !isBefore(next, due)) break
      this.heap[place] = next
      place = next === a ? left : left + 1
    }
    this.heap[place] = due
  }
}
