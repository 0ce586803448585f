import { describe, expect, it } from "vitest"
import { addressIn, chain, larger, PoolModel, self, smaller } from "./model.ts"

describe("leases", () => {
  it("of different chains to one peer share one dial and one link", () => {
    const pool = new PoolModel()
    const [a, b] = [pool.ask(larger, 1), pool.ask(larger, 2)]
    expect(pool.dialling.size).toBe(1)
    const link = pool.dialled()
    const c = pool.ask(larger, 3)
    expect([a, b, c].map((lease) => pool.answers.get(lease)?.granted)).toEqual([link, link, link])
    expect(pool.view(larger)?.chains).toEqual([chain(1), chain(2), chain(3)])
  })

  it("go to a link that the peer dialled, without a dial", () => {
    const pool = new PoolModel()
    const link = pool.inbound(larger)
    expect(pool.answers.get(pool.ask(larger))?.granted).toBe(link)
    expect(pool.dialling.size).toBe(0)
  })

  it("are refused for a banned peer, for ourselves, for a peer without address, and while closing", () => {
    const pool = new PoolModel()
    expect(pool.answers.get(pool.ask(larger, 0, [addressIn(1)], true))?.refused).toBe("banned")
    expect(pool.answers.get(pool.ask(self))?.refused).toBe("no-address")
    expect(pool.answers.get(pool.ask(larger, 0, []))?.refused).toBe("no-address")
    pool.handle({ _tag: "PartAll", closing: true })
    expect(pool.answers.get(pool.ask(larger))?.refused).toBe("closing")
    expect(pool.dialling.size).toBe(0)
    expect(pool.charges).toEqual([])
  })

  it("that nobody waits for any more give up the dial, the last one only", () => {
    const pool = new PoolModel()
    const [a, b] = [pool.ask(larger), pool.ask(larger)]
    pool.release(larger, a)
    expect(pool.dialling.size).toBe(1)
    pool.release(larger, b)
    expect(pool.dialling.size).toBe(0)
    expect(pool.state.peers.size).toBe(0)
    expect(pool.charges).toEqual([])
  })

  it("keep a link up; without any it lingers, then says goodbye as idle, and only the dialler does", () => {
    const pool = new PoolModel()
    const { lease, link } = pool.linked(larger)
    const other = pool.inbound(smaller)
    pool.wait(120_000)
    expect(pool.parted.size).toBe(0)
    pool.release(larger, lease)
    pool.wait(29_999)
    expect(pool.parted.size).toBe(0)
    const again = pool.ask(larger)
    pool.wait(60_000)
    pool.release(larger, again)
    pool.release(larger, again)
    pool.wait(30_000)
    expect([...pool.parted]).toEqual([[link, "idle"]])
    expect(pool.view(larger)).toBeUndefined()
    pool.end(link, "local")
    expect(pool.view(smaller)?.direction).toBe("inbound")
    expect(pool.parted.has(other)).toBe(false)
    expect(pool.chargesOf("LinkLost")).toEqual([])
  })

  it("dial anew when the link is being closed", () => {
    const pool = new PoolModel()
    const { lease, link } = pool.linked(larger)
    pool.release(larger, lease)
    pool.wait(30_000)
    expect(pool.parted.get(link)).toBe("idle")
    const next = pool.ask(larger)
    const second = pool.dialled()
    pool.end(link, "local")
    expect(pool.answers.get(next)?.granted).toBe(second)
  })
})

