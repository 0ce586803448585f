import { Duration } from "effect"

export interface PeerExchangeOptions {
  /** How long a peer must have been known to live before others are told of it. Default 5 minutes; a devnet needs less. */
  readonly provenFor?: Duration.Input
  /** How long a peer that asks again is told of the same peers. Default 15 minutes. */
  readonly sameFor?: Duration.Input
  /** Before a peer is asked again that could have told more, or said nothing; doubles each time up to `sameFor`. Default 30 seconds. */
  readonly askAgain?: Duration.Input
  /** So many known peers are enough: then peers are asked only while a chain has few left to try. Default 256. */
  readonly enough?: number
  /**
   * While fewer than `enough` are known and no linked peer is left to be asked, one that was never asked is dialled to ask it, so
   * often. Default 2 seconds; "Infinity" dials none.
   */
  readonly visitEvery?: Duration.Input
}

/** Durations in milliseconds. */
export interface ExchangeSetting {
  readonly provenFor: number
  readonly sameFor: number
  readonly askAgain: number
  readonly enough: number
  readonly visitEvery: number
}

export const exchangeSetting = (options: PeerExchangeOptions = {}): ExchangeSetting => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  return {
    provenFor: millis(options.provenFor ?? "5 minutes"),
    sameFor: millis(options.sameFor ?? "15 minutes"),
    askAgain: millis(options.askAgain ?? "30 seconds"),
    enough: options.enough ?? 256,
    visitEvery: millis(options.visitEvery ?? "2 seconds")
  }
}

/** Signed records in an answer. */
export const fullAnswer = 8
