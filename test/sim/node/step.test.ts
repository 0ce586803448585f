import { describe, expect, it } from "@effect/vitest"
import type { NodeEvent, PeerId } from "../../../signatures/index.ts"
import { isBusy } from "../../../src/node/pair.ts"
import { statsOf } from "../../../src/node/stats.ts"
import { address, facts, limit, NodeWorld, peerId, rejected, unreachable } from "./world.ts"

const many = (n: number, more: Parameters<typeof facts>[1] = {}) =>
  // Far apart, so that no two share an address group.
  Array.from({ length: n }, (_, i) => facts(3 * i, more))
const transitionsOf = (world: NodeWorld) => world.announced.filter((event) => event._tag === "Transition")
const targets = (events: ReadonlyArray<NodeEvent>) =>
  events.filter((event) => event._tag === "TargetReached" || event._tag === "BelowTarget").map((event) => event._tag)

describe("filling up", () => {
  it("opens as many sessions as are missing, and says when the target is reached", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...many(8))
    expect(world.look()).toHaveLength(3)
    expect(targets(world.announced)).toEqual([])
    for (const attempt of world.openings.keys()) world.opened(attempt)
    expect(statsOf(world.state)).toEqual({ outbound: 3, inbound: 0, opening: 0, closing: 0, atTarget: true })
    expect(targets(world.announced)).toEqual(["TargetReached"])
    expect(world.look()).toEqual([])
  })

  it("is at its target when nobody is left to open", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...many(2)).fillUp()
    expect(statsOf(world.state)).toMatchObject({ outbound: 2, atTarget: true })
  })

  it("does not count what others opened", () => {
    const world = new NodeWorld({ sessionCount: 2 })
    for (const i of [0, 3, 6]) expect(world.hello(peerId(i), { newcomer: true })).toBe("accepted")
    world.learn(...many(9))
    expect(world.look()).toHaveLength(2)
  })

  it("replaces a session as soon as it ends, before its slot is free", () => {
    const world = new NodeWorld({ sessionCount: 2 }).learn(...many(4)).fillUp()
    const [attempt] = world.sessions.keys()
    world.ended(attempt ?? -1)
    expect(world.look()).toHaveLength(1)
    expect(statsOf(world.state)).toMatchObject({ outbound: 1, opening: 1, closing: 1, atTarget: false })
  })

  it("waits while sessions that are closing fill the limit of all sessions", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 0, maxSessionCount: 1 }).learn(...many(3)).fillUp()
    const [attempt = -1] = world.sessions.keys()
    world.ended(attempt)
    expect(world.look()).toEqual([])
    world.released(attempt)
    expect(world.look()).toHaveLength(1)
  })

  it("opens a peer without an address only once it has a link", () => {
    const world = new NodeWorld({}).learn(facts(0, { addresses: [] }))
    expect(world.look()).toEqual([])
    expect(world.state).toMatchObject({ lacksLink: true, atTarget: true })
    const remote = facts(0).addresses[0]
    if (remote === undefined) throw new Error("no address")
    world.links.set(peerId(0), { peer: peerId(0), remote, direction: "inbound", since: 0, chains: [] })
    expect(world.look()).toEqual([peerId(0)])
  })

  it("talks to known peers only when it is private", () => {
    const [at] = facts(0).addresses
    const world = new NodeWorld({ private: true, knownPeers: [address(`${at}/p2p/${peerId(0)}`)] })
    world.learn(...many(4))
    expect(world.look()).toEqual([peerId(0)])
    expect(transitionsOf(world).map((event) => event.peer)).toEqual([peerId(0), peerId(0)])
    expect(world.hello(peerId(3))).toBe("unknown-chain")
  })
})

