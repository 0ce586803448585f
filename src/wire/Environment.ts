import { Clock, type Context, Duration, Effect, FiberSet, Random } from "effect"
import { type ConnectionPool, monotonicMillis } from "../../signatures/index.ts"
import { Deadlines } from "./Deadlines.ts"
import { Ear } from "./Ear.ts"
import { Introductions } from "./Introductions.ts"
import { OwnRecord } from "./OwnRecord.ts"
import { Pulse } from "./Pulse.ts"
import { Served } from "./Served.ts"
import { Subscribers } from "./Subscribers.ts"

export interface ConnectionsOptions {
  /** After which a link on which nothing has arrived is pinged: by its dialler, by the other end a fifth later. Default 5 seconds. */
  readonly pingInterval?: Duration.Input
  /** A link on which nothing has arrived for so long is dead. Default 12 seconds. */
  readonly silence?: Duration.Input
}

/** How long either end of an opening may take. */
export const openingMillis = 5_000

/** How long a stream may linger after the last word, and a link after a goodbye. */
export const resetMillis = 1_000

/** What all links of a process share. Everything that runs here ends with the scope. */
export interface Environment {
  readonly pool: Context.Service.Shape<typeof ConnectionPool>
  readonly served: Served
  readonly introductions: Introductions
  readonly ownRecord: OwnRecord
  readonly pingMillis: number
  readonly silenceMillis: number
  readonly ear: Ear
  readonly pulse: Pulse
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly randomBytes: (n: number) => Uint8Array
  readonly subscribers: Subscribers
  /** Runs an effect in the background; gives its cancel. */
  readonly start: (effect: Effect.Effect<void>) => () => void
  /** Calls `f` once after so many milliseconds; gives its cancel. */
  readonly later: (millis: number, f: () => void) => () => void
}

export const makeEnvironment = Effect.fnUntraced(function*(
  pool: Context.Service.Shape<typeof ConnectionPool>,
  seal: Effect.Effect<Uint8Array>,
  renewed: () => void,
  options: ConnectionsOptions
) {
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  const random = yield* Random.Random
  const start: Environment["start"] = (effect) => {
    const fiber = run(effect)
    return () => fiber.interruptUnsafe()
  }
  const now = yield* monotonicMillis
  const clock = yield* Clock.Clock
  const ownRecord = new OwnRecord({
    wall: () => clock.currentTimeMillisUnsafe(),
    seal: (done) => void start(Effect.map(seal, done)),
    renewed
  }, yield* seal)
  const deadlines = new Deadlines(now, start)
  const pingMillis = Duration.toMillis(options.pingInterval ?? "5 seconds")
  return {
    pool,
    served: new Served(),
    introductions: new Introductions(),
    ownRecord,
    pingMillis,
    silenceMillis: Duration.toMillis(options.silence ?? "12 seconds"),
    ear: new Ear(pingMillis, now()),
    pulse: new Pulse({ now, start, pingMillis, beating: () => ownRecord.look() }),
    now,
    randomBytes: (n) => Uint8Array.from({ length: n }, () => Math.floor(random.nextDoubleUnsafe() * 256)),
    subscribers: new Subscribers(),
    start,
    later: (millis, f) => deadlines.later(millis, f)
  } satisfies Environment as Environment
})
