import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Effect, Exit, Option, Queue } from "effect"
import * as fc from "fast-check"
import {
  applyPlan,
  type Fault,
  type FaultPlan,
  parseFault,
  parsePlan,
  type PlanHandlers,
  printFault,
  printPlan,
  type TraceEvent
} from "../../../../inprocess/index.ts"
import { Disk } from "../../../../signatures/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { accept, connect, dial, listen, pattern, watch, watchedPair } from "../../../support/streams.ts"
import { anyFault } from "./faultPlans.ts"

const nobody: PlanHandlers = { onCrash: () => Effect.void, onRestart: () => Effect.void }

const plan = (text: string): FaultPlan => Option.getOrThrow(parsePlan(text))

describe("a fault plan as text", () => {
  it("is read as what was written, on one line without quotes or semicolons", () =>
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat(), fault: anyFault(100) })), (plan) => {
        const text = printPlan(plan)
        assert.match(text, /^[\w(),@ -]*$/)
        assert.deepStrictEqual(parsePlan(text), Option.some(plan))
      })
    ))

  it("stays as it is: whoever has a line from yesterday can replay it", () => {
    const text = "partition(0,2)@0 partition()@0 block(0,1)@1 repair@2 hold(1,2)@3 release@4 loss(0,1,10)@5 " +
      "latency(0,1,200,20)@6 bandwidth(0,1,5000)@7 reset(0,1)@8 resetStream(0,1,3)@9 slow(2,100)@10 crash(1,3000)@11 " +
      "restart(1)@12 skew(0,-500)@13 step(0,60000)@14"
    assert.strictEqual(printPlan(plan(text)), text)
    assert.deepStrictEqual(plan(text)[0], { at: 0, fault: { _tag: "partition", hosts: [0, 2] } })
    assert.deepStrictEqual(plan(text)[14], { at: 13, fault: { _tag: "skew", host: 0, millis: -500 } })
  })

  it("is not read where a fault is unknown, or a number is missing, too much, too large or none", () => {
    const wrong = "flood(1) loss(0,1) loss(0,1,2,3) loss(0,1,91) loss(0,-1,2) loss(0,1,) loss(0,1,x) loss repair() " +
      "repair(1) crash(1.5,1) crash(01,1) partition constructor latency(0,1,60001,0) slow(0,0) partition(-1)"
    for (const text of wrong.split(" ")) assert.deepStrictEqual(parseFault(text), Option.none(), text)
    for (const text of ["repair", "repair@", "repair@-1", "repair@1.5", "@5", "repair@1;release@2"]) {
      assert.deepStrictEqual(parsePlan(text), Option.none(), text)
    }
    assert.deepStrictEqual(parsePlan("  "), Option.some([]))
  })
})

