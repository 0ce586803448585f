import { describe, expect, it } from "@effect/vitest"
import type { PairState, Standing, TransitionCause } from "../../../signatures/index.ts"
import { transitions } from "../../../src/node/index.ts"
import { facts, limit, lost, NodeWorld, peerId, rejected, unreachable } from "./world.ts"

type Row = `${PairState} ${TransitionCause} ${PairState}`
const peer = peerId(0)
const config = { sessionCount: 1, maxInboundCount: 2, newcomerSlots: 0 }

const fresh = () => new NodeWorld(config)
const opening = () => {
  const world = fresh().learn(facts(0))
  world.look()
  return world
}
const stand = (world: NodeWorld, _tag: Exclude<Standing["_tag"], "Clear">, millis = 60_000) => {
  world.stand(peer, { _tag, until: world.now + millis })
  return world
}
/** The peer is known, and nothing is opened: another holds the only slot. */
const known = () => {
  const world = fresh().learn(facts(5, { sticky: new Set(["me"]) })).fillUp().learn(facts(0))
  world.look()
  return world
}
const waiting = (_tag: "Cooling" | "Incompatible" | "Banned") => {
  const world = stand(known(), _tag)
  world.look()
  return world
}
const active = () => fresh().learn(facts(0)).fillUp()
const closing = () => {
  const world = active()
  world.ended(world.attemptOf(peer))
  return world
}
const failed = (world: NodeWorld, outcome: Parameters<NodeWorld["notOpened"]>[1]) =>
  world.notOpened(world.attemptOf(peer), outcome)
const released = (world: NodeWorld) => world.released(world.attemptOf(peer), lost)
const evicted = (world: NodeWorld) => {
  world.book.delete(peer)
  world.look()
}
const charged = (world: NodeWorld, as: "Cooling" | "Incompatible" | "Banned") => stand(world, as, 90_000).look()

/** The node has its session, so nobody woke it for that. */
const isOver = (world: NodeWorld) => {
  world.pass(60_000)
  world.ring()
}

/** Each legal transition once, by the event that brings it about. */
const scripts: Record<string, () => { world: NodeWorld; act: (world: NodeWorld) => unknown }> = {
  "Unknown learnt Candidate": () => ({ world: fresh(), act: (w) => w.learn(facts(0)).look() }),
  "Candidate evicted Unknown": () => ({ world: known(), act: evicted }),
  "Cooling evicted Unknown": () => ({ world: waiting("Cooling"), act: evicted }),
  "Incompatible evicted Unknown": () => ({ world: waiting("Incompatible"), act: evicted }),
  "Banned evicted Unknown": () => ({ world: waiting("Banned"), act: evicted }),
  "Candidate picked Opening": () => ({ world: fresh(), act: (w) => w.learn(facts(0)).look() }),
  "Unknown hello Active": () => ({ world: fresh(), act: (w) => w.hello(peer) }),
  "Candidate hello Active": () => ({ world: known(), act: (w) => w.hello(peer) }),
  "Cooling hello Active": () => ({ world: waiting("Cooling"), act: (w) => w.hello(peer) }),
  "Incompatible hello Active": () => ({ world: waiting("Incompatible"), act: (w) => w.hello(peer) }),
  "Opening accepted Active": () => ({ world: opening(), act: (w) => w.opened(w.attemptOf(peer)) }),
  "Opening crossed Active": () => ({ world: opening(), act: (w) => w.hello(peer, { isSmaller: true }) }),
  "Opening failed Cooling": () => ({ world: stand(opening(), "Cooling"), act: (w) => failed(w, unreachable) }),
  "Opening failed Incompatible": () => ({
    world: stand(opening(), "Incompatible"),
    act: (w) => failed(w, unreachable)
  }),
  "Opening failed Banned": () => ({ world: stand(opening(), "Banned"), act: (w) => failed(w, unreachable) }),
  "Opening rejected Cooling": () => ({
    world: stand(opening(), "Cooling"),
    act: (w) => failed(w, { _tag: "NotOpened", error: rejected("full") })
  }),
  "Opening rejected Incompatible": () => ({
    world: stand(opening(), "Incompatible"),
    act: (w) => failed(w, { _tag: "NotOpened", error: rejected("unknown-chain") })
  }),
  "Opening rejected Banned": () => ({
    world: stand(opening(), "Banned"),
    act: (w) => failed(w, { _tag: "NotOpened", error: rejected("duplicate") })
  }),
  "Opening withdrawn Candidate": () => ({ world: opening(), act: (w) => failed(w, limit) }),
  "Active ended Closing": () => ({ world: active(), act: (w) => w.ended(w.attemptOf(peer)) }),
  "Closing released Candidate": () => ({ world: closing(), act: released }),
  "Closing released Cooling": () => ({ world: stand(closing(), "Cooling"), act: released }),
  "Closing released Incompatible": () => ({ world: stand(closing(), "Incompatible"), act: released }),
  "Closing released Banned": () => ({ world: stand(closing(), "Banned"), act: released }),
  "Candidate charged Cooling": () => ({ world: known(), act: (w) => charged(w, "Cooling") }),
  "Candidate charged Incompatible": () => ({ world: known(), act: (w) => charged(w, "Incompatible") }),
  "Candidate charged Banned": () => ({ world: known(), act: (w) => charged(w, "Banned") }),
  "Cooling charged Banned": () => ({ world: waiting("Cooling"), act: (w) => charged(w, "Banned") }),
  "Incompatible charged Banned": () => ({ world: waiting("Incompatible"), act: (w) => charged(w, "Banned") }),
  "Cooling over Candidate": () => ({ world: waiting("Cooling"), act: isOver }),
  "Incompatible over Candidate": () => ({ world: waiting("Incompatible"), act: isOver }),
  "Banned over Candidate": () => ({ world: waiting("Banned"), act: isOver })
}

describe("the table of transitions", () => {
  it("has every one of its rows covered by a script, and no script is outside of it", () => {
    const rows = transitions.flatMap(({ by, from, to }) =>
      from.flatMap((start) => to.map((end): Row => `${start} ${by} ${end}`))
    )
    expect(Object.keys(scripts).toSorted()).toEqual(rows.toSorted())
  })

  it.each(Object.entries(scripts))("%s", (row, script) => {
    const { act, world } = script()
    const before = world.announced.length
    act(world)
    const seen = world.announced.slice(before).flatMap((event) =>
      event._tag === "Transition" && event.peer === peer ? [`${event.from} ${event.by} ${event.to}`] : []
    )
    expect(seen).toContain(row)
  })
})