describe("peers of which only an earlier process knew", () => {
  const remembered = (n: number, from = 8, as: "peer" | "anchor" = "peer") =>
    Array.from({ length: n }, (_, i) => facts(3 * (from + i), { remembered: as }))
  const opening = (world: NodeWorld) => [...world.openings.values()].toSorted()

  it("are asked beside as many others as are missing, and as many of them again", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...many(8), ...remembered(8))
    const asked = world.look()
    expect(asked.filter((peer) => world.book.get(peer)?.remembered === undefined)).toHaveLength(3)
    expect(asked.filter((peer) => world.book.get(peer)?.remembered === "peer")).toHaveLength(3)
    expect(world.look()).toEqual([])
  })

  it("hold up nobody: who is heard of later is asked at once", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...remembered(8))
    expect(world.look()).toHaveLength(6)
    world.learn(...many(2))
    expect(world.look().toSorted()).toEqual([peerId(0), peerId(3)])
  })

  it("win if they accept first, and then the others are given up without charge to anybody", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...many(3), ...remembered(3))
    world.look()
    const isOld = (peer: PeerId) => world.book.get(peer)?.remembered === "peer"
    for (const [attempt] of [...world.openings].filter(([, peer]) => isOld(peer))) {
      expect(world.cancelled).toEqual([])
      world.opened(attempt)
      expect(world.openings.has(attempt)).toBe(false)
    }
    expect(world.cancelled.toSorted()).toEqual([...world.openings.keys()].toSorted())
    expect(statsOf(world.state)).toMatchObject({ outbound: 3, opening: 3, atTarget: true })
    for (const attempt of world.openings.keys()) world.notOpened(attempt, { _tag: "Cancelled" })
    expect(statsOf(world.state)).toEqual({ outbound: 3, inbound: 0, opening: 0, closing: 0, atTarget: true })
    expect(transitionsOf(world).filter(({ by }) => by === "withdrawn")).toHaveLength(3)
  })

  it("that accept too late are left in order", () => {
    const world = new NodeWorld({ sessionCount: 1 }).learn(...many(1), ...remembered(1))
    world.look()
    const [first = -1, second = -1] = world.openings.keys()
    world.opened(first)
    world.opened(second)
    expect(statsOf(world.state)).toMatchObject({ outbound: 1, closing: 1, atTarget: true })
    world.released(second)
    expect(statsOf(world.state)).toMatchObject({ outbound: 1, closing: 0 })
    expect(opening(world)).toEqual([])
  })

  it("begin with the anchors", () => {
    const world = new NodeWorld({ sessionCount: 2 }).learn(...remembered(6), ...remembered(2, 20, "anchor"))
    expect(world.look().slice(0, 2).toSorted()).toEqual([peerId(60), peerId(63)])
  })

  it("are asked one at a time, as everybody, while we suspect ourselves", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...remembered(8))
    world.suspectsItself = true
    expect(world.look()).toHaveLength(1)
    expect(world.look()).toEqual([])
  })

  it("take no more than the limit of all sessions allows", () => {
    const world = new NodeWorld({ sessionCount: 2, maxInboundCount: 1, maxSessionCount: 3 })
      .learn(...many(2), ...remembered(8))
    expect(world.look()).toHaveLength(3)
  })
})

describe("the address group of a peer", () => {
  const far = (i: number) => address(`/ip4/${30 + i}.1.1.1/tcp/7400`)

  it("is each that it claims while it is being opened, and the one where it is from then on", () => {
    const liar = facts(0, { addresses: [far(0), far(1), far(2)] })
    const [victim, other] = [facts(3, { addresses: [far(1)] }), facts(6, { addresses: [far(9)] })]
    const world = new NodeWorld({ sessionCount: 4 }).learn(liar)
    world.look()
    world.learn(victim, other)
    expect(world.look()).toEqual([other.peer])
    world.opened(world.attemptOf(liar.peer))
    expect(world.look()).toEqual([victim.peer])
  })

  it("is that of its link when there is one", () => {
    const world = new NodeWorld({ sessionCount: 4 }).learn(facts(0, { addresses: [far(0)] })).fillUp()
    const linked = facts(3, { addresses: [far(0)] })
    world.learn(linked)
    expect(world.look()).toEqual([])
    world.links.set(linked.peer, { peer: linked.peer, remote: far(5), direction: "inbound", since: 0, chains: [] })
    expect(world.look()).toEqual([linked.peer])
  })
})

