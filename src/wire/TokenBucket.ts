/** How much may come now, in tokens. Starts full. */
export interface TokenBucket {
  readonly tokens: number
  /** Monotonic milliseconds. */
  readonly at: number
}

export interface TokenRate {
  readonly burst: number
  readonly perSecond: number
}

const filled = (bucket: TokenBucket | undefined, rate: TokenRate, now: number): number =>
  bucket === undefined
    ? rate.burst
    : Math.min(rate.burst, bucket.tokens + (Math.max(0, now - bucket.at) * rate.perSecond) / 1000)

/** None: too much. What costs several tokens may begin with one, and leaves a debt. */
export const takeTokens = (
  bucket: TokenBucket | undefined,
  rate: TokenRate,
  now: number,
  cost: number
): TokenBucket | undefined => {
  const tokens = filled(bucket, rate, now)
  return tokens < 1 ? undefined : { tokens: tokens - cost, at: now }
}

/** Milliseconds until there is a token. */
export const untilToken = (bucket: TokenBucket | undefined, rate: TokenRate, now: number): number =>
  Math.max(0, Math.ceil(((1 - filled(bucket, rate, now)) * 1000) / rate.perSecond))
