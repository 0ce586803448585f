import { describe, expect, it } from "vitest"
import { addressIn, chain, larger, PoolModel, smaller } from "./model.ts"

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

  it.each([
    ["is charged to nobody if its dialler never said a word", false, 0],
    ["is charged to a dialler who had spoken", true, 1]
  ])("%s", (_, spoken, charges) => {
    const pool = new PoolModel()
    const link = pool.inbound(larger)
    pool.take(link)
    pool.end(link, "remote", spoken)
    expect(pool.chargesOf("LinkLost")).toHaveLength(charges)
  })

  it("is charged to whom we have dialled, though it never said a word", () => {
    const pool = new PoolModel()
    pool.end(pool.linked(larger).link, "remote", false)
    expect(pool.chargesOf("LinkLost")).toHaveLength(1)
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
