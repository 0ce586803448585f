import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import * as fc from "fast-check"
import type { NodeEvent, PeerId } from "../../../signatures/index.ts"
import { concerns } from "../../../src/node/concern.ts"
import { isMissing } from "../../../src/node/look.ts"
import { type Busy, isBusy } from "../../../src/node/pair.ts"
import type { Pairs } from "../../../src/node/pairs.ts"
import { outboundByGroup } from "../../../src/node/slots.ts"
import type { State } from "../../../src/node/state.ts"
import { step } from "../../../src/node/step.ts"
import { isLegal } from "../../../src/node/transitions.ts"
import { facts, limit, lost, NodeWorld, peerId, randomOf, rejected, unreachable } from "./world.ts"

const peers = 14
const peer = fc.nat(peers - 1)
const which = fc.nat(30)
const millis = fc.integer({ min: 1, max: 120_000 })

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), millis }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("opened" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("notOpened" as const),
      which,
      how: fc.constantFrom("unreachable", "limit", "full", "incompatible", "duplicate", "violation", "cancelled"),
      millis
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("hello" as const),
      peer,
      isSmaller: fc.boolean(),
      newcomer: fc.boolean()
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("ended" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("released" as const),
      which,
      how: fc.constantFrom("closed", "failed", "violation", "superseded"),
      millis
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("learn" as const),
      peer,
      sticky: fc.boolean(),
      remembered: fc.constantFrom(undefined, undefined, "peer" as const, "anchor" as const)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("evict" as const), peer }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("charge" as const),
      peer,
      as: fc.constantFrom("Cooling" as const, "Banned" as const, "Incompatible" as const),
      millis
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("suspect" as const), yes: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("look" as const) }) }
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const nth = <A>(all: Iterable<A>, n: number): A | undefined => {
  const list = [...all]
  return list[n % Math.max(1, list.length)]
}

const perform = (world: NodeWorld, what: Action): void => {
  const cool = (who: PeerId | undefined, _tag: "Cooling" | "Banned" | "Incompatible", after: number) => {
    if (who !== undefined) world.stand(who, { _tag, until: world.now + after })
  }
  switch (what.do) {
    case "pass":
      return world.pass(what.millis)
    case "opened":
      return world.opened(nth(world.openings.keys(), what.which) ?? -1)
    case "notOpened": {
      const attempt = nth(world.openings.keys(), what.which) ?? -1
      const who = world.openings.get(attempt)
      if (what.how === "unreachable") cool(who, "Cooling", what.millis)
      if (what.how === "full") cool(who, "Cooling", what.millis)
      if (what.how === "incompatible") cool(who, "Incompatible", what.millis)
      if (what.how === "violation") cool(who, "Banned", what.millis)
      return world.notOpened(
        attempt,
        what.how === "cancelled"
          ? { _tag: "Cancelled" }
          : what.how === "limit"
          ? limit
          : what.how === "full" || what.how === "incompatible" || what.how === "duplicate"
          ? { _tag: "NotOpened", error: rejected(what.how) }
          : unreachable
      )
    }
    case "hello":
      return void world.hello(peerId(what.peer), what)
    case "ended":
      return world.ended(nth(world.sessions.keys(), what.which) ?? -1)
    case "released": {
      const attempt = nth(world.sessions.keys(), what.which) ?? -1
      const who = world.sessions.get(attempt)?.peer
      if (what.how === "closed" || what.how === "failed") cool(who, "Cooling", what.millis)
      if (what.how === "violation") cool(who, "Banned", what.millis)
      return world.released(attempt, what.how === "closed" ? undefined : lost)
    }
    case "learn":
      if (!world.book.has(peerId(what.peer))) {
        const { remembered } = what
        const more = { sticky: new Set(what.sticky ? ["me"] : []), ...(remembered === undefined ? {} : { remembered }) }
        world.learn(facts(what.peer, more))
      }
      return void world.look()
    case "evict":
      world.book.delete(peerId(what.peer))
      return void world.look()
    case "charge":
      cool(peerId(what.peer), what.as, what.millis)
      return void world.look()
    case "suspect":
      world.suspectsItself = what.yes
      return void world.look()
    case "look":
      return void world.look()
  }
}

/** As counted from the pairs themselves. */
const slotsOf = (world: NodeWorld): Pairs["slots"] => {
  const busy = [...world.pairs.values()].filter(isBusy)
  const count = (is: Partial<Busy>) => busy.filter((pair) => expect.objectContaining(is).asymmetricMatch(pair)).length
  return {
    outbound: count({ state: "Active", direction: "outbound" }),
    inbound: count({ state: "Active", direction: "inbound" }),
    openingCount: count({ state: "Opening", spare: false }),
    spareCount: count({ state: "Opening", spare: true }),
    closingOutbound: count({ state: "Closing", direction: "outbound" }),
    closingInbound: count({ state: "Closing", direction: "inbound" }),
    newcomers: count({ newcomer: true }),
    total: busy.length
  }
}