describe("an opening that comes to nothing", () => {
  it.each([
    ["is withdrawn by ourselves", limit],
    ["was a duplicate", { _tag: "NotOpened", error: rejected("duplicate") } as const],
    ["is cancelled", { _tag: "Cancelled" } as const]
  ])("and charges nobody is tried again after a quarter of a second to a second, when it %s", (_, outcome) => {
    for (let seed = 0; seed < 50; seed++) {
      const world = new NodeWorld({ sessionCount: 1 }, seed).learn(facts(0))
      world.look()
      const since = world.now
      world.notOpened(world.attemptOf(peerId(0)), outcome)
      world.look()
      expect(world.state.atTarget).toBe(false)
      const wait = world.state.wakeAt - since
      expect(wait).toBeGreaterThanOrEqual(250)
      expect(wait).toBeLessThanOrEqual(1_000)
      world.pass(1_000)
      expect(world.openings.size).toBe(1)
    }
  })

  it("and cools is tried again when that is over, and not before", () => {
    const world = new NodeWorld({ sessionCount: 1 }).learn(facts(0))
    world.look()
    world.stand(peerId(0), { _tag: "Cooling", until: world.now + 5_000 })
    world.notOpened(world.attemptOf(peerId(0)), unreachable)
    world.look()
    expect(world.state).toMatchObject({ wakeAt: world.now + 5_000, atTarget: true })
    world.pass(4_999)
    expect(world.openings.size).toBe(0)
    world.pass(1)
    expect(world.openings.size).toBe(1)
  })
})

describe("rotation", () => {
  it("ends each session after its lifetime, give or take a quarter", () => {
    const world = new NodeWorld({ sessionCount: 6, sessionTimeout: "100 seconds" }).learn(...many(6)).fillUp()
    const born = world.now
    const lifetimes = [...world.pairs.values()].map((pair) => isBusy(pair) ? pair.rotateAt - born : 0)
    for (const lifetime of lifetimes) {
      expect(lifetime).toBeGreaterThanOrEqual(75_000)
      expect(lifetime).toBeLessThanOrEqual(125_000)
    }
    expect(new Set(lifetimes).size).toBe(6)
    world.pass(74_999)
    expect(statsOf(world.state).outbound).toBe(6)
    world.pass(50_001)
    expect([...world.sessions.values()].every(({ asked }) => asked)).toBe(true)
  })

  it("is off when the session timeout is infinite", () => {
    const world = new NodeWorld({ sessionCount: 2, sessionTimeout: "Infinity" }).learn(...many(2)).fillUp()
    expect(world.state.wakeAt).toBe(Infinity)
  })
})

describe("a hello", () => {
  it("is a duplicate while there is a session, also one that closes", () => {
    const world = new NodeWorld({}).learn(facts(0)).fillUp()
    expect(world.hello(peerId(0))).toBe("duplicate")
    world.ended(world.attemptOf(peerId(0)))
    expect(world.hello(peerId(0))).toBe("duplicate")
  })

  it("that crosses our own opening wins if its peer id is the smaller one, and takes an inbound slot", () => {
    const world = new NodeWorld({ sessionCount: 1 }).learn(facts(0))
    world.look()
    const ours = world.attemptOf(peerId(0))
    expect(world.hello(peerId(0), { isSmaller: false })).toBe("duplicate")
    expect(world.hello(peerId(0), { isSmaller: true })).toBe("accepted")
    expect(world.cancelled).toEqual([ours])
    expect(statsOf(world.state)).toMatchObject({ inbound: 1, outbound: 0, opening: 0 })
    // What becomes of the cancelled opening is no news any more.
    world.notOpened(ours, { _tag: "Cancelled" })
    expect(statsOf(world.state)).toMatchObject({ inbound: 1, opening: 0 })
  })

  it("that crossed leaves an opening whose late news changes nothing of the next one", () => {
    const world = new NodeWorld({ sessionCount: 1 }).learn(facts(0))
    world.look()
    const first = world.attemptOf(peerId(0))
    world.hello(peerId(0), { isSmaller: true })
    world.released(world.attemptOf(peerId(0)))
    world.look()
    world.pass(1_000)
    expect(statsOf(world.state).opening).toBe(1)
    world.notOpened(first, { _tag: "Cancelled" })
    expect(statsOf(world.state).opening).toBe(1)
  })

  it("that crosses finds no room when the inbound slots are taken, and our opening goes on", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 1, newcomerSlots: 0 }).learn(facts(0))
    world.look()
    expect(world.hello(peerId(3))).toBe("accepted")
    expect(world.hello(peerId(0), { isSmaller: true })).toBe("full")
    expect(statsOf(world.state).opening).toBe(1)
  })

  it("finds no room while sessions that close hold all of it; one that crosses brings its own", () => {
    const tight = { sessionCount: 1, maxInboundCount: 1, maxSessionCount: 2, newcomerSlots: 0 }
    const world = new NodeWorld(tight).learn(facts(0)).fillUp()
    world.ended(world.attemptOf(peerId(0)))
    world.learn(facts(3))
    expect(world.look()).toEqual([peerId(3)])
    expect(world.hello(peerId(6))).toBe("full")
    expect(world.hello(peerId(3), { isSmaller: true })).toBe("accepted")
  })

  it("finds a slot kept for it when it comes from somebody new", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 3, newcomerSlots: 1 })
    expect(world.hello(peerId(0))).toBe("accepted")
    expect(world.hello(peerId(1))).toBe("accepted")
    expect(world.hello(peerId(2))).toBe("full")
    expect(world.hello(peerId(2), { newcomer: true })).toBe("accepted")
    expect(world.hello(peerId(4), { newcomer: true })).toBe("full")
  })

  it("gets the last slot from a peer seen before, once newcomers hold what was kept for them", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 2, newcomerSlots: 1 })
    expect(world.hello(peerId(0), { newcomer: true })).toBe("accepted")
    expect(world.hello(peerId(1))).toBe("accepted")
  })

  it("is told to ask again within the ten minutes that a rejection may say", () => {
    const world = new NodeWorld({}).learn(facts(0))
    world.stand(peerId(0), { _tag: "Banned", until: world.now + 86_400_000 })
    const [answer] = world.take({
      _tag: "Hello",
      peer: peerId(0),
      standing: world.standing(peerId(0)),
      isSmaller: true,
      newcomer: false,
      group: undefined
    })
    expect(answer).toEqual({ _tag: "Reject", reason: "banned", retryAfter: 600_000 })
  })
})

