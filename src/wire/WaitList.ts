/** One who waits. Belongs to at most one list. */
export interface Waiting<Self> {
  /** Of the first: the last. So a list is known by its first alone. Undefined in no list. */
  before: Self | undefined
  after: Self | undefined
}

/** Who waits, in the order in which they began to, is known by the first of them. Gives who is first when this one has come. */
export const joined = <W extends Waiting<W>>(first: W | undefined, waiter: W): W => {
  if (first === undefined) {
    waiter.before = waiter
    return waiter
  }
  const last = first.before ?? first
  last.after = waiter
  waiter.before = last
  first.before = waiter
  return first
}

/** Who is first when this one has left. Constant time for anybody. */
export const without = <W extends Waiting<W>>(first: W | undefined, waiter: W): W | undefined => {
  const { after, before } = waiter
  if (first === undefined || before === undefined) return first
  waiter.before = undefined
  waiter.after = undefined
  if (waiter === first) {
    if (after !== undefined) after.before = before
    return after
  }
  before.after = after
  if (after === undefined) first.before = before
  else after.before = before
  return first
}
