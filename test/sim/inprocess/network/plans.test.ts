/** What holds whatever befalls the network, and what a fault that isn't there changes for all others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import * as fc from "fast-check"
import {
  applyPlan,
  type Fault,
  faultParts,
  type FaultPlan,
  type FaultTag,
  type PlanHandlers,
  printPlan,
  type SimulatedHost,
  type TraceEvent
} from "../../../../inprocess/index.ts"
import { inprocess } from "../../../support/inprocess.ts"
import { accept, concat, dial, guard, isPrefix, listen, openPair, pattern, watch } from "../../../support/streams.ts"
import { anyPlan } from "./faultPlans.ts"

const nobody: PlanHandlers = { onCrash: () => Effect.void, onRestart: () => Effect.void }

const lastMillis = 2000

/** A stream between each two of three hosts. */
const threeStreams = Effect.fnUntraced(function*(hosts: ReadonlyArray<SimulatedHost>) {
  const inbound = yield* Effect.forEach(hosts, listen)
  const links: Array<readonly [from: number, to: number]> = [[0, 1], [1, 2], [2, 0]]
  return yield* Effect.forEach(links, ([from, to]) =>
    Effect.gen(function*() {
      const [a, b, queue] = [hosts[from], hosts[to], inbound[to]]
      if (a === undefined || b === undefined || queue === undefined) return assert.fail("three hosts")
      const near = yield* dial(a, b)
      const far = yield* Queue.take(queue)
      const [opened, accepted] = yield* openPair({ near, far, streams: yield* accept(far) })
      return { from, to, near: watch(guard(opened)), far: watch(guard(accepted)) }
    }))
})

/** A write of each end every 50 ms, which nobody's news changes. */
const chatter = Effect.fnUntraced(function*(streams: Effect.Success<ReturnType<typeof threeStreams>>) {
  const written = streams.map((): [Array<Uint8Array>, Array<Uint8Array>] => [[], []])
  for (let round = 0; round < lastMillis / 50; round++) {
    for (const [i, { far, near }] of streams.entries()) {
      for (const [end, stream] of [near, far].entries()) {
        const bytes = pattern(1 + (round * 37 + end * 11 + i) % 400, round * 2 + end)
        stream.write(bytes)
        written[i]?.[end === 0 ? 0 : 1].push(bytes)
      }
    }
    yield* Effect.sleep("50 millis")
  }
  return written
})

const isDeadly = ({ _tag: tag }: Fault): boolean =>
  tag === "reset" || tag === "resetStream" || tag === "crash" || tag === "restart"

describe("under any plan of faults", () => {
  it("each end gets a prefix of what the other wrote, one end, and all of it once calmed unless something was lost", () =>
    fc.assert(
      fc.property(fc.integer(), anyPlan(3, lastMillis), (seed, plan) => {
        inprocess.runSync(
          Effect.gen(function*() {
            const { hosts, network } = yield* inprocess.world(3)
            const streams = yield* threeStreams(hosts)
            const applying = yield* Effect.forkChild(applyPlan(network, plan, nobody))
            const written = yield* chatter(streams)
            yield* Fiber.join(applying)
            yield* network.calm
            for (const { far, near } of streams) {
              near.finish()
              far.finish()
            }
            yield* Effect.sleep("5 minutes")
            const killed = new Set(plan.flatMap(({ fault }) => isDeadly(fault) && "host" in fault ? [fault.host] : []))
            for (const [i, { far, from, near, to }] of streams.entries()) {
              for (const [end, reader, host] of [[1, near, from], [0, far, to]] as const) {
                yield* reader.until(() => true)
                const all = concat(written[i]?.[end] ?? [])
                assert.isTrue(isPrefix(reader.received(), all))
                if (killed.has(host)) continue
                assert.strictEqual(reader.ends().length, 1)
                if (plan.some(({ fault }) => isDeadly(fault))) continue
                assert.strictEqual(reader.received().length, all.length)
              }
            }
          }),
          { seed }
        )
      }),
      { numRuns: 300 }
    ))
})

/** What happened, host by host: `from 0 to 2: ...`. */
const run = (
  seed: number,
  plan: FaultPlan
): ReadonlyArray<{ readonly ends: readonly number[]; readonly text: string }> => {
  const events: Array<TraceEvent> = []
  const peers = inprocess.runSync(
    Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(3, { trace: (event) => void events.push(event) })
      const streams = yield* threeStreams(hosts)
      const applying = yield* Effect.forkChild(applyPlan(network, plan, nobody))
      yield* chatter(streams)
      yield* Fiber.join(applying)
      yield* Effect.sleep("5 minutes")
      return hosts.map((host) => host.peer)
    }),
    { seed }
  )
  return events.flatMap((event) => {
    if (event._tag === "Fault") return []
    const { host, peer, ...rest } = event
    const ends = [peers.indexOf(host), peers.indexOf(peer)]
    return [{ ends, text: `at ${ends[0]} of ${ends[1]}: ${JSON.stringify(rest)}` }]
  })
}

/** What happened on links that have nothing to do with a fault. */
const apartFrom = (fault: Fault, events: ReturnType<typeof run>): ReadonlyArray<string> => {
  const alone = "host" in fault ? [fault.host] : []
  const between = "from" in fault ? [fault.from, fault.to] : "a" in fault ? [fault.a, fault.b] : []
  const concerns = (ends: readonly number[]) =>
    ends.some((index) => alone.includes(index)) || ends.every((index) => between.includes(index))
  return events.flatMap(({ ends, text }) => concerns(ends) ? [] : [text])
}

/** Faults of one host or of two. The others are everybody's, and the links of a slow host wait for each other. */
const tags = (Object.keys(faultParts) as ReadonlyArray<FaultTag>).filter((tag) =>
  !["partition", "repair", "release", "skew", "step", "slow"].includes(tag)
)

describe("a plan without one of its faults", () => {
  it("does to all other links what it did before, at the same times", () =>
    fc.assert(
      fc.property(fc.integer(), anyPlan(3, lastMillis, tags), fc.nat(), (seed, plan, which) => {
        const left = plan[which % plan.length]
        if (left === undefined) return
        const rest = plan.filter((planned) => planned !== left)
        const [whole, without] = [run(seed, plan), run(seed, rest)].map((events) => apartFrom(left.fault, events))
        assert.deepStrictEqual(without, whole, printPlan([left]))
      }),
      { numRuns: 100 }
    ))
})
