import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import {
  firstDifference,
  firstDifferenceOf,
  parsePlan,
  printEvent,
  simulate,
  within
} from "../../../../inprocess/index.ts"
import { ConnectionPool, Disk, Transport } from "../../../../signatures/index.ts"
import { errorOf, forgetful, meeting } from "./scenarios.ts"

const plan = (text: string) => {
  const parsed = parsePlan(text)
  return parsed._tag === "Some" ? parsed.value : assert.fail(`no plan: ${text}`)
}

describe("simulate", () => {
  it("runs a program per host over the product's own pool and wire", () => {
    const { exit, hash, micros } = simulate({ ...meeting(4), seed: 1 })
    assert.deepStrictEqual(exit, Exit.void)
    assert.isAbove(micros, 0)
    assert.match(hash, /^[\da-f]{8}$/)
  })

  it("runs on through crashes, restarts and partitions, and converges once they are over", () => {
    const faults = plan("partition(0)@100 crash(1,500)@200 restart(1)@3000 crash(2,0)@4000 loss(0,3,50)@4000")
    for (let seed = 0; seed < 5; seed++) {
      assert.strictEqual(errorOf(simulate({ ...meeting(4), seed, faults })), "no error")
    }
  })

  it("gives the same result for the same options, and parts from another seed's at an event that it names", () => {
    const faults = plan("crash(1,0)@500 restart(1)@1500")
    const [one, again, other] = [1, 1, 2].map((seed) => simulate({ ...meeting(3), seed, faults, trace: true }))
    assert.deepStrictEqual(again, one)
    assert.notStrictEqual(other?.hash, one?.hash)
    const parting = firstDifference(one?.trace ?? [], other?.trace ?? [])
    assert.isDefined(parting)
    assert.notStrictEqual(parting?.one, parting?.other)
    assert.strictEqual(firstDifference(one?.trace ?? [], again?.trace ?? []), undefined)
    assert.strictEqual(firstDifferenceOf({ ...meeting(3), seed: 1, faults }), undefined)
  })

  it("does the same again by its choices", () => {
    const one = simulate({ ...meeting(3), seed: 5, schedule: { _tag: "RandomWalk", preemption: 0.05 } })
    const again = simulate({ ...meeting(3), seed: 5, schedule: { _tag: "Replay", choices: one.choices ?? "" } })
    assert.strictEqual(again.hash, one.hash)
  })

  it("looks at the invariant after every step, and ends with the instant at which it broke", () => {
    assert.strictEqual(errorOf(simulate({ ...forgetful, seed: 1 })), "no error")
    const broken = simulate({ ...forgetful, seed: 1, faults: plan("crash(2,0)@350 restart(2)@700") })
    assert.match(errorOf(broken), /InvariantBroken: the invariant is broken after 0\.7\d* s of virtual time/)
    const thrown = simulate({
      hosts: 1,
      program: () => Effect.void,
      invariant: () => assert.fail("two kings"),
      seed: 1
    })
    assert.match(errorOf(thrown), /and 1 steps: two kings/)
  })

  it("says who has not ended, or that the condition does not hold, where things don't converge", () => {
    const program = ({ index }: { readonly index: number }) => index === 1 ? Effect.never : Effect.void
    const waiting = simulate({ hosts: 3, program, eventually: within("30 seconds"), seed: 1 })
    assert.match(errorOf(waiting), /NotConverged: after 30 s .* programs have not ended: 1$/)
    const never = within("5 seconds", () => Effect.succeed(false))
    assert.match(errorOf(simulate({ hosts: 1, program: () => Effect.void, eventually: never, seed: 1 })), /not hold$/)
  })

  it("blames promises, where things don't converge because of them", () => {
    const program = ({ index }: { readonly index: number }) =>
      index === 1 ? Effect.promise(() => Promise.resolve()) : Effect.void
    const waiting = simulate({ hosts: 3, program, eventually: within("30 seconds"), seed: 1 })
    assert.match(
      errorOf(waiting),
      /have not ended: 1\. A deadlock: .*\n {2}fiber [\d.]+ .*"host 1": waits for a promise/
    )
  })

  it("keeps the part of the trace that is asked for, at the same hash", () => {
    const whole = simulate({ ...meeting(3), seed: 1, trace: true })
    const part = simulate({ ...meeting(3), seed: 1, trace: { fromMillis: 100, most: 5 } })
    assert.strictEqual(part.hash, whole.hash)
    assert.deepStrictEqual(part.trace, whole.trace.filter(({ at }) => at >= 100_000).slice(0, 5))
    assert.strictEqual(part.trace.length, 5)
  })

  it("gives a run up after so many steps", () => {
    const endless = simulate({ hosts: 1, program: () => Effect.forever(Effect.sleep(1)), seed: 1, maxSteps: 500 })
    assert.match(errorOf(endless), /StepsSpent: the main fiber has not ended after 500 steps/)
  })

  it("interrupts the program of a host that crashes, and starts it anew with what was persisted", () => {
    const onTheWayOut: Array<boolean> = []
    const { exit, trace } = simulate({
      hosts: 1,
      seed: 3,
      trace: true,
      faults: plan("crash(0,0)@1000 restart(0)@2000"),
      program: ({ boot, isAlive, note }) =>
        Effect.gen(function*() {
          const disk = yield* Disk
          const before = yield* disk.size("word")
          note(`boot ${boot} finds ${before._tag === "Some" ? before.value : "nothing"}`)
          yield* disk.replace("word", new Uint8Array(7))
          if (boot === 0) {
            return yield* Effect.onInterrupt(Effect.never, () =>
              Effect.sync(() => {
                onTheWayOut.push(isAlive())
                note("out of the grave")
              }))
          }
        })
    })
    assert.deepStrictEqual(exit, Exit.void)
    assert.deepStrictEqual(onTheWayOut, [false])
    const notes = trace.filter(({ _tag: tag }) => tag === "Note").map((event) => printEvent(event).replace(/^\d+ /, ""))
    assert.deepStrictEqual(notes, ["0: boot 0 finds nothing", "0: boot 1 finds 7"])
  })

  it("gives hosts nothing above links, where a scenario asks for no more", () => {
    const told: Array<ReadonlyArray<boolean>> = []
    const tell = Effect.gen(function*() {
      const transport = yield* Effect.serviceOption(Transport)
      const pool = yield* Effect.serviceOption(ConnectionPool)
      told.push([Option.isSome(transport), Option.isSome(pool)])
    })
    for (const services of ["all", "links"] as const) {
      simulate({ hosts: 1, services, program: () => tell, seed: 1, eventually: { within: "1 second" } })
    }
    assert.deepStrictEqual(told, [[true, true], [true, false]])
    const asksForMore = {
      hosts: 1,
      services: "links",
      program: () => ConnectionPool,
      eventually: { within: "1 second" }
    } as const
    assert.include(errorOf(simulate({ ...asksForMore, seed: 1 })), "ConnectionPool")
  })

  it("ends with the failure of a program", () => {
    const failing = simulate({ hosts: 2, program: ({ index }) => Effect.fail(`host ${index}`), seed: 1 })
    assert.match(errorOf(failing), /^host [01]$/)
  })

  it("names the hosts whose programs wait for what never comes", () => {
    const waiting = simulate({ hosts: 2, program: () => Effect.never, seed: 1, deadline: "1 minute" })
    assert.match(errorOf(waiting), /^(Deadlock|DeadlinePassed): .*"host 0".*"host 1"/s)
  })

  it("keeps the real world out", () => {
    const leaking = simulate({ hosts: 1, program: () => Effect.sync(() => Date.now()), seed: 1 })
    assert.match(errorOf(leaking), /Leak: Date\.now\(\)/)
  })
})
