/** Which faults befall a simulated network: those that the user names, or drawn ones of some kinds. Pure. */
import { Result } from "effect"
import {
  type Fault,
  type FaultPart,
  faultParts,
  type FaultPlan,
  type FaultTag,
  type KeyedRandom,
  parsePlan,
  type PlannedFault,
  type RandomStream
} from "../../../inprocess/index.ts"
import { usualAmounts } from "../../../inprocess/testing/amounts.ts"
import { nearest } from "../../config/index.ts"

interface Setting {
  readonly nodes: number
  readonly seconds: number
  readonly random: KeyedRandom
}

const tags = Object.keys(faultParts).filter((tag): tag is FaultTag => Object.hasOwn(faultParts, tag))

/** What ends a fault comes by itself with it, and is not drawn. */
const endOf: Partial<Record<FaultTag, "repair" | "release" | "restart">> = {
  partition: "repair",
  block: "repair",
  hold: "release",
  crash: "restart"
}
const kinds = tags.filter((tag) => !Object.values(endOf).includes(tag as "repair"))

/** Of each kind, about one fault in so many virtual seconds. */
const meanSeconds = 600
/** How long what can be ended lasts. */
const lastsSeconds = [10, 120] as const

const drawSide = (nodes: number, draws: RandomStream): ReadonlyArray<number> => {
  const side = Array.from({ length: nodes }, (_, node) => node).filter(() => draws.chance(0.5))
  return side.length === 0 || side.length === nodes ? [draws.between(0, nodes)] : side
}

const drawPart = (
  name: string,
  part: FaultPart,
  nodes: number,
  draws: RandomStream
): number | ReadonlyArray<number> => {
  if (part === "hosts") return drawSide(nodes, draws)
  if (part === "host") return draws.between(0, nodes)
  const [a, b] = usualAmounts[name] ?? [part.least, part.most]
  return draws.between(Math.min(a, b), Math.max(a, b) + 1)
}

const drawFault = (tag: FaultTag, nodes: number, draws: RandomStream): Fault => {
  const parts = Object.entries<FaultPart>(faultParts[tag])
  const values: Record<string, unknown> = { _tag: tag }
  let before = -1
  for (const [name, part] of parts) {
    const drawn = drawPart(`${tag}.${name}`, part, nodes, draws)
    // Two ends are two nodes.
    values[name] = part === "host" && drawn === before ? (before + 1) % nodes : drawn
    if (part === "host") before = Number(values[name])
  }
  // `faultParts` is what the type is made of.
  return values as unknown as Fault
}

const endingOf = (fault: Fault): Fault | undefined => {
  const end = endOf[fault._tag]
  if (end === undefined) return undefined
  return end !== "restart" ? { _tag: end } : fault._tag === "crash" ? { _tag: end, host: fault.host } : undefined
}

const drawPlan = (wanted: ReadonlyArray<FaultTag>, { nodes, random, seconds }: Setting): FaultPlan => {
  const plan: Array<PlannedFault> = []
  for (const tag of wanted) {
    const draws = random(`sim/faults/${tag}`)
    for (let left = Math.max(1, Math.round(seconds / meanSeconds)); left > 0; left--) {
      const at = draws.between(0, seconds * 1000)
      const fault = drawFault(tag, nodes, draws)
      const ending = endingOf(fault)
      const lasts = draws.between(lastsSeconds[0] * 1000, lastsSeconds[1] * 1000)
      plan.push({ at, fault })
      if (ending !== undefined) plan.push({ at: Math.min(at + lasts, seconds * 1000), fault: ending })
    }
  }
  return plan.toSorted((a, b) => a.at - b.at)
}

const hostsOf = (fault: Fault): ReadonlyArray<number> => {
  const values: Readonly<Record<string, unknown>> = fault
  return Object.entries<FaultPart>(faultParts[fault._tag]).flatMap(([name, part]) =>
    part === "host" || part === "hosts" ? [values[name]].flat().map(Number) : []
  )
}

const given = (plan: FaultPlan, { nodes, seconds }: Setting): Result.Result<FaultPlan, string> => {
  for (const { at, fault } of plan) {
    const missing = hostsOf(fault).find((node) => node >= nodes)
    if (missing !== undefined) {
      return Result.fail(`${fault._tag} at ${at} names node ${missing}, and there are ${nodes}, from 0 on`)
    }
    if (at > seconds * 1000) {
      return Result.fail(`${fault._tag} comes at ${at} ms, and the run ends at ${seconds * 1000} ms`)
    }
  }
  return Result.succeed(plan)
}

const named = (text: string): Result.Result<ReadonlyArray<FaultTag>, string> => {
  const wanted: Array<FaultTag> = []
  for (const word of text.split(/[\s,]+/).filter((word) => word !== "")) {
    const tag = kinds.find((kind) => kind === word)
    if (tag === undefined) {
      const meant = nearest(word, kinds)
      return Result.fail(
        `there is no kind of fault "${word}"${
          meant === undefined ? "" : `; did you mean ${meant}?`
        } Give none, any, some of ` +
          `${kinds.join(", ")}, or a whole plan such as "crash(0,500)@60000 restart(0)@90000"`
      )
    }
    wanted.push(tag)
  }
  return wanted.length === 0
    ? Result.fail(`no faults are named: give none, any or some of ${kinds.join(", ")}`)
    : Result.succeed(wanted)
}

/** `none`, `any`, kinds (`crash,partition`), or a plan as it is printed. */
export const readFaults = (text: string, setting: Setting): Result.Result<FaultPlan, string> => {
  const word = text.trim()
  if (word === "none") return Result.succeed([])
  if (word === "any") return Result.succeed(drawPlan(kinds, setting))
  if (word.includes("@")) {
    const plan = parsePlan(word)
    return plan._tag === "None" ? Result.fail(`not a plan of faults: ${word}`) : given(plan.value, setting)
  }
  return Result.map(named(word), (wanted) => drawPlan(wanted, setting))
}
