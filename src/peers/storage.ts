/** The book's file: read at the start, written behind everybody's back. Whatever the disk does, the book goes on. */
import { Clock, Effect, Latch, Option, Result, type Scope } from "effect"
import { Disk, type DiskFailed, monotonicMillis } from "../../signatures/index.ts"
import { decodeBook, maxFileBytes, type ReadBook, type Unreadable } from "./file.ts"
import type { Setting } from "./options.ts"

/** From a change to its write, so that what happens together is written together. */
const settleTime = "1 second"
/** From one write to the next. */
const restTime = "4 seconds"
/** So much longer while nothing but counts and times of peers that are written already has changed. */
const calmTime = "25 seconds"
/** From a write that failed to the next. */
const retryTime = "30 seconds"
/** How often a disk that goes on failing is complained of. */
const complainMillis = 10 * 60_000
/** How long the end of a process waits for its disk. */
const endWithin = "3 seconds"

const nothing: ReadBook = { peers: new Map(), bans: new Map(), strange: 0 }

/** Out of the way, so that it can be looked at, and is not written over. */
const setAside = (path: string, why: string) =>
  Effect.flatMap(Disk, (disk) => disk.setAside(path)).pipe(
    Effect.flatMap((aside) =>
      Effect.logWarning(
        `the peer book ${path} ${why}: it is kept as ${aside}, and peers are found anew; delete it if you don't need it`
      )
    ),
    Effect.catch((error) =>
      Effect.logWarning(
        `the peer book ${path} ${why}, and can't be put aside: peers are found anew, and it will be written over`,
        error.message
      )
    ),
    Effect.as(nothing)
  )

const inWords = (why: Unreadable): string => why === "damaged" ? "is damaged" : "was written by another version"

/** What the file says; nothing if there is none or it can't be used. */
export const readBook = (path: string, setting: Setting): Effect.Effect<ReadBook, never, Disk> =>
  Effect.gen(function*() {
    const disk = yield* Disk
    const size = yield* disk.size(path)
    if (Option.isNone(size)) return nothing
    const bytes = yield* disk.read(path, 0, Math.min(size.value, maxFileBytes))
    const now = yield* monotonicMillis
    const read = decodeBook(bytes, setting, now(), yield* Clock.currentTimeMillis)
    if (Result.isFailure(read)) return yield* setAside(path, inWords(read.failure))
    const { strange } = read.success
    if (strange > 0) {
      yield* Effect.logWarning(`the peer book ${path} says ${strange} things that this version can't use`)
    }
    return read.success
  }).pipe(Effect.catch((error) => setAside(path, `can't be read (${error.message})`)))

/**
 * Gives what is to be called after each change. A second later, and at most every five seconds (every thirty while there is no
 * news), the book is written; what has changed since the last time is written when the scope closes.
 */
export const writeBook = Effect.fnUntraced(function*(
  path: string,
  /** What is to be written. */
  contents: (wallNow: number) => Uint8Array
): Effect.fn.Return<(isNews: boolean) => void, never, Disk | Scope.Scope> {
  const disk = yield* Disk
  const now = yield* monotonicMillis
  const changed = Latch.makeUnsafe()
  const news = Latch.makeUnsafe()
  // Counted, as more may change while a write is under way.
  let changes = 0
  let written = 0
  let complainedAt = Number.NEGATIVE_INFINITY

  const complain = (error: DiskFailed) =>
    Effect.suspend(() => {
      if (now() - complainedAt < complainMillis) return Effect.void
      complainedAt = now()
      return Effect.logWarning(
        `the peer book can't be written, and is tried again: what is learnt now is lost at a restart. ${error.message}`
      )
    })
  const write = Effect.gen(function*() {
    const upTo = changes
    yield* disk.replace(path, contents(yield* Clock.currentTimeMillis))
    written = upTo
  })
  const loop = Effect.gen(function*() {
    yield* changed.await
    yield* Effect.sleep(settleTime)
    yield* changed.close
    yield* news.close
    yield* write.pipe(
      Effect.andThen(Effect.sleep(restTime)),
      Effect.andThen(Effect.timeoutOption(news.await, calmTime)),
      Effect.catch((error) =>
        Effect.andThen(complain(error), Effect.sleep(retryTime)).pipe(Effect.andThen(changed.open))
      )
    )
  })
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => written < changes ? write.pipe(Effect.catch(complain)) : Effect.void).pipe(
      Effect.interruptible,
      Effect.timeoutOption(endWithin)
    )
  )
  yield* Effect.forkScoped(Effect.forever(loop))
  return (isNews) => {
    changes++
    changed.openUnsafe()
    if (isNews) news.openUnsafe()
  }
})