describe("the race of addresses", () => {
  const three = [addressIn(1), addressIn(2), addressIn(3)]

  it("starts one address after the other, 250 ms apart, or at once after a failure", () => {
    const pool = new PoolModel()
    pool.ask(larger, 0, three)
    expect([...pool.dialling.values()].map(({ address }) => address)).toEqual([three[0]])
    pool.wait(249)
    expect(pool.dialling.size).toBe(1)
    pool.wait(1)
    expect(pool.dialling.size).toBe(2)
    pool.notDialled()
    expect([...pool.dialling.values()].map(({ address }) => address)).toEqual([three[1], three[2]])
  })

  it("cancels the rest when one succeeds, and charges each for what it did", () => {
    const pool = new PoolModel()
    const lease = pool.ask(larger, 0, three)
    pool.notDialled()
    pool.wait(250)
    const link = pool.dialled()
    expect(pool.dialling.size).toBe(0)
    expect(pool.answers.get(lease)?.granted).toBe(link)
    expect(pool.charges).toEqual([
      { _tag: "DialFailed", peer: larger, address: three[0] },
      { _tag: "LinkUp", peer: larger, address: three[1], direction: "outbound" }
    ])
  })

  it("fails when all have failed: each is charged, then the peer", () => {
    const pool = new PoolModel()
    const [a, b] = [pool.ask(larger, 0, three), pool.ask(larger, 1, three)]
    pool.notDialled()
    pool.wait(10_000)
    pool.wait(250)
    expect(pool.answers.get(a)).toMatchObject({
      refused: "unreachable",
      dials: [{ reason: "refused" }, { reason: "timeout" }, { reason: "timeout" }]
    })
    expect(pool.answers.get(b)?.refused).toBe("unreachable")
    expect(pool.charges.map(({ _tag }) => _tag)).toEqual(["DialFailed", "DialFailed", "DialFailed", "Unreachable"])
    expect(pool.state.peers.size).toBe(0)
  })

  it("charges no address for a transport that we lack", () => {
    const pool = new PoolModel()
    pool.ask(larger, 0, [addressIn(1)])
    pool.notDialled(pool.firstDial(), "transport-missing")
    expect(pool.charges.map(({ _tag }) => _tag)).toEqual(["Unreachable"])
  })

  it("turns a link away that comes after it was given up", () => {
    const pool = new PoolModel()
    const lease = pool.ask(larger)
    const dial = pool.firstDial()
    pool.release(larger, lease)
    const late = pool.dialled(dial)
    expect(pool.parted.get(late)).toBe("idle")
    expect(pool.view(larger)).toBeUndefined()
  })

  it("holds the limit of dials over all peers, and lets chance choose who is next", () => {
    const order = (draw: number) => {
      const pool = new PoolModel({ maxDials: 1 }, [draw])
      for (const peer of [larger, smaller, "5Peer5"]) pool.ask(peer as typeof larger)
      expect(pool.dialling.size).toBe(1)
      pool.notDialled()
      expect(pool.dialling.size).toBe(1)
      return [...pool.dialling.values()].map(({ peer }) => peer)
    }
    expect(order(0)).toEqual([smaller])
    expect(order(0.99)).toEqual(["5Peer5"])
  })

  it("dials who is only remembered last, and with half of the limit at most, so that the dead keep nobody waiting", () => {
    const pool = new PoolModel({ maxDials: 4 })
    const old = ["1", "5", "6", "9"].map((n) => `${n}Peer${n}` as typeof larger)
    for (const [n, peer] of old.entries()) pool.askRemembered(peer, addressIn(n))
    const dialled = () => [...pool.dialling.values()].map(({ peer }) => peer)
    expect(dialled()).toEqual(old.slice(0, 2))
    for (const [n, peer] of [smaller, larger, "7Peer7", "8Peer8"].entries()) {
      pool.ask(peer as typeof larger, 0, [addressIn(10 + n)])
    }
    expect(dialled().slice(2)).toEqual([smaller, larger])
    pool.notDialled()
    expect(dialled().at(-1)).toBe("7Peer7")
    // Somebody has heard of it.
    pool.ask(old[3] ?? larger, 1, [addressIn(3)])
    for (let n = 0; n < 2; n++) pool.notDialled()
    expect(dialled()).toContain("8Peer8")
    expect(dialled()).toContain(old[3])
    expect(dialled()).not.toContain(old[2])
  })
})

