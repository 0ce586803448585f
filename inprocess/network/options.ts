import { Duration } from "effect"
import { type PeerId } from "../../signatures/index.ts"
import { type Latency } from "./Channel.ts"
import { type Trace } from "./Trace.ts"

export interface NetworkOptions {
  /** Of all that the network draws. Default: one draw from `Random`, so a seeded run has a seeded network. */
  readonly seed?: number | string
  /** One way, between any two hosts. Default: 10 ms. */
  readonly latency?: Duration.Input
  /** Up to so much is added to each packet's latency, evenly. Default: 2 ms. */
  readonly jitter?: Duration.Input
  /** The chance that a chunk arrives in two pieces. Default: 0.1. */
  readonly splitting?: number
  readonly trace?: Trace
}

export interface HostOptions {
  /** Default: one globally routable IPv4 address in a /24 of its own, TCP. None: it can only dial. */
  readonly addresses?: ReadonlyArray<string>
}

const micros = (input: Duration.Input): number => Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(input)) * 1000)

export const makeLatency = (latency: Duration.Input, jitter: Duration.Input): Latency => ({
  base: micros(latency),
  jitter: micros(jitter)
})

/** What names a host in calls of the network: any value of it, before or after a restart. */
export interface HostName {
  readonly peer: PeerId
}
