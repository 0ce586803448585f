import { describe, expect, it } from "vitest"
import { Ear } from "../../../src/wire/Ear.ts"

const earWith = (links: number): Ear => {
  const ear = new Ear(5_000, 0)
  for (let n = 0; n < links; n++) ear.count(1)
  return ear
}

describe("the ear of a process", () => {
  it("is deaf once nothing was heard on three links for longer than a ping and its answer take", () => {
    const ear = earWith(3)
    ear.heard(1_000)
    expect(ear.wasDeaf(0, 7_499)).toBe(false)
    expect(ear.wasDeaf(0, 7_500)).toBe(true)
  })

  it("is not while anything is heard, however silent one link is", () => {
    const ear = earWith(3)
    for (let at = 0; at <= 60_000; at += 6_000) ear.heard(at)
    expect(ear.wasDeaf(0, 62_000)).toBe(false)
  })

  it("remembers that it was, for links whose silence had begun by then", () => {
    const ear = earWith(3)
    ear.heard(5_000)
    expect([ear.heard(10_000), ear.heard(19_000), ear.heard(19_000)]).toEqual([false, true, false])
    expect(ear.wasDeaf(9_000, 20_000)).toBe(true)
    expect(ear.wasDeaf(19_000, 20_000)).toBe(false)
  })

  it("can't tell from few links", () => {
    const ear = earWith(2)
    ear.heard(0)
    expect(ear.wasDeaf(0, 100_000)).toBe(false)
    // The third was silent too before it ended.
    ear.count(1)
    ear.count(-1)
    expect(ear.wasDeaf(0, 100_000)).toBe(true)
  })
})
