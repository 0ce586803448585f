/**
 * The same pure function of a text, which remembers its last answers: at least `limit` of them, and twice as many at most, so
 * that no stranger's texts make it grow.
 */
export const remembered = <A extends {}>(limit: number, f: (text: string) => A): (text: string) => A => {
  let young = new Map<string, A>()
  let old = young
  return (text) => {
    const known = young.get(text)
    if (known !== undefined) return known
    const answer = old.get(text) ?? f(text)
    if (young.size >= limit) {
      old = young
      young = new Map()
    }
    young.set(text, answer)
    return answer
  }
}
