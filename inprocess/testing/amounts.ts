/**
 * Amounts of faults as they occur. Whoever waits an hour for a packet tests nothing but his own patience. The first is the
 * mildest, to which it shrinks. By fault and part; what is not here may be anything that a fault of its kind may have.
 */
export const usualAmounts: Readonly<Record<string, readonly [mildest: number, hardest: number]>> = {
  "latency.millis": [0, 2_000],
  "latency.jitter": [0, 1_000],
  "bandwidth.bytesPerSecond": [1_000_000, 500],
  "slow.bytesPerSecond": [1_000_000, 500],
  "crash.noticed": [0, 10_000],
  "resetStream.nth": [0, 20]
}
