/** One 32-bit word from two, well mixed (the finaliser of MurmurHash3). */
export const mixWords = (a: number, b: number): number => {
  let word = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(b ^ 0x7f4a7c15, 0xc2b2ae35)
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return (word ^ (word >>> 16)) >>> 0
}

/** The same of a word and a whole number of any size. */
export const mixNumber = (word: number, number: number): number =>
  mixWords(mixWords(word, number | 0), Math.floor(number / 0x1_0000_0000))

/** FNV-1a. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
