import * as fc from "fast-check"
import * as assert from "node:assert/strict"
import { describe, expect, it } from "vitest"
import type { PeerId } from "../../../signatures/index.ts"
import { expectedLink } from "../../../src/pool/settling.ts"
import { linksView } from "../../../src/pool/view.ts"
import { addressIn, anyDeed, chain, type Deed, PoolModel, self } from "./model.ts"

const peers = ["2Peer2", "2Peer3", "2Peer4", "2Peer5", "4Peer2", "4Peer3", "4Peer4", "4Peer5"].map((text) =>
  text as PeerId
)
const charges = new Set(["DialFailed", "Unreachable", "LinkUp", "LinkDown", "LinkLost", "Violation"])
const limits = { maxLinks: 5, maxInboundLinks: 4, maxLinksPerGroup: 2, maxDials: 2, maxUnsettledInbound: 2 }

/** A model with what only the test knows: who holds which lease, and which links live. */
class World {
  readonly pool: PoolModel
  readonly alive = new Map<number, { readonly peer: PeerId; goodbye: boolean }>()
  /** Leases that were asked for and not given back, by number. */
  readonly held = new Map<number, PeerId>()
  readonly banned = new Set<PeerId>()
  readonly charged = new Set<number>()

  constructor(draws: ReadonlyArray<number>) {
    this.pool = new PoolModel(limits, draws)
  }

