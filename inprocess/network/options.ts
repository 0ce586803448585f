import { Duration } from "effect"
import { type PeerId } from "../../signatures/index.ts"
import { type Conditions, type Latency } from "./Channel.ts"
import { type Trace } from "./Trace.ts"

export interface NetworkOptions {
  /** Of all that the network draws. Default: one draw from `Random`, so a seeded run has a seeded network. */
  readonly seed?: number | string
  /** One way, between any two hosts. Default: 10 ms. */
  readonly latency?: Duration.Input
  /** Up to so much is added to each packet's latency, evenly. Default: 2 ms. */
  readonly jitter?: Duration.Input
  /** The chance that a packet is lost, and comes later therefore: 0 to 0.9. Default: 0. */
  readonly loss?: number
  /** Bytes per second from one host to another, shared by the streams between them. Default: no limit. */
  readonly bandwidth?: number
  /** Above so many bytes that were written and not read, per stream and direction, a `write` answers false. Default: 256 KiB. */
  readonly buffer?: number
  /** The chance that a chunk arrives in two pieces. Default: 0.1. */
  readonly splitting?: number
  readonly trace?: Trace
}

export interface HostOptions {
  /** Default: one globally routable IPv4 address in a /24 of its own, TCP. None: it can only dial. */
  readonly addresses?: ReadonlyArray<string>
  /** By so many milliseconds its wall clock is ahead. Default: 0. */
  readonly skew?: number
  /** So much faster its clocks run, in parts per million. Default: 0. */
  readonly drift?: number
  /** Bytes per second that its process reads, all streams together. Default: no limit. */
  readonly reads?: number
}

export const micros = (input: Duration.Input): number =>
  Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(input)) * 1000)

export const makeLatency = (latency: Duration.Input, jitter: Duration.Input): Latency => ({
  base: micros(latency),
  jitter: micros(jitter)
})

/** Above that, hardly anything would ever come. */
export const boundLoss = (loss: number): number => Math.min(0.9, Math.max(0, loss))

/** Less than a byte per second would be a hold, and no number is no limit. */
export const boundRate = (bytesPerSecond: number | undefined): number => Math.max(1, bytesPerSecond ?? Infinity)

export const makeConditions = (options: NetworkOptions): Conditions => ({
  latency: makeLatency(options.latency ?? "10 millis", options.jitter ?? "2 millis"),
  loss: boundLoss(options.loss ?? 0),
  bandwidth: boundRate(options.bandwidth)
})

/** What names a host in calls of the network: any value of it, before or after a restart. */
export interface HostName {
  readonly peer: PeerId
}
