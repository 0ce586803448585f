import { type PeerId } from "../../signatures/index.ts"
import { type Fault } from "./Fault.ts"

/** What happened on the network, as data. Times in microseconds; `host` is where it happened, `peer` the other end. */
export type TraceEvent =
  | { readonly _tag: "LinkUp"; readonly at: number; readonly host: PeerId; readonly peer: PeerId }
  | {
    readonly _tag: "LinkEnded"
    readonly at: number
    readonly host: PeerId
    readonly peer: PeerId
    readonly by: "local" | "remote" | "lost"
  }
  /** Bytes of one write, or of a part of it, that have come. */
  | {
    readonly _tag: "Bytes"
    readonly at: number
    readonly sentAt: number
    readonly host: PeerId
    readonly peer: PeerId
    readonly size: number
  }
  /** One of a plan. */
  | { readonly _tag: "Fault"; readonly at: number; readonly fault: Fault }

/** Hears of each event as it happens. Must not call back into the network. */
export type Trace = (event: TraceEvent) => void
