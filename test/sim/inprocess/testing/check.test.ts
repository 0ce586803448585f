import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { type Fault, parseChoices, printPlan, simulate } from "../../../../inprocess/index.ts"
import {
  checkSimulation,
  Faults,
  type FaultSetting,
  type FaultSource,
  parseReplay,
  printReplay,
  type Replay,
  SimulationFailed,
  type SimulationProperty,
  simulationProperty
} from "../../../../inprocess/testing/index.ts"
import { failureOf, findPlanted } from "./planted.ts"
import { forgetful, meeting } from "./scenarios.ts"

const replayOf = (message: string): string => /CHAIN_P2P_SIM='([^']*)'/.exec(message)?.[1] ?? assert.fail(message)

describe("a planted bug", () => {
  it("is found, shrunk to a fault or two, and printed with one line that replays it", () => {
    const message = findPlanted()
    assert.match(message, /^SimulationFailed: InvariantBroken: the invariant is broken after/)
    assert.match(
      message,
      /CHAIN_P2P_SIM='seed=\d+;plan=[^;']+;choices=[^']*' npx vitest run -t 'counts \\\(and keeps\\\)'$/
    )
    const replay = parseReplay(replayOf(message))
    const plan = replay._tag === "Some" ? replay.value.plan : assert.fail(message)
    assert.isAtMost(plan.length, 2, printPlan(plan))
  })

  it("fails in the same way when its line is pasted, in another process too", () => {
    const message = findPlanted()
    const [reason] = message.split("\n")
    assert.strictEqual(findPlanted(replayOf(message)).split("\n")[0], reason)
    const pasted = execFileSync(process.execPath, [join(import.meta.dirname, "planted.ts")], {
      encoding: "utf8",
      env: { ...process.env, CHAIN_P2P_SIM: replayOf(message) }
    })
    assert.strictEqual(pasted.split("\n")[0], reason)
    assert.notInclude(pasted, "in run")
  })

  it("of a schedule is found, left with few of the schedule's decisions, and replayed from them", () => {
    const property: SimulationProperty = {
      hosts: 2,
      program: () =>
        Effect.gen(function*() {
          let count = 0
          const increment = Effect.gen(function*() {
            const read = yield* Effect.sync(() => count)
            yield* Effect.yieldNow
            count = read + 1
          })
          const later = Effect.andThen(Effect.forEach([1, 2, 3, 4], () => Effect.yieldNow), increment)
          yield* Fiber.joinAll([yield* Effect.forkChild(increment), yield* Effect.forkChild(later)])
          assert.strictEqual(count, 2, "an update was lost")
        })
    }
    const message = failureOf(() => checkSimulation(property, { seed: 1, runs: 1000 }))
    assert.match(message, /an update was lost/)
    const choices = parseChoices(/choices=(\S*)'/.exec(message)?.[1] ?? "") ?? assert.fail(message)
    const decisions = choices.picks.filter((pick) => pick !== 0).length + choices.yields.length
    assert.isAbove(decisions, 0)
    assert.isAtMost(decisions, 6, message)
    const pasted = failureOf(() => checkSimulation(property, { replay: replayOf(message) }))
    assert.strictEqual(pasted.split("\n")[0], message.split("\n")[0])
  })

  it("that is no bug of the run but of its isolation is told by where two runs part", () => {
    let runs = 0
    const message = failureOf(() =>
      checkSimulation({
        hosts: 1,
        program: ({ note }) => Effect.sync(() => note(`run ${runs++}`))
      }, { seed: 1, runs: 300 })
    )
    assert.match(message, /two ways.*: run \d+", and then ".*: run \d+"/)
  })
})

describe("checkSimulation", () => {
  it("finds nothing where there is nothing to find", () => {
    checkSimulation({ ...meeting(3), faults: Faults.among("crash", "restart", "reset", "partition") }, { runs: 8 })
  })

  it("replays one run only, and refuses what no run has printed", () => {
    let runs = 0
    const counting = { hosts: 1, program: () => Effect.sync(() => void runs++) }
    checkSimulation(counting, { replay: "seed=5" })
    assert.strictEqual(runs, 1)
    for (const replay of ["seed=x", "plan=repair@1", "seed=1;plan=nonsense@1", "seed=1;choices=?"]) {
      assert.throws(() => checkSimulation(counting, { replay }), /not what a failed run printed/)
    }
  })

  it("is a property for plain fast-check, whose failure has the line", () => {
    const property = simulationProperty({ ...forgetful, faults: Faults.exactly("restart(1)@450") })
    const details = fc.check(property, { numRuns: 3 })
    assert.instanceOf(details.errorInstance, SimulationFailed)
    assert.match(String(details.errorInstance), /replay: CHAIN_P2P_SIM='seed=\d+;plan=restart\(1\)@450;choices=[^']*'$/)
  })
})

describe("a plan of faults", () => {
  const setting: FaultSetting = { hosts: 4, millis: 3000 }

  const three: FaultSource = Faults.among("block", "latency", "crash")

  it("has whole faults of the kinds that were asked for, in the time given, in order, between different hosts", () => {
    const ends = (fault: Fault) => "from" in fault ? [fault.from, fault.to] : "a" in fault ? [fault.a, fault.b] : []
    fc.assert(fc.property(three(setting), (plan) => {
      for (const { at, fault } of plan) {
        assert.isAtMost(at, 3000)
        assert.include(["block", "latency", "crash"], fault._tag)
        assert.isTrue(ends(fault).length === 0 || ends(fault)[0] !== ends(fault)[1])
      }
      assert.deepStrictEqual(plan.map(({ at }) => at), plan.map(({ at }) => at).toSorted((a, b) => a - b))
    }))
  })

  it("is written with its run, and read again as it was", () => {
    const choices = fc.option(fc.constantFrom("c__", "w_1.0-5.2_3"), { nil: undefined })
    fc.assert(fc.property(fc.nat(), Faults.any(setting), choices, (seed, plan, choices) => {
      const replay: Replay = { seed, plan, choices }
      const read = parseReplay(printReplay(replay))
      assert.deepStrictEqual(read._tag === "Some" ? read.value : undefined, replay)
    }))
  })

  it("of any kind can befall any number of hosts, one included", () => {
    for (const hosts of [1, 2, 5]) {
      fc.assert(
        fc.property(Faults.any({ hosts, millis: 1000 }), fc.nat(), (faults, seed) => {
          const { exit } = simulate({ hosts, seed, faults, program: () => Effect.void, duration: "1 second" })
          assert.strictEqual(exit._tag, "Success")
        }),
        { numRuns: 20 }
      )
    }
  })
})
