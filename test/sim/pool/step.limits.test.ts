import { describe, expect, it } from "vitest"
import { addressIn, larger, PoolModel } from "./model.ts"

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