describe("two links to one peer", () => {
  it("of opposite directions: ours stays if our id is the smaller, once it answers; both carry streams until then", () => {
    const pool = new PoolModel()
    const lease = pool.ask(larger)
    // The other end dialled while our dial was on its way.
    const theirs = pool.inbound(larger)
    expect(pool.answers.get(lease)?.granted).toBe(theirs)
    const ours = pool.dialled()
    expect(pool.probes).toEqual([ours])
    expect(pool.parted.size).toBe(0)
    expect(pool.answers.get(pool.ask(larger))?.granted).toBe(ours)
    pool.handle({ _tag: "Probed", link: ours })
    expect([...pool.parted]).toEqual([[theirs, "superseded"]])
    expect(pool.view(larger)?.direction).toBe("outbound")
    pool.end(theirs, "remote")
    expect(pool.chargesOf("LinkLost")).toEqual([])
  })

  it("of opposite directions: theirs stays if their id is the smaller, and ours is turned away if it still comes", () => {
    const pool = new PoolModel()
    pool.ask(smaller)
    const dial = pool.firstDial()
    pool.inbound(smaller)
    const ours = pool.dialled(dial)
    expect([...pool.parted]).toEqual([[ours, "superseded"]])
    expect(pool.view(smaller)?.direction).toBe("inbound")
  })

  it("keep the other when the one that should stay does not answer in time", () => {
    const pool = new PoolModel()
    const old = pool.linked(larger).link
    // It restarted, and dials us; the old link is dead, but nobody has noticed.
    const fresh = pool.inbound(larger)
    expect(pool.probes).toEqual([old])
    pool.wait(1_999)
    expect(pool.parted.size).toBe(0)
    pool.wait(1)
    expect(pool.probes).toEqual([old, fresh])
    expect(pool.answers.get(pool.ask(larger))?.granted).toBe(fresh)
    pool.handle({ _tag: "Probed", link: fresh })
    expect([...pool.parted]).toEqual([[old, "superseded"]])
    pool.end(old, "lost")
    expect(pool.chargesOf("LinkLost")).toEqual([])
    pool.wait(60_000)
    expect(pool.links.map(({ key }) => key)).toEqual([fresh])
  })

  it("keep one even when neither answers", () => {
    const pool = new PoolModel()
    const { link } = pool.linked(larger)
    pool.inbound(larger)
    pool.wait(4_000)
    expect(pool.links.filter(({ phase }) => phase === "up").map(({ key }) => key)).toEqual([link])
  })

  it("of the same direction: the newer stays once it answers, so that the loser of an address race never wins", () => {
    const restarted = new PoolModel()
    const [old, fresh] = [restarted.inbound(larger), restarted.inbound(larger)]
    expect(restarted.probes).toEqual([fresh])
    restarted.handle({ _tag: "Probed", link: fresh })
    expect([...restarted.parted]).toEqual([[old, "superseded"]])

    const raced = new PoolModel()
    const [winner, loser] = [raced.inbound(larger), raced.inbound(larger)]
    raced.take(winner)
    raced.end(loser, "remote")
    expect(raced.parted.size).toBe(0)
    expect(raced.view(larger)?.chains).toEqual([chain(0)])
    expect(raced.chargesOf("LinkLost")).toEqual([])
  })

  it("take the other end's word for which one goes", () => {
    const pool = new PoolModel()
    const { link } = pool.linked(larger)
    const other = pool.inbound(larger)
    pool.handle({ _tag: "Leaving", link: other })
    pool.end(other, "remote")
    expect(pool.view(larger)?.direction).toBe("outbound")
    pool.wait(60_000)
    expect(pool.parted.has(link)).toBe(false)
  })

  it("are never more than three", () => {
    const pool = new PoolModel()
    for (let i = 0; i < 10; i++) pool.inbound(larger)
    expect(pool.links.filter(({ phase }) => phase === "up")).toHaveLength(3)
    expect([...pool.parted.values()]).toEqual(Array.from({ length: 7 }, () => "idle"))
  })

  it("do not come about where the other end's dial will win anyway: the larger id gives its own up", () => {
    const pool = new PoolModel()
    const lease = pool.ask(smaller)
    const link = pool.inbound(smaller)
    expect(pool.dialling.size).toBe(0)
    expect(pool.answers.get(lease)?.granted).toBe(link)
  })
})

describe("a link that ends", () => {
  it("is charged once, if it was leased and no goodbye was said", () => {
    const pool = new PoolModel()
    const { lease, link } = pool.linked(larger)
    pool.ask(larger, 1)
    pool.handle({ _tag: "Dead", link, reason: "silent" })
    expect(pool.parted.get(link)).toBe("abort")
    pool.end(link, "local")
    pool.release(larger, lease)
    expect(pool.chargesOf("LinkLost")).toEqual([
      { _tag: "LinkLost", peer: larger, address: addressIn(1), direction: "outbound" }
    ])
  })

  it.each(["lost", "remote"] as const)("is charged whether it looks orderly or not (%s)", (by) => {
    const pool = new PoolModel()
    pool.end(pool.linked(larger).link, by)
    expect(pool.chargesOf("LinkLost")).toHaveLength(1)
  })

  it("is charged though its sessions gave their leases back at the same moment", () => {
    const pool = new PoolModel()
    const { lease, link } = pool.linked(larger)
    pool.release(larger, lease)
    pool.end(link)
    expect(pool.chargesOf("LinkLost")).toHaveLength(1)
  })

  it("is charged to nobody when idle, after a goodbye, or when we ended it", () => {
    const idle = new PoolModel()
    const { lease, link } = idle.linked(larger)
    idle.release(larger, lease)
    idle.wait(1_000)
    idle.end(link)
    const left = new PoolModel()
    const leaving = left.linked(larger).link
    left.handle({ _tag: "Leaving", link: leaving })
    left.end(leaving)
    const ours = new PoolModel()
    ours.end(ours.linked(larger).link, "local")
    for (const pool of [idle, left, ours]) expect(pool.chargesOf("LinkLost")).toEqual([])
  })

  it("gets no new leases once its peer said goodbye, and is closed by us if the peer doesn't", () => {
    const pool = new PoolModel()
    const { link } = pool.linked(larger)
    pool.handle({ _tag: "Leaving", link })
    expect(pool.view(larger)).toBeUndefined()
    pool.ask(larger)
    expect(pool.dialling.size).toBe(1)
    pool.wait(5_000)
    expect(pool.parted.get(link)).toBe("close")
  })
})

