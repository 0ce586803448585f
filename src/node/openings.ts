import { Cause, Effect, Exit, Fiber } from "effect"
import type { LeaseFailed, OpenedConnection, OpenFailed, Rejected } from "../../signatures/index.ts"

type NotOpened = Rejected | LeaseFailed | OpenFailed

/** How an opening came out. `Cancelled`: by ourselves, or by a defect of whoever opens, which is logged. */
export type OpeningResult =
  | { readonly _tag: "Opened"; readonly opened: OpenedConnection }
  | { readonly _tag: "NotOpened"; readonly error: NotOpened }
  | { readonly _tag: "Cancelled" }

const resultOf = (exit: Exit.Exit<OpenedConnection, NotOpened>): OpeningResult => {
  if (Exit.isSuccess(exit)) return { _tag: "Opened", opened: exit.value }
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure === undefined ? { _tag: "Cancelled" } : { _tag: "NotOpened", error: failure.error }
}

/** An opening that can be given up, also before it has begun. */
export class Opening {
  readonly #open: Effect.Effect<OpenedConnection, NotOpened>
  #fiber: Fiber.Fiber<OpenedConnection, NotOpened> | undefined
  #isCancelled = false

  constructor(open: Effect.Effect<OpenedConnection, NotOpened>) {
    this.#open = open
  }

  /**
   * To be run once. Never fails, isn't interrupted itself, and hands every connection that came about to its caller: the
   * opening gets a fiber of its own, so that giving it up can't lose a connection that came in the same moment.
   */
  run(): Effect.Effect<OpeningResult> {
    return Effect.gen({ self: this }, function*() {
      if (this.#isCancelled) return { _tag: "Cancelled" } as const
      const fiber = this.#fiber = yield* Effect.forkChild(this.#open, { startImmediately: true })
      if (this.#isCancelled) fiber.interruptUnsafe()
      const exit = yield* Fiber.await(fiber)
      if (Exit.isFailure(exit) && exit.cause.reasons.some(Cause.isDieReason)) {
        yield* Effect.logError("an opening died: this is a bug", exit.cause)
      }
      return resultOf(exit)
    })
  }

  cancel(): void {
    this.#isCancelled = true
    this.#fiber?.interruptUnsafe()
  }
}
