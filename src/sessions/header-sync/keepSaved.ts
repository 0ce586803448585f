/** Keeps the header file up with the best chain, behind the sessions' backs: they never wait for the disk. */
import { Effect, Fiber, Latch, type Scope } from "effect"
import type { DiskFailed } from "../../../signatures/index.ts"
import type { HeaderStore } from "./HeaderStore.ts"

/** How long to wait after a failed write. */
const retryEvery = "10 seconds"
/** How long the end of a chain waits for its disk; a crash would lose no more than what that leaves unwritten. */
const endWithin = "5 seconds"

export interface Keeper {
  /** The index has changed. Synchronous. */
  readonly wake: () => void
  /** Why the last attempt to write failed; undefined once one succeeded. */
  readonly failure: () => DiskFailed | undefined
  /** Completes once everything that the chain has now is durable. */
  readonly saved: Effect.Effect<void>
}

/**
 * What gathers while a write runs goes with the next. A write that fails is tried again every 10 s, and nothing is lost but time:
 * the chain in memory goes on. When the scope closes, what is left is written.
 */
export const keepSaved = Effect.fnUntraced(function*(store: HeaderStore): Effect.fn.Return<Keeper, never, Scope.Scope> {
  const dirty = Latch.makeUnsafe()
  const clean = Latch.makeUnsafe(!store.behind())
  let failure: DiskFailed | undefined
  // A write goes on whatever befalls its waiter: one that was interrupted could still be under way when the next begins.
  let writing: Fiber.Fiber<void> | undefined
  const write = store.save.pipe(
    Effect.andThen(Effect.sync(() => void (failure = undefined))),
    Effect.catch((error) =>
      Effect.suspend(() => {
        const repeated = failure !== undefined
        failure = error
        return repeated
          ? Effect.logDebug("could not save headers", error.message)
          : Effect.logWarning("could not save headers; trying again every 10 s", error.message)
      })
    )
  )
  const save = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(write), (fiber) => {
      writing = fiber
      return restore(Fiber.join(fiber))
    })
  )
  const loop = Effect.gen(function*() {
    yield* dirty.await
    yield* dirty.close
    while (store.behind()) {
      yield* save
      if (failure !== undefined) yield* Effect.sleep(retryEvery)
    }
    if (!store.behind()) clean.openUnsafe()
  })
  const last = Effect.gen(function*() {
    if (writing !== undefined) yield* Fiber.await(writing)
    if (store.behind()) yield* save
  })
  yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(last), endWithin))
  yield* Effect.forkScoped(Effect.forever(loop))
  return {
    wake: () => {
      clean.closeUnsafe()
      dirty.openUnsafe()
    },
    failure: () => failure,
    saved: clean.await
  }
})