describe("a violation", () => {
  it("is charged once; all links of the peer say goodbye, those who wait are refused", () => {
    const pool = new PoolModel()
    const link = pool.inbound(larger)
    const second = pool.inbound(larger)
    pool.handle({ _tag: "Dead", link, reason: "violation" })
    pool.handle({ _tag: "Dead", link, reason: "violation" })
    pool.handle({ _tag: "Dead", link: second, reason: "violation" })
    expect(pool.chargesOf("Violation")).toHaveLength(1)
    expect([...pool.parted]).toEqual([[link, "banned"], [second, "banned"]])
    expect(pool.view(larger)).toBeUndefined()
  })

  it("cancels a dial that is on its way", () => {
    const pool = new PoolModel()
    const { link } = pool.linked(larger)
    pool.handle({ _tag: "Leaving", link })
    const lease = pool.ask(larger)
    pool.handle({ _tag: "Dead", link, reason: "violation" })
    expect(pool.answers.get(lease)?.refused).toBe("banned")
    expect(pool.dialling.size).toBe(0)
  })
})

describe("limits", () => {
  const peer = (n: number) => `7Peer${n}` as typeof larger

  it("refuse a dial over the limit of links, unless an idle link can make room", () => {
    const pool = new PoolModel({ maxLinks: 2 })
    const a = pool.linked(peer(1))
    pool.linked(peer(2))
    expect(pool.answers.get(pool.ask(peer(3)))?.refused).toBe("limit")
    pool.release(peer(1), a.lease)
    pool.ask(peer(3))
    expect(pool.parted.get(a.link)).toBe("idle")
    expect(pool.dialling.size).toBe(1)
  })

  it("keep some links for our own dials", () => {
    const pool = new PoolModel({ maxLinks: 4, maxInboundLinks: 2 })
    const first = pool.inbound(peer(1))
    pool.take(first)
    pool.take(pool.inbound(peer(2)))
    const third = pool.inbound(peer(3))
    expect(pool.parted.get(third)).toBe("idle")
    pool.ask(peer(4))
    expect(pool.dialling.size).toBe(1)
  })

  it("evict the longest idle inbound link for a new one, never one that is leased or that we dialled", () => {
    const pool = new PoolModel({ maxLinks: 3, maxInboundLinks: 3 })
    const ours = pool.linked(peer(0))
    pool.release(peer(0), ours.lease)
    const leased = pool.inbound(peer(1))
    pool.take(leased)
    const idle = pool.inbound(peer(2))
    const fresh = pool.inbound(peer(3))
    expect([...pool.parted]).toEqual([[idle, "idle"]])
    pool.take(fresh)
    const last = pool.inbound(peer(4))
    expect([...pool.parted.keys()]).toEqual([idle, last])
  })

  it("hold links per address group, in and out, but not for addresses without a group", () => {
    const pool = new PoolModel({ maxLinksPerGroup: 2 })
    for (const n of [1, 2]) pool.take(pool.inbound(peer(n), addressIn(5, n)))
    const third = pool.inbound(peer(3), addressIn(5, 3))
    expect(pool.parted.get(third)).toBe("idle")
    expect(pool.answers.get(pool.ask(peer(4), 0, [addressIn(5, 4)]))?.refused).toBe("limit")
    pool.ask(peer(4), 0, [addressIn(5, 4), addressIn(6)])
    expect([...pool.dialling.values()].map(({ address }) => address)).toEqual([addressIn(6)])
    const loopback = "/ip4/127.0.0.1/tcp/1" as ReturnType<typeof addressIn>
    for (const n of [5, 6, 7]) pool.inbound(peer(n), loopback)
    expect(pool.parted.size).toBe(1)
  })

  it("bound inbound links on which nothing was ever asked", () => {
    const pool = new PoolModel({ maxUnsettledInbound: 2 })
    const links = [1, 2, 3].map((n) => pool.inbound(peer(n), addressIn(n)))
    expect([...pool.parted.keys()]).toEqual([links[0]])
  })

  it("turn banned peers away with a farewell, charging nobody", () => {
    const pool = new PoolModel()
    const link = pool.inbound(larger, addressIn(1), true)
    expect(pool.attended).toEqual([link])
    expect(pool.parted.get(link)).toBe("banned")
    expect(pool.charges).toEqual([])
  })
})

