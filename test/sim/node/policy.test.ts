import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import * as fc from "fast-check"
import type { PeerId, SelectionCandidate, SelectionPolicy, SelectionView } from "../../../signatures/index.ts"
import { sharingPolicy } from "../../../src/node/index.ts"
import { groupLimit, isGroupFull, safePicks } from "../../../src/node/picks.ts"
import { facts, peerId, randomOf, testChain } from "./world.ts"

const minute = 60_000
interface Shape {
  readonly isKnown?: boolean
  readonly groups?: ReadonlyArray<string>
  readonly proven?: boolean
  readonly failures?: number
  /** Chains on its link, and the link's age. */
  readonly link?: readonly [chains: number, age: number]
  readonly asked?: number
  readonly remembered?: "peer"
}
const now = 100 * minute

const candidate = (i: number, shape: Shape = {}): SelectionCandidate => {
  const known = facts(i)
  const [remote] = known.addresses
  if (remote === undefined) throw new Error("no address")
  return {
    ...known,
    isKnown: shape.isKnown ?? false,
    groups: shape.groups ?? [],
    asked: shape.asked ?? 0,
    failures: shape.failures ?? 0,
    ...shape.remembered === undefined ? {} : { remembered: shape.remembered },
    lastSuccess: shape.proven === true ? Option.some(1) : Option.none(),
    link: shape.link === undefined ? Option.none() : Option.some({
      peer: known.peer,
      remote,
      direction: "outbound",
      since: now - shape.link[1],
      chains: Array.from({ length: shape.link[0] }, (_, n) => ({ ...testChain, name: `chain${n}` }))
    })
  }
}

const view = (candidates: ReadonlyArray<SelectionCandidate>, more: Partial<SelectionView> = {}): SelectionView => ({
  now,
  sessionCount: 6,
  groupLimit: 1,
  sessionTimeout: 4 * minute,
  candidates,
  outboundByGroup: new Map(),
  ...more
})

/** How often each of the peers is the first pick. */
const tally = (of: SelectionView, rounds = 2_000) => {
  const random = randomOf(7)
  const counts = new Map<PeerId, number>()
  for (let i = 0; i < rounds; i++) {
    for (const peer of sharingPolicy.pick(of, 1, random)) counts.set(peer, (counts.get(peer) ?? 0) + 1)
  }
  return (i: number) => (counts.get(peerId(i)) ?? 0) / rounds
}

describe("the default policy", () => {
  it("picks missing known peers first, also before a linked one", () => {
    const picked = sharingPolicy.pick(
      view([candidate(0, { link: [1, minute] }), candidate(1, { isKnown: true }), candidate(2)]),
      1,
      randomOf(1)
    )
    expect(picked).toEqual([peerId(1)])
  })

  it("then shares links, uniformly, with peers that have few chains on a young link and hardly ever failed", () => {
    const share = tally(view([
      candidate(0, { link: [1, minute] }),
      candidate(1, { link: [7, 15 * minute], failures: 1 }),
      candidate(2, { link: [8, minute] }),
      candidate(3, { link: [1, 16 * minute] }),
      candidate(4, { link: [1, minute], failures: 2 }),
      candidate(5, { proven: true })
    ]))
    expect(share(0)).toBeGreaterThan(.45)
    expect(share(1)).toBeGreaterThan(.45)
    expect(share(0) + share(1)).toBe(1)
  })

  it("shares a link that is being dialled for other chains, but for few of them, and not with those who may be gone", () => {
    const share = tally(view([
      candidate(0, { asked: 1 }),
      candidate(1, { asked: 7 }),
      candidate(2, { asked: 8 }),
      candidate(3, { asked: 1, failures: 2 }),
      candidate(4, { asked: 1, remembered: "peer" }),
      candidate(5, { proven: true })
    ]))
    expect(share(0)).toBeGreaterThan(.45)
    expect(share(1)).toBeGreaterThan(.45)
    expect(share(0) + share(1)).toBe(1)
  })

  it("never forbids by cap or age: two nodes may share a thousand chains on one link", () => {
    expect(sharingPolicy.pick(view([candidate(0, { link: [1_000, 1_000 * minute] })]), 3, randomOf(1)))
      .toEqual([peerId(0)])
  })

  it("shares a link of any age when sessions are never rotated", () => {
    const old = candidate(0, { link: [1, 10_000 * minute] })
    expect(tally(view([old, candidate(1)], { sessionTimeout: Infinity }))(0)).toBe(1)
  })

  it("otherwise tosses a coin between proven and unproven peers, however many there are of each", () => {
    const unproven = Array.from({ length: 18 }, (_, i) => candidate(i + 2))
    const share = tally(view([candidate(0, { proven: true }), candidate(1, { proven: true }), ...unproven]))
    expect(share(0) + share(1)).toBeGreaterThan(.45)
    expect(share(0) + share(1)).toBeLessThan(.55)
    expect(share(2)).toBeLessThan(.06)
  })

  it("counts a peer in each of its groups", () => {
    const of = view([candidate(0, { groups: ["a", "b"] }), candidate(1, { groups: ["b"] })])
    for (let seed = 0; seed < 20; seed++) expect(sharingPolicy.pick(of, 2, randomOf(seed))).toHaveLength(1)
  })
})

