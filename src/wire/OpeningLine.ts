import { Effect } from "effect"
import type { OpenedConnection, OpenFailed, Rejected } from "../../signatures/index.ts"

/** Half of what a peer takes: those that we have given up may still stand there, and those that are on their way. */
const maxAsked = 8

interface Place {
  hasTurn: boolean
  readonly resume: (turn: Effect.Effect<void, OpenFailed>) => void
}

type AnOpening = Effect.Effect<OpenedConnection, Rejected | OpenFailed>

/**
 * The openings of a link, in the order in which they began. Eight at once await the peer's answer, as it resets the streams
 * of a crowd; the others wait for their turn. When one has waited in vain while nobody was answered, nobody waits on.
 */
export class OpeningLine {
  private readonly now: () => number
  /** In the order in which they came. */
  private readonly waiting = new Set<Place>()
  private free = maxAsked
  private isHanding = false
  private answeredAt = Number.NEGATIVE_INFINITY

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.now = now
  }

  /** Begins the opening when its turn has come. */
  inTurn(opening: AnOpening): AnOpening {
    return Effect.suspend(() => {
      let place: Place | undefined
      const turn = Effect.callback<void, OpenFailed>((resume) => {
        this.waiting.add(place = { hasTurn: false, resume })
        this.hand()
      })
      const asked = Effect.suspend(() => {
        const began = this.now()
        return opening.pipe(
          Effect.tap(() => Effect.sync(() => this.answeredAt = this.now())),
          Effect.tapError((error) => Effect.sync(() => this.failed(error, began)))
        )
      })
      return Effect.uninterruptibleMask((restore) =>
        Effect.ensuring(Effect.andThen(restore(turn), restore(asked)), Effect.sync(() => this.leave(place)))
      )
    })
  }

  private failed(error: Rejected | OpenFailed, began: number): void {
    if (error._tag === "Rejected") this.answeredAt = this.now()
    else if (error.reason === "timeout" && this.answeredAt < began) {
      const waiting = [...this.waiting]
      this.waiting.clear()
      for (const { resume } of waiting) resume(Effect.fail(error))
    }
  }

  /** One that was given its turn may end before the next is given: so this is a loop, and not a tower of calls. */
  private hand(): void {
    if (this.isHanding) return
    this.isHanding = true
    for (const place of this.waiting) {
      if (this.free === 0) break
      this.waiting.delete(place)
      this.free--
      place.hasTurn = true
      place.resume(Effect.void)
    }
    this.isHanding = false
  }

  private leave(place: Place | undefined): void {
    if (place === undefined) return
    this.waiting.delete(place)
    if (!place.hasTurn) return
    this.free++
    this.hand()
  }
}
