/** How many messages may come now. Starts full. */
export interface TokenBucket {
  readonly tokens: number
  /** Monotonic milliseconds. */
  readonly at: number
}

export interface TokenRate {
  readonly burst: number
  readonly perSecond: number
}

/** None: too many. */
export const takeToken = (bucket: TokenBucket | undefined, rate: TokenRate, now: number): TokenBucket | undefined => {
  const tokens = bucket === undefined
    ? rate.burst
    : Math.min(rate.burst, bucket.tokens + (Math.max(0, now - bucket.at) * rate.perSecond) / 1000)
  return tokens < 1 ? undefined : { tokens: tokens - 1, at: now }
}
