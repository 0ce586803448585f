/** Any plan of faults, generated from what faults are made of. */
import * as fc from "fast-check"
import { type Fault, type FaultPart, faultParts, type FaultPlan, type FaultTag } from "../../../../inprocess/index.ts"

const partOf = (part: FaultPart, hosts: number): fc.Arbitrary<unknown> => {
  const host = fc.nat(hosts - 1)
  if (part === "host") return host
  if (part === "hosts") return fc.uniqueArray(host, { maxLength: hosts })
  return fc.integer({ min: part.least, max: part.most })
}

const tags = Object.keys(faultParts) as ReadonlyArray<FaultTag>

export const anyFault = (hosts: number, among: ReadonlyArray<FaultTag> = tags): fc.Arbitrary<Fault> =>
  fc.oneof(
    ...among.map((tag) => {
      const parts = Object.entries<FaultPart>(faultParts[tag]).map(([name, part]) => [name, partOf(part, hosts)])
      return fc.record<Record<string, unknown>>({ _tag: fc.constant(tag), ...Object.fromEntries(parts) })
    })
  ) as fc.Arbitrary<Fault>

/** Amounts as in practice: so that something comes through while the plan lasts. */
const tamed = (fault: Fault): Fault =>
  fault._tag === "latency"
    ? { ...fault, millis: fault.millis % 300, jitter: fault.jitter % 300 }
    : fault._tag === "bandwidth" || fault._tag === "slow"
    ? { ...fault, bytesPerSecond: 1000 + fault.bytesPerSecond % 50_000 }
    : fault._tag === "crash"
    ? { ...fault, noticed: fault.noticed % 3000 }
    : fault

export const anyPlan = (hosts: number, lastMillis: number, among?: ReadonlyArray<FaultTag>): fc.Arbitrary<FaultPlan> =>
  fc.array(fc.record({ at: fc.nat(lastMillis), fault: anyFault(hosts, among).map(tamed) }), { maxLength: 12 })
