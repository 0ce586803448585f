import { Option } from "effect"
import { type Fault, type FaultPart, faultParts, type FaultPlan, type FaultTag, type PlannedFault } from "./Fault.ts"

const isTag = (text: string): text is FaultTag => Object.hasOwn(faultParts, text)

const partsOf = (tag: FaultTag): ReadonlyArray<readonly [name: string, part: FaultPart]> =>
  Object.entries(faultParts[tag])

const wholeNumber = /^-?(0|[1-9]\d{0,11})$/

const fits = (part: FaultPart, value: number): boolean =>
  typeof part === "string" ? value >= 0 : value >= part.least && value <= part.most

/** Whether it is one, with whole numbers in their bounds: as data from outside may not be. */
const isFault = (value: Readonly<Record<string, unknown>>): value is Fault =>
  typeof value["_tag"] === "string" && isTag(value["_tag"]) &&
  partsOf(value["_tag"]).every(([name, part]) => {
    const given = value[name]
    const numbers: ReadonlyArray<unknown> = part === "hosts" && Array.isArray(given) ? given : [given]
    return numbers.every((number) => typeof number === "number" && Number.isInteger(number) && fits(part, number))
  })

/** `loss(0,1,10)`; without brackets where there is nothing to say: `repair`. */
export const printFault = (fault: Fault): string => {
  const values: Readonly<Record<string, unknown>> = fault
  const parts = partsOf(fault._tag)
  return parts.length === 0 ? fault._tag : `${fault._tag}(${parts.map(([name]) => String(values[name])).join(",")})`
}

export const parseFault = (text: string): Option.Option<Fault> => {
  const [, tag = "", , inner] = /^([a-zA-Z]+)(\(([-\d,]*)\))?$/.exec(text) ?? []
  if (!isTag(tag)) return Option.none()
  const parts = partsOf(tag)
  if ((parts.length === 0) !== (inner === undefined)) return Option.none()
  const words = inner === undefined || inner === "" ? [] : inner.split(",")
  const numbers = words.map(Number)
  const isList = parts[0]?.[1] === "hosts"
  if (!words.every((word) => wholeNumber.test(word)) || (!isList && words.length !== parts.length)) return Option.none()
  const fault = {
    _tag: tag,
    ...Object.fromEntries(parts.map(([name], index) => [name, isList ? numbers : numbers[index]]))
  }
  return isFault(fault) ? Option.some(fault) : Option.none()
}

/** One line: `partition(0,2)@1500 repair@4000`. Nothing, for a plan without faults. */
export const printPlan = (plan: FaultPlan): string =>
  plan.map(({ at, fault }) => `${printFault(fault)}@${at}`).join(" ")

/** What `printPlan` printed. None if it is anything else, or has numbers that no fault of its kind may have. */
export const parsePlan = (text: string): Option.Option<FaultPlan> => {
  const plan: Array<PlannedFault> = []
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    const [, name = "", at = ""] = /^(.+)@(\d+)$/.exec(word) ?? []
    const fault = parseFault(name)
    if (Option.isNone(fault) || !wholeNumber.test(at)) return Option.none()
    plan.push({ at: Number(at), fault: fault.value })
  }
  return Option.some(plan)
}