describe("stopping", () => {
  it("ends every session with the code, gives up every opening and lets nobody in", () => {
    const world = new NodeWorld({ sessionCount: 3 }).learn(...many(2)).fillUp()
    world.learn(facts(9))
    world.look()
    const before = world.announced.length
    const commands = world.take({ _tag: "Stop", code: "draining" })
    expect(commands.filter(({ _tag }) => _tag === "End")).toHaveLength(2)
    expect(commands.filter(({ _tag }) => _tag === "Cancel")).toHaveLength(1)
    expect(world.hello(peerId(12))).toBe("draining")
    for (const attempt of world.openings.keys()) world.opened(attempt)
    for (const attempt of world.sessions.keys()) world.released(attempt)
    world.pass(100_000)
    expect(statsOf(world.state)).toEqual({ outbound: 0, inbound: 0, opening: 0, closing: 0, atTarget: false })
    expect(targets(world.announced.slice(before))).toEqual([])
  })
})

describe("while the book suspects ourselves", () => {
  it("looks again within a second, however often somebody asks for a session in vain", () => {
    const world = new NodeWorld({ sessionCount: 1, maxInboundCount: 0 }).learn(facts(0))
    world.suspectsItself = true
    world.state = { ...world.state, probeAt: Infinity }
    world.look()
    const { wakeAt } = world.state
    expect(wakeAt).toBe(world.now + 1_000)
    for (let i = 0; i < 3; i++) {
      world.now += 300
      expect(world.hello(peerId(3))).toBe("full")
      expect(world.state.wakeAt).toBe(wakeAt)
    }
    world.suspectsItself = false
    world.pass(100)
    expect([...world.openings.values()]).toEqual([peerId(0)])
  })

  it("only sticky peers are opened", () => {
    const world = new NodeWorld({ sessionCount: 4 }).learn(...many(4), facts(40, { sticky: new Set(["me"]) }))
    world.suspectsItself = true
    expect(world.look()).toEqual([peerId(40)])
    world.suspectsItself = false
    expect(world.look()).toHaveLength(3)
  })

  it("and nobody is sticky, one peer at a time is probed, some seconds apart", () => {
    const world = new NodeWorld({ sessionCount: 4 }).learn(...many(6))
    world.suspectsItself = true
    expect(world.look()).toHaveLength(1)
    expect(world.look()).toEqual([])
    const [attempt = -1] = world.openings.keys()
    world.notOpened(attempt, unreachable)
    world.pass(3_900)
    expect(world.openings.size).toBe(0)
    world.pass(3_200)
    expect(world.openings.size).toBe(1)
  })

  it("the end of the suspicion is noticed though the book says nothing", () => {
    const world = new NodeWorld({ sessionCount: 4 }).learn(...many(6))
    world.suspectsItself = true
    world.look()
    world.suspectsItself = false
    world.pass(1_000)
    expect(world.openings.size).toBe(4)
  })
})
