/**
 * Slots that an empty queue may keep: what a batch of small messages needs again and again, and not what a flood did once. The
 * first few are made again in no time, so that thousands of queues that are empty mostly keep none.
 */
const least = 8
const most = 1024

/** Of a queue that is empty: nothing is ever put into it. */
const noItems: Array<never> = []

/** A queue over a circular array: constant time at both ends, and no memory kept for what has left. */
export class Ring<A> {
  private items: Array<A | undefined> = noItems
  private head = 0
  size = 0

  push(item: A): void {
    if (this.size === this.items.length) this.grow()
    this.items[(this.head + this.size) & (this.items.length - 1)] = item
    this.size++
  }

  unshift(item: A): void {
    if (this.size === this.items.length) this.grow()
    this.head = (this.head - 1) & (this.items.length - 1)
    this.items[this.head] = item
    this.size++
  }

  shift(): A | undefined {
    if (this.size === 0) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head = (this.head + 1) & (this.items.length - 1)
    this.size--
    if (this.size === 0 && (this.items.length === least || this.items.length > most)) this.clear()
    return item
  }

  clear(): void {
    this.items = noItems
    this.head = 0
    this.size = 0
  }

  private grow(): void {
    const { head, items, size } = this
    this.head = 0
    // A literal is several times faster than any other way.
    if (size === 0) {
      this.items = [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined]
      return
    }
    this.items = Array.from<A | undefined>({ length: size * 2 })
    for (let i = 0; i < size; i++) this.items[i] = items[(head + i) & (items.length - 1)]
  }
}