describe("the limit of an address group", () => {
  it("keeps any three groups from holding all sessions, from four sessions on", () => {
    for (let count = 4; count <= 64; count++) expect(3 * groupLimit(count)).toBeLessThan(count)
    for (const count of [1, 2, 3]) expect(groupLimit(count)).toBe(1)
  })
})

const shapes = fc.record({
  isKnown: fc.boolean(),
  groups: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 2 }),
  proven: fc.boolean(),
  failures: fc.nat(3),
  asked: fc.nat(9),
  link: fc.option(fc.tuple(fc.nat(12), fc.nat(30 * minute)), { nil: undefined })
}, { requiredKeys: ["isKnown", "groups", "proven", "failures"] })

const views = fc.record({
  shapes: fc.array(shapes, { maxLength: 12 }),
  sessionCount: fc.integer({ min: 1, max: 12 }),
  held: fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.nat(3))
}).map(({ held, sessionCount, shapes }) =>
  view(
    shapes.map(({ link, ...shape }, i) => candidate(i, link === undefined ? shape : { ...shape, link })),
    {
      sessionCount,
      groupLimit: groupLimit(sessionCount),
      outboundByGroup: new Map(Object.entries(held))
    }
  )
)

const checkPicks = (of: SelectionView, n: number, picked: ReadonlyArray<PeerId>) => {
  expect(picked.length).toBeLessThanOrEqual(n)
  expect(new Set(picked).size).toBe(picked.length)
  const byGroup = new Map(of.outboundByGroup)
  for (const peer of picked) {
    const chosen = of.candidates.find((one) => one.peer === peer)
    expect(chosen).toBeDefined()
    for (const group of chosen?.groups ?? []) {
      byGroup.set(group, (byGroup.get(group) ?? 0) + 1)
      expect(byGroup.get(group)).toBeLessThanOrEqual(of.groupLimit)
    }
  }
  return byGroup
}

describe("any policy", () => {
  it("keeps its postconditions, if it is the default one", () =>
    fc.assert(fc.property(views, fc.integer({ min: 1, max: 8 }), fc.nat(), (of, n, seed) => {
      const picked = sharingPolicy.pick(of, n, randomOf(seed))
      const after = checkPicks(of, n, picked)
      const left = of.candidates.filter((one) => !picked.includes(one.peer) && !isGroupFull(one, after, of.groupLimit))
      expect(picked.length === n ? [] : left).toEqual([])
      expect(sharingPolicy.pick(of, n, randomOf(seed))).toEqual(picked)
    })))

  it("can pick strangers, twice, too many or from full groups: what it may not pick is ignored", () =>
    fc.assert(fc.property(
      views,
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.nat(20), { maxLength: 30 }),
      (of, n, wild) => {
        const policy: SelectionPolicy = { pick: () => wild.map(peerId) }
        checkPicks(of, n, safePicks(policy, of, n, randomOf(1)).candidates.map((one) => one.peer))
      }
    )))

  it("that throws picks nobody, and what it threw is told", () => {
    const oops = new Error("oops")
    const policy: SelectionPolicy = {
      pick: () => {
        throw oops
      }
    }
    expect(safePicks(policy, view([candidate(0)]), 1, randomOf(1))).toEqual({
      candidates: [],
      byGroup: new Map(),
      thrown: { cause: oops }
    })
  })

  it("isn't asked when nothing is missing or nobody is there", () => {
    const policy: SelectionPolicy = {
      pick: () => {
        throw new Error("asked")
      }
    }
    const nobody = { candidates: [], byGroup: new Map() }
    expect(safePicks(policy, view([]), 3, randomOf(1))).toEqual(nobody)
    expect(safePicks(policy, view([candidate(0)]), 0, randomOf(1))).toEqual(nobody)
  })
})
