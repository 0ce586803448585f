/** Of many who wait for the same, a few say it. */
const shown = 6

const seconds = (micros: number): string => `${micros / 1_000_000} s of virtual time`

const messageOf = (reason: unknown): string => reason instanceof Error ? reason.message : String(reason)

/** The invariant threw, or answered false. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken"
  constructor(micros: number, steps: number, reason: unknown) {
    const why = reason === undefined ? "" : `: ${messageOf(reason)}`
    super(`the invariant is broken after ${seconds(micros)} and ${steps} steps${why}`, { cause: reason })
  }
}

/** All faults were over, and what had to come then did not. */
export class NotConverged extends Error {
  override readonly name = "NotConverged"
  constructor(micros: number, waited: number, programs: ReadonlyArray<number> | undefined) {
    const what = programs === undefined
      ? "the condition of eventually still does not hold"
      : `these hosts' programs have not ended: ${programs.join(", ")}`
    super(`after ${seconds(micros)}, of which the last ${seconds(waited)} were without faults, ${what}`)
  }

  /** The same, where fibers waited for what only the real world could bring: most likely that is why. */
  blamed(realWaits: ReadonlyArray<string>): this {
    if (realWaits.length > 0) {
      this.message += `. A deadlock: what these wait for never comes in a simulation${
        realWaits.slice(0, shown).map((wait) => `\n  ${wait}`).join("")
      }`
    }
    return this
  }
}