  #up(link: number, peer: PeerId): void {
    this.alive.set(link, { peer, goodbye: false })
  }

  do({ millis, peer: number, what, which }: Deed): void {
    const { pool } = this
    const peer = peers[number] ?? self
    const choose = <A>(all: Iterable<A>): A | undefined => {
      const list = [...all]
      return list[which % Math.max(1, list.length)]
    }
    const link = choose(this.alive.keys())
    const dial = choose(pool.dialling.keys())
    const lease = choose(this.held.keys())
    const addresses = Array.from({ length: which % 4 }, (_, n) => addressIn((number + n) % 4, number + 1))
    switch (what) {
      case "ask":
        this.held.set(pool.ask(peer, which % 3, addresses, this.banned.has(peer), which % 5 === 0), peer)
        break
      case "ask-banned":
        this.held.set(pool.ask(peer, which % 3, addresses, true), peer)
        break
      case "take":
        if (link !== undefined) this.held.set(pool.take(link, which % 3), this.alive.get(link)?.peer ?? peer)
        break
      case "release":
        if (lease !== undefined) {
          pool.release(this.held.get(lease) ?? peer, lease)
          this.held.delete(lease)
        }
        break
      case "inbound":
      case "inbound-banned":
        this.#up(
          pool.inbound(peer, addressIn(which % 4, number + 1), what !== "inbound" || this.banned.has(peer)),
          peer
        )
        break
      case "dialled":
        if (dial !== undefined) this.#up(pool.dialled(dial), pool.dials.get(dial)?.peer ?? peer)
        break
      case "late": {
        const late = choose([...pool.dials.keys()].filter((key) => !pool.dialling.has(key)))
        if (late !== undefined) {
          this.#up(pool.dialled(late), pool.dials.get(late)?.peer ?? peer)
          pool.dials.delete(late)
        }
        break
      }
      case "failed":
        if (dial !== undefined) pool.notDialled(dial, which % 5 === 0 ? "transport-missing" : "refused")
        break
      case "end":
        if (link !== undefined) this.end(link, which % 2 === 0 ? "lost" : "remote", which % 3 > 0)
        break
      case "probed":
        if (link !== undefined) pool.handle({ _tag: "Probed", link })
        break
      case "silent":
      case "violation":
        if (link !== undefined) {
          if (what === "violation") this.banned.add(this.alive.get(link)?.peer ?? peer)
          pool.handle({ _tag: "Dead", link, reason: what })
        }
        break
      case "leaving":
        if (link !== undefined) pool.handle({ _tag: "Leaving", link })
        break
      case "wait":
        pool.wait(millis)
        break
      case "part": {
        // The shell has carried out a goodbye of ours.
        const parted = choose([...pool.parted.keys()].filter((key) => this.alive.has(key)))
        if (parted !== undefined) this.end(parted, "local")
      }
    }
  }

  end(link: number, by: "local" | "lost" | "remote", spoken = true): void {
    const before = this.pool.chargesOf("LinkLost").length
    this.alive.delete(link)
    this.pool.end(link, by, spoken)
    const charges = this.pool.chargesOf("LinkLost").length - before
    assert.ok(charges === 0 || (charges === 1 && by !== "local" && !this.pool.parted.has(link)), "a loss is charged")
  }

  check(): void {
    this.checkDials()
    this.checkLeases()
    this.checkLinks()
    for (const { _tag } of this.pool.charges) assert.ok(charges.has(_tag), _tag)
    this.checkToldLinks()
  }

  /** The book is told of the end of each link of whose beginning it was told, once. */
  checkToldLinks(): void {
    const up = new Map<string, number>()
    const name = (peer: string, address: string, direction: string) => `${direction} ${peer} ${address}`
    for (const charge of this.pool.charges) {
      if (charge._tag !== "LinkUp" && charge._tag !== "LinkDown") continue
      const one = name(charge.peer, charge.address, charge.direction)
      up.set(one, (up.get(one) ?? 0) + (charge._tag === "LinkUp" ? 1 : -1))
    }
    for (const { direction, peer, phase, remote, told } of this.pool.links) {
      const one = name(peer, remote, direction)
      assert.ok(told || phase === "parting", "the book was not told of a link")
      if (told) up.set(one, (up.get(one) ?? 0) - 1)
    }
    for (const count of up.values()) assert.equal(count, 0, "the book was not told of an end, or twice")
  }

  /** Those that the state knows are those in flight: none over the limits, none to ourselves or a banned peer. */
  checkDials(): void {
    const { pool } = this
    const known = [...pool.state.peers].flatMap(([peer, { race }]) =>
      [...race?.dials.keys() ?? []].map((dial) => ({ dial, peer }))
    )
    assert.deepEqual(
      new Set(known.map(({ dial, peer }) => `${dial} ${peer}`)),
      new Set([...pool.dialling].map(([dial, { peer }]) => `${dial} ${peer}`))
    )
    assert.ok(known.length <= limits.maxDials, "too many dials")
    for (const { peer } of known) assert.ok(peer !== self && !this.banned.has(peer), "a dial that must not be")
    for (const [peer, { race, waiting }] of pool.state.peers) {
      assert.ok(waiting.size === 0 || race !== undefined, `somebody waits for nothing from ${peer}`)
    }
  }

  /** Each is held by one link, waits, or was refused or lost with its link. */
  checkLeases(): void {
    const { pool } = this
    const onLinks = pool.links.flatMap((link) => [...link.leases.keys()].map((lease) => [lease, link.peer] as const))
    const waiting = [...pool.state.peers].flatMap(([peer, state]) =>
      [...state.waiting.keys()].map((lease) => [lease, peer] as const)
    )
    const counted = new Map([...onLinks, ...waiting])
    assert.equal(counted.size, onLinks.length + waiting.length, "a lease is counted twice")
    for (const [lease, peer] of counted) {
      assert.equal(this.held.get(lease), peer, "a lease that nobody holds is counted")
    }
    for (const lease of this.held.keys()) {
      const answer = pool.answers.get(lease)
      const isLost = answer?.granted !== undefined && !pool.state.links.has(answer.granted)
      const mayBeGone = !pool.asked.has(lease) || isLost || answer?.refused !== undefined
      assert.ok(counted.has(lease) ? answer?.refused === undefined : mayBeGone, "a lease is not counted")
    }
  }

  /** Bounded; and where there are two, one of them is being asked for a sign of life. */
  checkLinks(): void {
    const { pool } = this
    assert.deepEqual(new Set(pool.state.links.keys()), new Set(this.alive.keys()))
    assert.deepEqual(pool.viewed, linksView(pool.setting, pool.state))
    const counting = pool.links.filter(({ phase }) => phase !== "parting")
    const inbound = counting.filter(({ direction }) => direction === "inbound")
    const racing = [...pool.state.peers].filter(([, { race }]) => race !== undefined).map(([peer]) => peer)
    assert.deepEqual(pool.state.racing, new Set(racing))
    const unsettled = inbound.filter((link) => link.phase === "up" && !link.wasLeased)
    const peersOf = (links: typeof counting) => links.map(({ peer }) => peer)
    assert.ok(new Set([...peersOf(counting), ...racing]).size <= limits.maxLinks, "too many links")
    assert.ok(unsettled.length <= limits.maxUnsettledInbound, "too many unsettled links")
    for (const peer of peers) {
      const up = counting.filter((link) => link.peer === peer && link.phase === "up")
      assert.ok(up.length <= 3, "too many links of a peer")
      const probe = expectedLink(pool.setting, up)?.probe ?? "none"
      assert.equal(probe, up.length > 1 ? "asked" : "none")
      assert.ok(up.length === 0 || pool.state.peers.get(peer)?.waiting.size === 0, "somebody waits beside a link")
    }
    for (const group of [0, 1, 2, 3]) {
      const prefix = `/ip4/20.0.${group}.`
      const linked = counting.filter(({ remote }) => remote.startsWith(prefix))
      const dialling = [...pool.dialling.values()].filter(({ address }) => address.startsWith(prefix))
      const inGroup = new Set([...linked, ...dialling].map(({ peer }) => peer))
      assert.ok(inGroup.size <= limits.maxLinksPerGroup, "too many links of a group")
    }
  }
}

