import type { OpenFailed } from "../../signatures/index.ts"

/** Half of what a peer takes: those that we have given up may still stand there, and those that are on their way. */
const maxAsked = 8

/** An opening that stands in the line. */
export interface InLine {
  /** Its turn has come. */
  begin(): void
  /** It would wait in vain. It stands here no more. */
  refused(error: OpenFailed): void
}

/**
 * The openings of a link, in the order in which they began. Eight at once await the peer's answer, as it resets the streams
 * of a crowd; the others wait for their turn. When one has waited in vain while nobody was answered, nobody waits on.
 */
export class OpeningLine {
  private readonly now: () => number
  /** In the order in which they came. */
  private readonly waiting = new Set<InLine>()
  private readonly asked = new Set<InLine>()
  private isHanding = false
  private answeredAt = Number.NEGATIVE_INFINITY

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.now = now
  }

  /** It begins when its turn has come: at once, if there is room. */
  enter(opening: InLine): void {
    this.waiting.add(opening)
    this.hand()
  }

  /** To be called by each, whatever became of it, and whether or not it had its turn. */
  leave(opening: InLine): void {
    this.waiting.delete(opening)
    if (this.asked.delete(opening)) this.hand()
  }

  /** The peer has said yes or no. */
  answered(): void {
    this.answeredAt = this.now()
  }

  /** It has not, since then. */
  unanswered(since: number, error: OpenFailed): void {
    if (this.answeredAt >= since) return
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const opening of waiting) opening.refused(error)
  }

  /** One that was given its turn may end before the next is given: so this is a loop, and not a tower of calls. */
  private hand(): void {
    if (this.isHanding) return
    this.isHanding = true
    for (const opening of this.waiting) {
      if (this.asked.size === maxAsked) break
      this.waiting.delete(opening)
      this.asked.add(opening)
      opening.begin()
    }
    this.isHanding = false
  }
}
