import { describe, expect, it } from "vitest"
import { larger, PoolModel, smaller } from "./model.ts"

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

  const linkThatEnds = (millisLater: number) => {
    const pool = new PoolModel()
    pool.ask(larger)
    const link = pool.dialled()
    pool.wait(8_000)
    pool.handle({ _tag: "CutOff", link })
    pool.wait(millisLater)
    pool.end(link, "remote")
    return pool
  }

  it("a link that its peer gives up soon after, for it had heard nothing of us, is charged to nobody", () => {
    expect(linkThatEnds(1_300).chargesOf("LinkLost")).toEqual([])
  })

  it("one that ends later than that is charged", () => {
    expect(linkThatEnds(12_000).chargesOf("LinkLost")).toMatchObject([{ peer: larger }])
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