describe("the pool, whatever happens", () => {
  it("keeps its invariants after every step, and ends with nothing left", () => {
    fc.assert(
      fc.property(
        fc.array(anyDeed, { maxLength: 80, size: "max" }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (deeds, draws) => {
          const world = new World(draws)
          for (const deed of deeds) {
            world.do(deed)
            world.check()
          }
          const { pool } = world
          // Left alone, every peer comes down to one link, and every lease that waits is answered.
          pool.wait(120_000)
          world.check()
          for (const peer of peers) {
            const up = pool.links.filter((link) => link.peer === peer && link.phase === "up")
            expect(up.length).toBeLessThanOrEqual(1)
          }
          expect([...pool.state.peers.values()].every(({ waiting }) => waiting.size === 0)).toBe(true)
          expect(pool.dialling.size).toBe(0)
          pool.handle({ _tag: "PartAll", closing: true })
          for (const link of world.alive.keys()) expect(pool.parted.has(link)).toBe(true)
          for (const link of world.alive.keys()) world.end(link, "local")
          expect(pool.state).toMatchObject({ links: new Map(), peers: new Map() })
          expect(pool.answers.get(pool.ask(peers[0] ?? self, 0, [addressIn(1)]))?.refused).toBe("closing")
        }
      ),
      { numRuns: 400 }
    )
  })

  it("charges the loss of a link at most once, and only if it was leased and its dialler has spoken", () => {
    const yes = fc.boolean()
    fc.assert(fc.property(yes, yes, yes, yes, yes, (leased, silent, again, left, spoken) => {
      const pool = new PoolModel(limits)
      const link = pool.inbound(peers[0] ?? self)
      if (leased) pool.take(link)
      pool.wait(1_000)
      if (left) pool.handle({ _tag: "Leaving", link })
      if (silent) pool.handle({ _tag: "Dead", link, reason: "silent" })
      if (again) pool.handle({ _tag: "Dead", link, reason: "silent" })
      pool.end(link, silent ? "local" : "lost", spoken)
      pool.end(link, "lost", spoken)
      expect(pool.chargesOf("LinkLost")).toHaveLength(leased && !left && (spoken || silent || again) ? 1 : 0)
    }))
  })

  it("shows the chains of a peer once each, in the order in which they took their leases", () => {
    const pool = new PoolModel()
    const peer = peers[6] ?? self
    const link = pool.inbound(peer)
    for (const n of [2, 0, 2, 1]) pool.take(link, n)
    expect(pool.view(peer)?.chains).toEqual([chain(2), chain(0), chain(1)])
  })
})
