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
