import { type PeerId } from "../../signatures/index.ts"
import { hashText, mixNumber, mixWords } from "../kernel/hash.ts"
import { type Fault, printFault, type TraceEvent } from "../network/index.ts"

/** What happened in a run, as data. Hosts by their index, times in virtual microseconds. */
export type SimulationEvent =
  | { readonly _tag: "Note"; readonly at: number; readonly host: number; readonly text: string }
  | { readonly _tag: "LinkUp"; readonly at: number; readonly host: number; readonly peer: number }
  | {
    readonly _tag: "LinkEnded"
    readonly at: number
    readonly host: number
    readonly peer: number
    readonly by: "local" | "remote" | "lost"
  }
  | {
    readonly _tag: "Bytes"
    readonly at: number
    readonly sentAt: number
    readonly host: number
    readonly peer: number
    readonly size: number
  }
  | { readonly _tag: "Fault"; readonly at: number; readonly fault: Fault }
  /** All faults are over. */
  | { readonly _tag: "Healed"; readonly at: number }

/** One line. */
export const printEvent = (event: SimulationEvent): string => {
  switch (event._tag) {
    case "Note":
      return `${event.at} ${event.host}: ${event.text}`
    case "LinkUp":
      return `${event.at} ${event.host}: link to ${event.peer}`
    case "LinkEnded":
      return `${event.at} ${event.host}: link to ${event.peer} ended, ${event.by}`
    case "Bytes":
      return `${event.at} ${event.host}: ${event.size} bytes of ${event.peer}, sent at ${event.sentAt}`
    case "Fault":
      return `${event.at} ${printFault(event.fault)}`
    case "Healed":
      return `${event.at} healed`
  }
}

/** Where two traces part. Undefined: nowhere. */
export const firstDifference = (
  one: ReadonlyArray<SimulationEvent>,
  other: ReadonlyArray<SimulationEvent>
): { readonly index: number; readonly one: string | undefined; readonly other: string | undefined } | undefined => {
  const line = (event: SimulationEvent | undefined) => event && printEvent(event)
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [left, right] = [line(one[index]), line(other[index])]
    if (left !== right) return { index, one: left, other: right }
  }
  return undefined
}

/** Which part of a run is kept: runs of a whole network have millions of events. */
export interface TraceWindow {
  /** Of virtual time: what comes earlier is not kept. Default: 0. */
  readonly fromMillis?: number
  /** Events: what comes after so many is not kept. Default: no limit. */
  readonly most?: number
}

/** Hears of all that happens, keeps it if asked to, and hashes it in any case. */
export class Recorder {
  readonly events: Array<SimulationEvent> = []
  readonly #indexes = new Map<PeerId, number>()
  readonly #from: number
  readonly #most: number
  #hash = 0

  constructor(keeps: boolean | TraceWindow) {
    const { fromMillis = 0, most = Infinity } = typeof keeps === "boolean" ? { most: keeps ? Infinity : 0 } : keeps
    this.#from = fromMillis * 1000
    this.#most = most
  }

  know(peer: PeerId, index: number): void {
    this.#indexes.set(peer, index)
  }

  readonly hear = (event: TraceEvent): void => {
    if (event._tag === "Fault") return this.record(event)
    const host = this.#indexes.get(event.host) ?? -1
    const peer = this.#indexes.get(event.peer) ?? -1
    if (event._tag !== "Bytes") return this.record({ ...event, host, peer })
    // Nearly all events are such, so they are neither printed nor copied for a hash alone.
    this.#count(event.at)
    this.#count(event.sentAt)
    this.#count(event.size)
    this.#count(host)
    this.#count(peer)
    if (this.#keeps(event.at)) this.events.push({ ...event, host, peer })
  }

  record(event: SimulationEvent): void {
    this.add(printEvent(event))
    if (this.#keeps(event.at)) this.events.push(event)
  }

  #count(number: number): void {
    this.#hash = mixNumber(this.#hash, number)
  }

  #keeps(at: number): boolean {
    return at >= this.#from && this.events.length < this.#most
  }

  add(text: string): void {
    this.#hash = mixWords(this.#hash, hashText(text))
  }

  hash(): string {
    return this.#hash.toString(16).padStart(8, "0")
  }
}
