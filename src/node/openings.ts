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
  #fiber: Fiber.Fiber<void> | undefined
  #isCancelled = false

  constructor(attempt: number) {
    this.attempt = attempt
  }

  /**
   * Once. `told` hears of it once, and gets every connection that came about: the opening has a fiber of its own, which can be
   * interrupted while it waits and not while it hands over, so that giving it up can't lose what came in the same moment.
   */
  run<R>(
    open: Effect.Effect<OpenedConnection, NotOpened, R>,
    context: Context.Context<R>,
    told: (result: OpeningResult) => void
  ): void {
    if (this.#isCancelled) return told({ _tag: "Cancelled" })
    let isTold = false
    const tell = (exit: Exit.Exit<OpenedConnection, NotOpened>): void => {
      isTold = true
      told(resultOf(exit))
    }
    const handed = Effect.flatMap(Effect.exit(open), (exit) => Effect.sync(() => tell(exit)))
    const fiber = this.#fiber = Effect.runForkWith(context)(Effect.uninterruptible(handed))
    // It may have been given up before its first step.
    fiber.addObserver(() => {
      if (!isTold) tell(Exit.interrupt())
    })
    if (this.#isCancelled) fiber.interruptUnsafe()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#fiber?.interruptUnsafe()
  }
}