describe("a plan", () => {
  it("is carried out at its times, in order, and shows in the trace", () =>
    inprocess.run(Effect.gen(function*() {
      const events: Array<TraceEvent> = []
      const { network } = yield* inprocess.world(3, { trace: (event) => void events.push(event) })
      yield* applyPlan(network, plan("repair@700 partition(0)@100 hold(0,1)@100 release@1500"), nobody)
      const faults = events.flatMap((event) => event._tag === "Fault" ? [`${printFault(event.fault)}@${event.at}`] : [])
      assert.deepStrictEqual(faults, ["partition(0)@100000", "hold(0,1)@100000", "repair@700000", "release@1500000"])
    })))

  it("dies where it names a host that is not there", () =>
    inprocess.run(Effect.gen(function*() {
      const { network } = yield* inprocess.world(2)
      const exit = yield* Effect.exit(applyPlan(network, plan("crash(2,0)@5"), nobody))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "crash(2,0): the network has 2 hosts")
    })))

  it("partitions, and repairs", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2)
      if (a === undefined || b === undefined) return assert.fail("two hosts")
      const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
      yield* applyPlan(network, plan("partition(0)@0"), nobody)
      near.write(pattern(5))
      far.write(pattern(5))
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual([near.received().length, far.received().length], [0, 0])
      yield* applyPlan(network, plan("repair@0 block(0,1)@5000"), nobody)
      assert.deepStrictEqual([near.received().length, far.received().length], [5, 5])
      near.write(pattern(5))
      far.write(pattern(5))
      yield* near.size(10)
      yield* Effect.sleep("1 minute")
      assert.strictEqual(far.received().length, 5)
    })))

  it("loses links, or one stream of several", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2)
      if (a === undefined || b === undefined) return assert.fail("two hosts")
      const linked = yield* connect(a, b)
      const streams = yield* Effect.all([watchedPair(linked), watchedPair(linked), watchedPair(linked)])
      const lost = () => streams.map(([near, far]) => [near.ends().length, far.ends().length])
      yield* applyPlan(network, plan("resetStream(1,0,4)@0"), nobody)
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(lost(), [[0, 0], [1, 1], [0, 0]])
      assert.isFalse(streams[1][0].ends()[0]?.linkEnded)
      yield* applyPlan(network, plan("reset(0,1)@0 resetStream(0,1,0)@0"), nobody)
      yield* Effect.all([linked.near.ended, linked.far.ended])
      assert.deepStrictEqual(lost(), [[1, 1], [1, 1], [1, 1]])
      assert.isTrue(streams[0][0].ends()[0]?.linkEnded)
    })))

  it("crashes a host once, tells who runs its program, and restarts it with what was persisted", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts: [a, b], network } = yield* inprocess.world(2)
      if (a === undefined || b === undefined) return assert.fail("two hosts")
      const linked = yield* connect(a, b)
      const disk = Context.get(b.services, Disk)
      yield* disk.append("file", pattern(100))
      yield* disk.sync("file")
      yield* disk.append("file", pattern(3000))
      const told: Array<string> = []
      const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))
      const start = yield* millis
      const sizes: Array<number> = []
      const handlers: PlanHandlers = {
        onCrash: (index) => Effect.map(millis, (now) => void told.push(`crash ${index} at ${now - start}`)),
        onRestart: (index, host) =>
          Effect.gen(function*() {
            told.push(`restart ${index} at ${(yield* millis) - start}`)
            assert.strictEqual(host.peer, b.peer)
            sizes.push(Option.getOrElse(yield* Effect.orDie(Context.get(host.services, Disk).size("file")), () => -1))
          })
      }
      yield* applyPlan(network, plan("crash(1,2000)@1000 crash(1,0)@1500 restart(1)@5000 restart(1)@6000"), handlers)
      assert.deepStrictEqual(told, [
        "crash 1 at 1000",
        "restart 1 at 5000",
        "crash 1 at 6000",
        "restart 1 at 6000"
      ])
      assert.isTrue(sizes.every((size) => size >= 100 && size <= 3100))
      assert.strictEqual((yield* linked.near.ended).by, "lost")
      const [, again = assert.fail()] = yield* network.hosts
      const links = yield* listen(again)
      const near = yield* dial(a, again)
      const streams = yield* accept(yield* Queue.take(links))
      watch(yield* near.open("/chain-p2p/1")).write(pattern(1))
      yield* watch(yield* Queue.take(streams)).size(1)
    })))

  it("leaves the network as it was made, once it is calmed", () => {
    const troubles: ReadonlyArray<Fault> = [
      { _tag: "partition", hosts: [0] },
      { _tag: "hold", from: 1, to: 0 },
      { _tag: "loss", from: 0, to: 1, percent: 90 },
      { _tag: "latency", a: 0, b: 1, millis: 5000, jitter: 5000 },
      { _tag: "bandwidth", from: 0, to: 1, bytesPerSecond: 1 },
      { _tag: "slow", host: 1, bytesPerSecond: 1 }
    ]
    for (const fault of troubles) {
      inprocess.runSync(
        Effect.gen(function*() {
          const { hosts: [a, b], network } = yield* inprocess.world(2, { latency: "10 millis", jitter: 0 })
          if (a === undefined || b === undefined) return assert.fail("two hosts")
          const [near, far] = yield* Effect.flatMap(connect(a, b), watchedPair)
          yield* applyPlan(network, [{ at: 0, fault }], nobody)
          near.write(pattern(1000))
          far.write(pattern(1000))
          yield* Effect.sleep("10 millis")
          assert.isBelow(far.received().length + near.received().length, 2000, printFault(fault))
          yield* network.calm
          // What was sent while it was slower comes as slowly.
          yield* Effect.sleep("30 seconds")
          assert.deepStrictEqual([near.received().length, far.received().length], [1000, 1000])
          near.write(pattern(10))
          yield* Effect.sleep("10 millis")
          yield* Effect.yieldNow
          assert.strictEqual(far.received().length, 1010, printFault(fault))
        }),
        { seed: 1 }
      )
    }
  })
})