const configs = fc.record({
  sessionCount: fc.integer({ min: 1, max: 6 }),
  newcomerSlots: fc.nat(1),
  maxInboundCount: fc.integer({ min: 1, max: 5 }),
  tight: fc.boolean()
}).map(({ newcomerSlots, tight, ...config }) => ({
  ...config,
  newcomerSlots: Math.min(newcomerSlots, config.maxInboundCount - 1),
  ...tight ? { maxSessionCount: config.sessionCount + config.maxInboundCount } : {}
}))
const run = { numRuns: 300 } as const

/** Runs a script of actions, checking after each of them. */
const always = (check: (world: NodeWorld, since: ReadonlyArray<NodeEvent>) => void) =>
  fc.assert(
    fc.property(configs, fc.noShrink(fc.nat()), fc.array(action, { maxLength: 80 }), (config, seed, script) => {
      const world = new NodeWorld(config, seed)
      let heard = 0
      for (const what of script) {
        perform(world, what)
        check(world, world.announced.slice(heard))
        heard = world.announced.length
      }
    }),
    run
  )

describe("the decisions of a node, whatever happens", () => {
  it("count slots and know the next rotation as the pairs say", () =>
    always((world) => {
      const { pairs } = world.state
      expect(pairs.slots).toEqual(slotsOf(world))
      expect(pairs.rotatesAt).toBe(Math.min(Infinity, ...Array.from(pairs.busy.values(), ({ rotateAt }) => rotateAt)))
    }))

  it("keep everybody in one place, of those that are met", () =>
    always((world) => {
      const { busy, idle, met } = world.state.pairs
      for (const peer of [...busy.keys(), ...idle.keys()]) expect(met).toContain(peer)
      for (const peer of idle.keys()) expect(busy.has(peer)).toBe(false)
    }))

  it("never exceed a limit, not even in between", () =>
    always((world) => {
      const slots = world.state.pairs.slots
      const { settings } = world
      expect(slots.total).toBeLessThanOrEqual(settings.maxTotal)
      expect(slots.inbound + slots.closingInbound).toBeLessThanOrEqual(settings.maxInbound)
      expect(slots.outbound + slots.openingCount).toBeLessThanOrEqual(settings.sessionCount)
      expect(slots.spareCount).toBeLessThanOrEqual(2 * settings.sessionCount)
      for (const held of outboundByGroup(world.state.pairs.busy).values()) {
        expect(held).toBeLessThanOrEqual(settings.groupLimit)
      }
    }))

  it("would be the same without a look at what does not concern the node", () =>
    always((world) => {
      world.look()
      for (const known of Array.from(world.book.values())) {
        // Something about it has changed that leaves it a candidate: perhaps how it did on another chain.
        const changed = { ...known, failures: known.failures + 1, lastSuccess: Option.some(world.now) }
        const pair = world.pairOf(known.peer)
        if (isBusy(pair)) continue
        const { settings, state } = world
        if (
          concerns(settings, state, pair, world.news(changed), world.standing(known.peer), () => world.now)
        ) continue
        world.book.set(known.peer, changed)
        const heard = world.announced.length
        expect(world.look()).toEqual([])
        expect(world.announced.length).toBe(heard)
        expect(world.state).toEqual(state)
      }
    }))

  it("would be the same with a look where none is taken", () =>
    always((world) => {
      // Who has its sessions wasn't woken for the end of a wait.
      if (!isMissing(world.settings, world.state)) world.ring()
      const { book, settings, state } = world
      if (isMissing(settings, state) || state.wakeAt <= world.now) return
      for (const known of book.values()) {
        const pair = world.pairOf(known.peer)
        if (isBusy(pair)) continue
        if (concerns(settings, state, pair, world.news(known), world.standing(known.peer), () => world.now)) return
      }
      for (const [peer, pair] of world.pairs) if (!isBusy(pair) && !book.has(peer)) return
      const heard = world.announced.length
      expect(world.look()).toEqual([])
      expect(world.announced.length).toBe(heard)
      const { anyEligible, lacksLink, remembers } = world.state
      expect(world.state).toEqual({ ...state, anyEligible, lacksLink, remembers })
    }))

  it("see the same without news of the book as with them, where there are none", () =>
    always((world) => {
      const { book, now, settings, state } = world
      for (const known of book.values()) {
        const pair = world.pairOf(known.peer)
        if (isBusy(pair)) continue
        const standing = world.standing(known.peer)
        // What only concerns who misses a session was there at the last look too.
        const contented = { ...settings, sessionCount: 0 }
        if (concerns(contented, state, pair, world.news(known), standing, () => now)) return
      }
      for (const [peer, pair] of world.pairs) if (!isBusy(pair) && !book.has(peer)) return
      const look = (isNews: boolean) => step(settings, state, world.looked(isNews), now, randomOf(now))
      expect(look(false)).toEqual(look(true))
    }))

  it("leave the state alone with which they began", () => {
    const frozen = new Map<NodeWorld, readonly [State, State]>()
    always((world) => {
      const [before, copy] = frozen.get(world) ?? [world.state, world.state]
      expect(before).toEqual(copy)
      frozen.set(world, [world.state, structuredClone(world.state)])
    })
  })

  it("take only legal transitions, each from the state that the pair was in", () => {
    const states = new Map<NodeWorld, Map<PeerId, string>>()
    always((world, since) => {
      const now = states.get(world) ?? new Map<PeerId, string>()
      states.set(world, now)
      for (const event of since) {
        if (event._tag !== "Transition") continue
        expect(event.from).toBe(now.get(event.peer) ?? "Unknown")
        expect(isLegal(event.from, event.by, event.to), `${event.from} -${event.by}-> ${event.to}`).toBe(true)
        now.set(event.peer, event.to)
      }
      for (const [peer, pair] of world.pairs) expect(now.get(peer)).toBe(pair.state)
    })
  })

  it("hold exactly the slots of openings and sessions that are there: none leaks, none is given twice", () =>
    always((world) => {
      const held = new Map<number, PeerId>()
      for (const [peer, pair] of world.pairs) if (isBusy(pair)) held.set(pair.attempt, peer)
      for (const [attempt, peer] of held) {
        expect(world.openings.get(attempt) ?? world.sessions.get(attempt)?.peer).toBe(peer)
      }
      // A session is held to its end, an opening too, unless it lost its slot to a crossing one.
      for (const [attempt, peer] of world.openings) {
        expect(world.cancelled.includes(attempt) ? peer : held.get(attempt)).toBe(peer)
      }
      for (const [attempt, { peer }] of world.sessions) expect(held.get(attempt)).toBe(peer)
      expect(new Set([...world.sessions.values()].map((session) => session.peer)).size).toBe(world.sessions.size)
    }))

  it("open nobody who waits, is banned, is unreachable or has just been tried", () =>
    always((world, since) => {
      for (const event of since) {
        if (event._tag !== "Transition" || event.by !== "picked") continue
        expect(world.book.get(event.peer)?.addresses.length).toBeGreaterThan(0)
        const last = since.findLast((before) =>
          before.at <= event.at && before._tag === "Transition" && before.peer === event.peer &&
          before.by === "withdrawn"
        )
        expect(event.at - (last?.at ?? 0)).toBeGreaterThanOrEqual(250)
        // What was charged later than the pick doesn't count.
        expect(event.at < world.now || world.standing(event.peer)._tag === "Clear").toBe(true)
      }
    }))

  it("end every wait, and ignore no eligible candidate for more than a second while below the target", () =>
    fc.assert(
      fc.property(configs, fc.noShrink(fc.nat()), fc.array(action, { maxLength: 60 }), (config, seed, script) => {
        const world = new NodeWorld(config, seed)
        for (const what of script) perform(world, what)
        world.suspectsItself = false
        world.look()
        // Everything that is under way ends, and nothing new is charged.
        for (const attempt of world.openings.keys()) world.notOpened(attempt, { _tag: "Cancelled" })
        for (const attempt of world.sessions.keys()) world.released(attempt)
        world.look()
        world.pass(120_001)
        // Who has asked for all its sessions notices the end of a wait when something else happens.
        world.ring()
        for (const pair of world.pairs.values()) expect(["Candidate", "Opening"]).toContain(pair.state)
        const slots = world.state.pairs.slots
        const groups = outboundByGroup(world.state.pairs.busy)
        const ignored = [...world.book.values()].filter(({ peer, addresses }) =>
          world.pairOf(peer)?.state === "Candidate" && addresses.length > 0 &&
          (groups.get(`${addresses[0]?.split("/")[2]?.split(".").slice(0, 3).join(".")}.0/24`) ?? 0) <
            world.settings.groupLimit
        )
        const isRacing = slots.spareCount >= world.settings.sessionCount ||
          slots.openingCount === world.settings.sessionCount || slots.total === world.settings.maxTotal
        expect(isRacing ? [] : ignored).toEqual([])
      }),
      run
    ))

  it("never ask to be woken at a time that has passed, so that nothing spins", () =>
    always((world) => {
      world.look()
      expect(world.state.wakeAt).toBeGreaterThan(world.now)
    }))

  it("are at the target exactly when enough sessions are held, or nobody is left to open", () =>
    always((world, since) => {
      world.look()
      const { outbound, openingCount, spareCount } = world.state.pairs.slots
      const isFull = outbound >= world.settings.sessionCount
      const isLeft = [...world.pairs.values()].some((pair) => pair.state === "Candidate")
      expect(world.state.atTarget).toBe(
        isFull || (openingCount + spareCount === 0 && (!isLeft || !world.state.anyEligible))
      )
      const said = since.map((event) => event._tag).filter((tag) => tag === "TargetReached" || tag === "BelowTarget")
      expect(said.some((tag, i) => tag === said[i - 1])).toBe(false)
    }))

  it("are the same for the same events and draws", () =>
    fc.assert(
      fc.property(configs, fc.nat(), fc.array(action, { maxLength: 40 }), (config, seed, script) => {
        const [a, b] = [new NodeWorld(config, seed), new NodeWorld(config, seed)]
        for (const what of script) {
          perform(a, what)
          perform(b, what)
        }
        expect(a.announced).toEqual(b.announced)
        expect(a.state).toEqual(b.state)
      }),
      { numRuns: 50 }
    ))
})
