import { type FiberRecord, lineage } from "./Fibers.ts"
import { registerText } from "./internals.ts"

const seconds = (micros: number): string => `${micros / 1_000_000} s of virtual time`

const shown = 12

const spansOf = ({ fiber }: FiberRecord): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (let span = fiber.cache.span; span?._tag === "Span";) {
    names.push(`"${span.name}"`)
    span = span.parent._tag === "Some" ? span.parent.value : undefined
  }
  return names
}

/** The text of a function that registers a callback tells whether somebody in the real world is to call it. */
const waitsFor = ({ waitsWith }: FiberRecord): string => {
  const text = registerText(waitsWith)
  if (/\.then\s*\(|\bawait\b/.test(text)) {
    return ": waits for a promise, and promises are of the real world (give the session an effect instead)"
  }
  return /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/.test(text)
    ? ": waits for a timer of the real world (use Effect.sleep instead)"
    : ""
}

const describe = (record: FiberRecord, more: string): string => {
  const spans = spansOf(record)
  const place = lineage(record)
  const name = place === "0" ? "the main fiber" : `fiber ${place}`
  return `${name}${spans.length === 0 ? "" : ` in the span ${spans.join(" in ")}`}${more}`
}

const listed = (lines: ReadonlyArray<string>): string => {
  const rest = lines.length - shown
  return lines.slice(0, shown).map((line) => `\n  ${line}`).join("") + (rest > 0 ? `\n  and ${rest} more` : "")
}

const byLineage = (a: FiberRecord, b: FiberRecord): number =>
  lineage(a).localeCompare(lineage(b), "en", { numeric: true })

const waiting = (fibers: ReadonlyArray<FiberRecord>): string => {
  const all = fibers.toSorted(byLineage).map((record) => describe(record, waitsFor(record)))
  // What waits for the real world is most likely why everybody else waits.
  return listed(all.toSorted((a, b) => Number(b.includes("real world")) - Number(a.includes("real world"))))
}

/** Those that wait for a promise or a timer of the real world, with which a run can't go on: it is synchronous. */
export const realWaits = (fibers: ReadonlyArray<FiberRecord>): ReadonlyArray<string> =>
  fibers.toSorted(byLineage).flatMap((record) => {
    const what = waitsFor(record)
    return what === "" ? [] : [describe(record, what)]
  })

/** Who is busy, the busiest first. */
const busy = (fibers: ReadonlyArray<FiberRecord>, micros: number): string =>
  listed(
    fibers.filter((record) => record.at === micros).toSorted((a, b) => b.turnsAt - a.turnsAt)
      .map((record) => describe(record, ` (${record.turnsAt} turns)`))
  )

/** Nothing can run, no timer is set, and the main fiber has not ended. */
export class Deadlock extends Error {
  override readonly name = "Deadlock"
  constructor(micros: number, fibers: ReadonlyArray<FiberRecord>) {
    super(
      `deadlock after ${
        seconds(micros)
      }: no fiber can run and no timer is set, but the main fiber has not ended. All wait for what never comes: something that nobody completes, or a promise or timer of the real world. There wait${
        waiting(fibers)
      }`
    )
  }
}

/** Fibers keep each other busy, and no time passes. */
export class Livelock extends Error {
  override readonly name = "Livelock"
  constructor(steps: number, micros: number, fibers: ReadonlyArray<FiberRecord>) {
    super(
      `livelock after ${seconds(micros)}: ${steps} steps, and no time has passed. Busy in this instant were${
        busy(fibers, micros)
      }`
    )
  }
}

/** Fibers or timers that keep each other busy, or a main fiber that waits beside them for what never comes. */
export class StepsSpent extends Error {
  override readonly name = "StepsSpent"
  constructor(steps: number, micros: number, fibers: ReadonlyArray<FiberRecord>) {
    super(`the main fiber has not ended after ${steps} steps and ${seconds(micros)}. There are${waiting(fibers)}`)
  }
}

/** The main fiber has not ended in the virtual time that it was given. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed"
  constructor(deadline: number, fibers: ReadonlyArray<FiberRecord>) {
    super(`the main fiber has not ended within ${seconds(deadline)}. There wait${waiting(fibers)}`)
  }
}
