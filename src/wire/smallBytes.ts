const slabBytes = 8 * 1024
/** Above it memory of its own costs little beside what it carries. */
export const smallBytes = 1024

/** Memory from which bytes are taken, one piece behind the other. */
export interface Slab {
  readonly bytes: Uint8Array
  /** Up to there it is taken. */
  taken: number
}

const makeSlab = (size: number): Slab => ({ bytes: new Uint8Array(size), taken: 0 })

let common = makeSlab(slabBytes)

/**
 * Memory with room for so many fresh bytes, from `taken` on. Small ones come from a common slab, which is several times cheaper
 * than memory of their own, and which lives as long as the last of them: so nobody keeps what it was sent without copying it.
 */
export const slabFor = (size: number): Slab => {
  if (size > smallBytes) return makeSlab(size)
  if (common.taken + size > slabBytes) common = makeSlab(slabBytes)
  return common
}