describe("the end of the pool", () => {
  it("refuses who waits, cancels dials, says goodbye on every link and turns newcomers away", () => {
    const pool = new PoolModel()
    const { link } = pool.linked(larger)
    const lease = pool.ask(smaller)
    pool.handle({ _tag: "PartAll", closing: true })
    expect(pool.answers.get(lease)?.refused).toBe("closing")
    const late = pool.inbound("7Peer7" as typeof larger)
    expect([...pool.parted]).toEqual([[link, "shutdown"], [late, "shutdown"]])
    pool.end(link, "local")
    pool.end(late, "local")
    expect(pool.state).toMatchObject({ links: new Map(), peers: new Map() })
    expect(pool.chargesOf("LinkLost")).toEqual([])
  })
})

describe("when our own end was cut off", () => {
  it("a link that was silent with all others ends at once and is charged to nobody", () => {
    const pool = new PoolModel()
    pool.ask(larger)
    const link = pool.dialled()
    pool.handle({ _tag: "Dead", link, reason: "deaf" })
    expect(pool.view(larger)).toBeUndefined()
    expect(pool.parted.get(link)).toBe("abort")
    expect(pool.charges.map(({ _tag }) => _tag)).toEqual(["LinkUp", "LinkDown", "CutOff"])
  })

  it("a link that its peer gives up soon after, for it had heard nothing of us, is charged to nobody", () => {
    const pool = new PoolModel()
    pool.ask(larger)
    const link = pool.dialled()
    pool.wait(8_000)
    pool.handle({ _tag: "CutOff", link })
    pool.wait(1_300)
    pool.end(link, "remote")
    expect(pool.chargesOf("LinkLost")).toEqual([])
  })

  it("one that ends later than that is charged", () => {
    const pool = new PoolModel()
    pool.ask(larger)
    const link = pool.dialled()
    pool.wait(8_000)
    pool.handle({ _tag: "CutOff", link })
    pool.wait(12_000)
    pool.end(link, "remote")
    expect(pool.chargesOf("LinkLost")).toMatchObject([{ peer: larger }])
  })

  it("so is one that came up since", () => {
    const pool = new PoolModel()
    const link = pool.inbound(smaller)
    pool.wait(8_000)
    pool.handle({ _tag: "CutOff", link })
    pool.wait(100)
    pool.ask(larger)
    const later = pool.dialled()
    pool.wait(1_000)
    pool.end(later, "remote")
    expect(pool.chargesOf("LinkLost")).toMatchObject([{ peer: larger }])
  })

  it("a dial that began before then and came to nothing is charged to nobody, and one that began later is", () => {
    const pool = new PoolModel()
    pool.ask(larger)
    const link = pool.dialled()
    pool.ask(smaller)
    pool.wait(1_000)
    pool.handle({ _tag: "CutOff", link })
    pool.wait(4_000)
    const told = () => pool.charges.flatMap(({ _tag, peer }) => peer === smaller ? [_tag] : [])
    expect(told()).toEqual([])
    pool.ask(smaller)
    pool.wait(5_000)
    expect(told()).toEqual(["DialFailed", "Unreachable"])
  })

  it("so is a dial that began while there was no link at all, once there is one", () => {
    const pool = new PoolModel()
    pool.ask(smaller)
    pool.wait(2_000)
    pool.inbound(larger)
    pool.wait(3_000)
    expect(pool.charges.map(({ _tag }) => _tag)).toEqual(["LinkUp"])
    const alone = new PoolModel()
    alone.ask(smaller)
    alone.wait(5_000)
    expect(alone.charges.map(({ _tag }) => _tag)).toEqual(["DialFailed", "Unreachable"])
  })
})
