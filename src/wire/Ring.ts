/** Slots that an empty queue may keep: what a batch of small messages needs again and again, and not what a flood did once. */
const kept = 1024

/** Of a queue that is empty: nothing is ever put into it. */
const noItems: Array<never> = []

/** A queue over a circular array: constant time at both ends, and no memory kept for what has left. */
export class Ring<A> {
  private items: Array<A | undefined> = noItems
  private head = 0
  size = 0

  push(item: A): void {
    if (this.size === this.items.length) this.resize(Math.max(8, this.size * 2))
    this.items[(this.head + this.size) & (this.items.length - 1)] = item
    this.size++
  }

  unshift(item: A): void {
    if (this.size === this.items.length) this.resize(Math.max(8, this.size * 2))
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
    if (this.size === 0 && this.items.length > kept) this.clear()
    return item
  }

  clear(): void {
    this.items = noItems
    this.head = 0
    this.size = 0
  }

  /** `capacity` is a power of two. */
  private resize(capacity: number): void {
    const items = Array.from<A | undefined>({ length: capacity })
    for (let i = 0; i < this.size; i++) items[i] = this.items[(this.head + i) & (this.items.length - 1)]
    this.items = items
    this.head = 0
  }
}
