/** Header sync of one chain: the best chain of headers, kept in a file, and the session that fetches and serves them. */
import { Effect, Latch, PubSub, type Scope, Stream } from "effect"
import type { Disk, DiskFailed, P2pSession } from "../../../signatures/index.ts"
import { Core, type Moment } from "./Core.ts"
import { HeadersInvalid, headersInvalid, type HeaderStoreDamaged } from "./errors.ts"
import { displayHash, headerSize } from "./header.ts"
import { openHeaderStore, type Repairs } from "./HeaderStore.ts"
import { keepSaved } from "./keepSaved.ts"
import { maxBatch } from "./messages.ts"
import type { HeaderParams } from "./params.ts"
import { type HeaderSyncError, momentReader, runSession } from "./runSession.ts"

export interface HeaderSyncOptions {
  /** Of the header file; `<path>.journal` is kept beside it. One process and one chain per file. */
  readonly path: string
  readonly params: HeaderParams
  /**
   * Milliseconds that the session which fetches headers may take over 2,000 of them, if another could take its place.
   * Default 5,000.
   */
  readonly stallAfter?: number
  /** Milliseconds after which a session whose peer leaves a request unanswered fails. Default 60,000. */
  readonly giveUpAfter?: number
  /** Headers of a fork that are kept in memory, at 80 bytes, while it has less work than the best chain. Default 100,000. */
  readonly maxCandidate?: number
}

export interface HeaderTip {
  readonly height: number
  /** As displayed. */
  readonly hash: string
  /** Hashes that the chain took on average, the genesis included. */
  readonly work: bigint
  /** Seconds since 1970, as the header says. */
  readonly time: number
}

export interface HeaderProgress {
  readonly tip: HeaderTip
  /** The height of the best chain that a running session has announced (its word alone), or our own where none is better. */
  readonly best: number
  /** Height up to which the file is durable; −1 while it has nothing. */
  readonly saved: number
  readonly sessions: number
  readonly downloading: boolean
  /** Seconds that this machine's clock seems to be behind; 0 unless peers have headers from its future. */
  readonly clockBehind: number
  /** Why the file could not be written, while it can't. */
  readonly saveFailure: DiskFailed | undefined
}

/** The headers of one chain in this process. All reads are of now, and never wait. */
export interface HeaderChain {
  /** Run it once per connection. */
  readonly session: P2pSession<HeaderSyncError>
  readonly tip: Effect.Effect<HeaderTip>
  readonly progress: Effect.Effect<HeaderProgress>
  /** The tip now, and whenever it has changed. A slow reader misses those in between. */
  readonly changes: Stream.Stream<HeaderTip>
  /** Waits until the best chain has at least this height. */
  readonly awaitHeight: (height: number) => Effect.Effect<HeaderTip>
  /** A copy of the best chain's headers from height `from` (inclusive) to `to` (exclusive), those that are there. */
  readonly headers: (from: number, to: number) => Effect.Effect<Uint8Array>
  /**
   * Takes headers made here, 80 bytes each: verified as a peer's are, and announced if their chain has most work. Gives the tip
   * of the best chain after it.
   */
  readonly add: (headers: Uint8Array) => Effect.Effect<HeaderTip, HeadersInvalid>
  /** Waits until what the chain has now is durable. */
  readonly saved: Effect.Effect<void>
  readonly repairs: Repairs
}

const report = (path: string, repairs: Repairs): Effect.Effect<void> => {
  const said = [
    repairs.torn > 0 ? `cut off ${repairs.torn} bytes of an unfinished write` : "",
    repairs.missing > 0 ? `${repairs.missing} headers are gone from its end and will be fetched again` : "",
    repairs.completed > 0 ? `completed ${repairs.completed} headers of an interrupted write` : "",
    repairs.journalDamaged ? "its journal was damaged; all headers were verified without it" : ""
  ].filter((what) => what !== "")
  return said.length === 0 ? Effect.void : Effect.logWarning(`${path}: ${said.join("; ")}`)
}

/**
 * Opens the file, verifies all of it, and keeps it up with what the sessions bring, until the scope closes. Make it once per
 * chain and process; its session may run on any number of connections at once. A file that is missing is made.
 */
export const headerSync = Effect.fnUntraced(function*(
  options: HeaderSyncOptions
): Effect.fn.Return<HeaderChain, DiskFailed | HeaderStoreDamaged, Disk | Scope.Scope> {
  const { maxCandidate = 100_000, giveUpAfter = 60_000, params, path, stallAfter = 5_000 } = options
  const store = yield* openHeaderStore(path, params)
  yield* report(path, store.repairs)
  // At once, so that a file that can't be written stops the start.
  if (store.behind()) yield* store.save
  const keeper = yield* keepSaved(store)
  const moment = yield* momentReader
  const changed = yield* PubSub.sliding<void>(1)
  const core = new Core(store.index, {
    params,
    stallAfter,
    giveUpAfter,
    batch: maxBatch,
    maxCandidate,
    onChange: store.changed,
    wake: () => {
      keeper.wake()
      PubSub.publishUnsafe(changed, undefined)
    }
  })

  // One fiber minds all deadlines. It sleeps only while there is one.
  const due = Latch.makeUnsafe()
  let sleepsUntil = Infinity
  const alarm = ({ now }: Moment): void => {
    const next = core.deadline(now)
    if (next !== undefined && next < sleepsUntil) due.openUnsafe()
  }
  yield* Effect.gen(function*() {
    due.closeUnsafe()
    const { now } = moment()
    const next = core.deadline(now)
    sleepsUntil = next ?? Infinity
    yield* next === undefined ? due.await : Effect.timeoutOption(due.await, Math.max(1, Math.ceil(next - now)))
    core.tick(moment())
  }).pipe(Effect.forever, Effect.forkScoped)

  const tip = Effect.sync((): HeaderTip => {
    const { index } = core
    return {
      height: index.height,
      hash: displayHash(index.tipHash),
      work: index.work,
      time: index.timeAt(index.height)
    }
  })
  const changes = Stream.unwrap(
    Effect.map(PubSub.subscribe(changed), (subscription) =>
      Stream.concat(
        Stream.fromEffect(tip),
        Stream.mapEffect(Stream.fromSubscription(subscription), () => tip)
      ))
  )
  return {
    session: runSession(core, moment, alarm),
    tip,
    progress: Effect.map(tip, (tip): HeaderProgress => ({
      tip,
      best: core.bestAnnounced,
      saved: store.durable() - 1,
      sessions: core.sessions,
      downloading: core.downloading,
      clockBehind: core.clockBehind,
      saveFailure: keeper.failure()
    })),
    changes,
    awaitHeight: (height) =>
      Effect.scoped(Effect.gen(function*() {
        const subscription = yield* PubSub.subscribe(changed)
        while (core.index.height < height) yield* PubSub.take(subscription)
        return yield* tip
      })),
    headers: (from, to) => Effect.sync(() => core.index.slice(Math.max(0, from), to)),
    add: (headers) =>
      Effect.suspend((): Effect.Effect<HeaderTip, HeadersInvalid> => {
        if (headers.length === 0 || headers.length % headerSize !== 0) {
          const what = `${headers.length} bytes are not a whole number of headers`
          return Effect.fail(new HeadersInvalid({ height: core.index.height + 1, what }))
        }
        const at = moment()
        const bad = core.add(headers, at)
        alarm(at)
        return bad === undefined ? tip : Effect.fail(headersInvalid(bad))
      }),
    saved: keeper.saved,
    repairs: store.repairs
  }
})
