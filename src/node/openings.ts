import { Cause, type Context, Effect, Exit, type Fiber } from "effect"
import type { LeaseFailed, OpenedConnection, OpenFailed, Rejected } from "../../signatures/index.ts"

type NotOpened = Rejected | LeaseFailed | OpenFailed

/** How an opening came out. `Cancelled`: by ourselves, or by a defect of whoever opens. */
export type OpeningResult =
  | { readonly _tag: "Opened"; readonly opened: OpenedConnection }
  | { readonly _tag: "NotOpened"; readonly error: NotOpened }
  | { readonly _tag: "Cancelled"; readonly died?: Cause.Cause<NotOpened> }

const resultOf = (exit: Exit.Exit<OpenedConnection, NotOpened>): OpeningResult => {
  if (Exit.isSuccess(exit)) return { _tag: "Opened", opened: exit.value }
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return { _tag: "NotOpened", error: failure.error }
  return exit.cause.reasons.some(Cause.isDieReason) ? { _tag: "Cancelled", died: exit.cause } : { _tag: "Cancelled" }
}

/** An opening that can be given up, also before it has begun. */
export class Opening {
  readonly attempt: number
  #fiber: Fiber.Fiber<OpenedConnection, NotOpened> | undefined
  #isCancelled = false

  constructor(attempt: number) {
    this.attempt = attempt
  }

  /**
   * Once. `told` hears of it once, and gets every connection that came about: the opening has a fiber of its own, so that
   * giving it up can't lose a connection that came in the same moment.
   */
  run<R>(
    open: Effect.Effect<OpenedConnection, NotOpened, R>,
    context: Context.Context<R>,
    told: (result: OpeningResult) => void
  ): void {
    if (this.#isCancelled) return told({ _tag: "Cancelled" })
    const fiber = this.#fiber = Effect.runForkWith(context)(open)
    fiber.addObserver((exit) => told(resultOf(exit)))
    if (this.#isCancelled) fiber.interruptUnsafe()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#fiber?.interruptUnsafe()
  }
}
