import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { drawSchedule, formatChoices, parseChoices, type Schedule } from "../../../../inprocess/kernel/index.ts"
import { attempt, fails, type races, scheduleHash } from "./races.ts"

const raceNames = ["lostUpdate", "wakeUpOrder", "checkThenAct"] as const satisfies ReadonlyArray<keyof typeof races>
const seeds = Array.from({ length: 60 }, (_, seed) => seed)
const manySeeds = Array.from({ length: 300 }, (_, seed) => seed)

describe("schedules", () => {
  it("as Effect's own find none of three planted races", () => {
    for (const race of raceNames) assert.isFalse(fails(attempt(race, { _tag: "Fifo" })), race)
  })

  it.each(raceNames)("drawn from seeds find the planted race: %s, and their choices find it again", (race) => {
    const found = seeds.map((seed) => attempt(race, drawSchedule(seed), seed)).filter(fails)
    assert.isAbove(found.length, 0)
    assert.isBelow(found.length, seeds.length, "it is a race, and no plain bug")
    for (const { choices, exit, steps } of found) {
      assert.isDefined(choices)
      const again = attempt(race, { _tag: "Replay", choices: choices ?? "" })
      assert.isTrue(fails(again))
      assert.deepStrictEqual([again.choices, again.steps, again.exit._tag], [choices, steps, exit._tag])
    }
  })

  it("of every kind find something", () => {
    const kinds: ReadonlyArray<Schedule> = [
      { _tag: "Fifo", preemption: 0.2 },
      { _tag: "RandomWalk" },
      { _tag: "Lineage" },
      { _tag: "Pct", changes: 3, horizon: 32 }
    ]
    for (const schedule of kinds) {
      const found = raceNames.filter((race) => manySeeds.some((seed) => fails(attempt(race, schedule, seed))))
      assert.isAbove(found.length, 0, schedule._tag)
    }
  })

  it("find what depends on the order of wake-ups only where those are decisions", () => {
    const finds = (wakeUps: boolean) =>
      seeds.some((seed) => fails(attempt("wakeUpOrder", { _tag: "RandomWalk", wakeUps }, seed)))
    assert.deepStrictEqual([finds(false), finds(true)], [false, true])
  })

  it("are the same again for the same seed, and in another process", () => {
    const program = join(import.meta.dirname, "races.ts")
    const [first, ...others] = seeds.slice(0, 20).map(scheduleHash)
    assert.strictEqual(scheduleHash(0), first)
    assert.isAbove(new Set(others).size, 10)
    for (const seed of [3, 4, 7]) {
      assert.strictEqual(execFileSync(process.execPath, [program, `${seed}`], { encoding: "utf8" }), scheduleHash(seed))
    }
  })
})

describe("choices", () => {
  const numbers = (max: number) => fc.array(fc.oneof(fc.constant(0), fc.nat(max)))
  it("are the same after they were written and read, but for zeros at the end, which say nothing", () =>
    fc.assert(fc.property(fc.boolean(), numbers(100), numbers(100_000), (wakeUps, picks, yields) => {
      const read = parseChoices(formatChoices({ wakeUps, picks, yields }))
      const last = picks.findLastIndex((pick) => pick !== 0)
      assert.deepStrictEqual(read, { wakeUps, picks: picks.slice(0, last + 1), yields })
    })))

  it("are one word that needs no quotes, short where little was chosen", () => {
    const text = formatChoices({ wakeUps: true, picks: [0, 0, 0, 0, 2, 0, 0], yields: [5, 40] })
    assert.strictEqual(text, "w_0-4.2_5.14")
  })

  it("are told from any other text", () => {
    for (const text of ["", "w", "x__", "c_1._", "c_1_2_3", "c_-_", "C__"]) {
      assert.isUndefined(parseChoices(text), text)
      assert.throws(() => attempt("lostUpdate", { _tag: "Replay", choices: text }), /not the choices of a run/)
    }
  })
})
