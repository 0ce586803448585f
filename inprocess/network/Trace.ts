import { type PeerId } from "../../signatures/index.ts"

/** What happened on the network, as data. `at` in microseconds; `host` is where it happened, `peer` the other end. */
export type TraceEvent =
  | { readonly _tag: "LinkUp"; readonly at: number; readonly host: PeerId; readonly peer: PeerId }
  | {
    readonly _tag: "LinkEnded"
    readonly at: number
    readonly host: PeerId
    readonly peer: PeerId
    readonly by: "local" | "remote" | "lost"
  }
  | { readonly _tag: "Bytes"; readonly at: number; readonly host: PeerId; readonly peer: PeerId; readonly size: number }

/** Hears of each event as it happens. Must not call back into the network. */
export type Trace = (event: TraceEvent) => void
