/** A number that says how much, with what makes sense of it. */
export interface Amount {
  readonly unit: "milliseconds" | "percent" | "bytes per second" | "ordinal"
  readonly least: number
  readonly most: number
}

/** What a part of a fault is: a host, by its index in the network, several of them, or an amount. All are whole numbers. */
export type FaultPart = "host" | "hosts" | Amount

const millis = (most: number): Amount => ({ unit: "milliseconds", least: 0, most })
const jump: Amount = { unit: "milliseconds", least: -86_400_000, most: 86_400_000 }
const bytesPerSecond: Amount = { unit: "bytes per second", least: 1, most: 1_000_000_000 }
const ordinal: Amount = { unit: "ordinal", least: 0, most: 9_999 }

/**
 * All faults there are, and what each is made of, in the order in which they are written. The one source of their types, of
 * how they are written and read, and of what generates them.
 */
export const faultParts = {
  /** Nothing passes between these hosts and all others. Packets are lost, and sent again until the repair. */
  partition: { hosts: "hosts" },
  /** One way only. */
  block: { from: "host", to: "host" },
  /** Of all partitions and blocks. */
  repair: {},
  /** Packets on the way wait. */
  hold: { from: "host", to: "host" },
  /** What waits comes in order and at once. Of all that is held. */
  release: {},
  /** Of packets, one way. A lost one comes later, since links are reliable. */
  loss: { from: "host", to: "host", percent: { unit: "percent", least: 0, most: 90 } },
  /** Both ways. */
  latency: { a: "host", b: "host", millis: millis(60_000), jitter: millis(60_000) },
  /** One way, shared by all streams between the two. */
  bandwidth: { from: "host", to: "host", bytesPerSecond },
  /** Every link between the two is lost. */
  reset: { a: "host", b: "host" },
  /** The n-th of the streams between the two is lost, counting round. */
  resetStream: { a: "host", b: "host", nth: ordinal },
  /** Its process reads so slowly, all of its streams together. */
  slow: { host: "host", bytesPerSecond },
  /** The process is killed, and what it had not synced is torn. Others notice after so long. */
  crash: { host: "host", noticed: millis(3_600_000) },
  /** With what was persisted. Of a host that is up: a crash that is noticed at once, and a restart. */
  restart: { host: "host" },
  /** By so much its wall clock is now ahead. */
  skew: { host: "host", millis: jump },
  /** So far its wall clock jumps. */
  step: { host: "host", millis: jump }
} as const satisfies Record<string, Readonly<Record<string, FaultPart>>>

type Parts = typeof faultParts

export type FaultTag = keyof Parts

/** Something that befalls the network, as plain data. */
export type Fault = {
  readonly [Tag in FaultTag]:
    & { readonly _tag: Tag }
    & {
      readonly [Part in keyof Parts[Tag]]: Parts[Tag][Part] extends "hosts" ? ReadonlyArray<number> : number
    }
}[FaultTag]

/** A fault, and when, in virtual milliseconds from the start of the plan. */
export interface PlannedFault {
  readonly at: number
  readonly fault: Fault
}

/** Carried out in the order of time; of one instant, in the order of the list. */
export type FaultPlan = ReadonlyArray<PlannedFault>
