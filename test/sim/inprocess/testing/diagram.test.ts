import { assert, describe, it } from "@effect/vitest"
import { printEvent, sequenceDiagram, simulate, type SimulationEvent } from "../../../../inprocess/index.ts"
import { meeting } from "./scenarios.ts"

const count = (text: string, part: string | RegExp): number => text.split(part).length - 1

describe("a sequence diagram", () => {
  it("shows every event of a run, in one page that needs nothing from elsewhere", () => {
    const faults = [{ at: 300, fault: { _tag: "reset", a: 0, b: 1 } }] as const
    const { trace } = simulate({ ...meeting(3), seed: 2, faults, trace: true })
    const page = sequenceDiagram(trace)
    assert.strictEqual(count(page, "<g><title>"), trace.length)
    assert.strictEqual(count(page, `class="bytes"`), trace.filter(({ _tag: tag }) => tag === "Bytes").length)
    for (const event of trace.slice(0, 100)) assert.include(page, `<title>${printEvent(event)}</title>`)
    for (const host of [0, 1, 2]) assert.include(page, `>host ${host}<`)
    assert.include(page, ">reset(0,1)<")
    assert.notMatch(page, /<script|src=|href=|https?:/)
  })

  it("draws bytes from the lane and instant of their sending to those of their coming", () => {
    const bytes: SimulationEvent = { _tag: "Bytes", at: 30_000, sentAt: 10_000, host: 1, peer: 0, size: 5 }
    const page = sequenceDiagram([{ _tag: "Note", at: 20_000, host: 0, text: "x" }, bytes])
    const [, x1, y1, x2, y2] = /class="bytes" x1="(\d+)" y1="(\d+)" x2="(\d+)" y2="(\d+)"/.exec(page) ?? []
    const laneAt = (host: number) => new RegExp(`x="(\\d+)" y="\\d+">host ${host}<`).exec(page)?.[1]
    const rowAt = (time: string) => Number(new RegExp(`y="(\\d+)">${time} ms<`).exec(page)?.[1]) - 4
    assert.deepStrictEqual([x1, x2], [laneAt(0), laneAt(1)])
    assert.deepStrictEqual([Number(y1), Number(y2)], [rowAt("10.000"), rowAt("30.000")])
    assert.isAbove(Number(y2), rowAt("20.000"))
  })

  it("takes no text of a program for markup", () => {
    const page = sequenceDiagram([{ _tag: "Note", at: 0, host: 0, text: `<script>alert("&")</script>` }])
    assert.notInclude(page, "<script")
    assert.include(page, "&lt;script&gt;alert(&quot;&amp;&quot;)")
  })
})
