import * as fc from "fast-check"
import {
  type Fault,
  type FaultPart,
  faultParts,
  type FaultPlan,
  type FaultTag,
  parsePlan,
  type PlannedFault
} from "../network/index.ts"
import { usualAmounts } from "./amounts.ts"

export interface FaultSetting {
  readonly hosts: number
  /** The last fault comes then at the latest, in virtual milliseconds. */
  readonly millis: number
}

/** What generates plans for a scenario. Plans are plain data: they shrink, to fewer faults that come sooner. */
export type FaultSource = (setting: FaultSetting) => fc.Arbitrary<FaultPlan>

const tags = Object.keys(faultParts).filter((tag): tag is FaultTag => Object.hasOwn(faultParts, tag))

const numberBetween = (mildest: number, hardest: number): fc.Arbitrary<number> =>
  fc.nat(Math.abs(hardest - mildest)).map((far) => mildest + Math.sign(hardest - mildest) * far)

const partOf = (name: string, part: FaultPart, hosts: number): fc.Arbitrary<number | ReadonlyArray<number>> => {
  const host = fc.nat(hosts - 1)
  if (part === "host") return host
  if (part === "hosts") {
    return fc.uniqueArray(host, { minLength: 1, maxLength: Math.max(1, hosts - 1) })
      .map((side) => side.toSorted((a, b) => a - b))
  }
  const [mildest, hardest] = usualAmounts[name] ?? [part.least, part.most]
  return mildest < 0 && hardest > 0 ? fc.integer({ min: mildest, max: hardest }) : numberBetween(mildest, hardest)
}

const hostsIn = (tag: FaultTag): ReadonlyArray<string> =>
  Object.entries<FaultPart>(faultParts[tag]).flatMap(([name, part]) => part === "host" ? [name] : [])

const anyFault = (tag: FaultTag, hosts: number): fc.Arbitrary<Fault> => {
  const parts = Object.entries<FaultPart>(faultParts[tag])
  const values = parts.map(([name, part]) => [name, partOf(`${tag}.${name}`, part, hosts)] as const)
  const ends = hostsIn(tag)
  const record = fc.record<Record<string, unknown>>({ _tag: fc.constant(tag), ...Object.fromEntries(values) })
  // Two ends that are one host are no fault. `faultParts` is what the type is made of.
  return record.filter((fault) => new Set(ends.map((end) => fault[end])).size === ends.length)
    .map((fault) => fault as Fault)
}

const among = (...kinds: ReadonlyArray<FaultTag>): FaultSource => ({ hosts, millis }) => {
  const possible = hosts > 1 ? kinds : kinds.filter((tag) => hostsIn(tag).length < 2)
  if (possible.length === 0) return fc.constant([])
  const planned: fc.Arbitrary<PlannedFault> = fc.record({
    at: fc.nat(millis),
    fault: fc.oneof(...possible.map((tag) => anyFault(tag, hosts)))
  })
  return fc.array(planned, { maxLength: 8 }).map((plan) => plan.toSorted((a, b) => a.at - b.at))
}

/** Where the plans of a property come from. */
export const Faults = {
  none: (() => fc.constant([])) satisfies FaultSource as FaultSource,
  /** All kinds. */
  any: among(...tags),
  /** `Faults.among("crash", "restart")`: these kinds only. */
  among,
  /** `Faults.exactly("crash(2,0)@350 restart(2)@700")`: this plan, in every run. Throws if it is none. */
  exactly: (text: string): FaultSource => {
    const plan = parsePlan(text)
    if (plan._tag === "None") throw new Error(`not a plan of faults: ${text}`)
    return () => fc.constant(plan.value)
  }
} as const
