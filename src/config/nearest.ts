/** Edits that turn one word into the other, upper and lower case being the same. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a.toLowerCase()].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b.toLowerCase()].entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** What the user may have meant; none if nothing known is near. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  const [best] = [...known]
    .map((candidate) => [distance(word, candidate), candidate] as const)
    .toSorted(([a], [b]) => a - b)
  return best !== undefined && best[0] <= Math.max(2, Math.floor(word.length / 3)) ? best[1] : undefined
}

/** ` Did you mean …?`, or nothing. */
export const didYouMean = (word: string, known: Iterable<string>): string => {
  const meant = nearest(word, known)
  return meant === undefined ? "" : `; did you mean ${meant}?`
}
