import { type Clock, Duration, Effect } from "effect"

/** The wall clock of a host: so many milliseconds ahead of the network's. */
export interface WallClock {
  aheadMillis: number
}

/**
 * The clock of one host. Its wall clock may be wrong and may jump; its monotonic time never does. With a drift, in parts per
 * million, both run faster or slower than the network's, and so a wait is shorter or longer.
 */
export const hostClock = (base: Clock.Clock, wall: WallClock, drift: number): Clock.Clock => {
  const started = base.monotonicTimeNanosUnsafe()
  const ppm = BigInt(Math.round(drift))
  const gained = () => (base.monotonicTimeNanosUnsafe() - started) * ppm / 1_000_000n
  const ahead = () => BigInt(wall.aheadMillis) * 1_000_000n + gained()
  // A clock without drift is read as often as any, so it must cost no more.
  const monotonicTimeNanosUnsafe = ppm === 0n
    ? base.monotonicTimeNanosUnsafe.bind(base)
    : () => base.monotonicTimeNanosUnsafe() + gained()
  const currentTimeMillisUnsafe = ppm === 0n
    ? () => base.currentTimeMillisUnsafe() + wall.aheadMillis
    : () => base.currentTimeMillisUnsafe() + Number(ahead() / 1_000_000n)
  const currentTimeNanosUnsafe = () => base.currentTimeNanosUnsafe() + ahead()
  return {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe,
    monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe),
    sleep: ppm === 0n
      ? (duration) => base.sleep(duration)
      : (duration) =>
        base.sleep(
          Duration.isFinite(duration)
            ? Duration.millis(Duration.toMillis(duration) / (1 + Number(ppm) / 1_000_000))
            : duration
        )
  }
}
