import { assert, describe, it } from "@effect/vitest"
import { headerSize } from "../../../../src/sessions/header-sync/header.ts"
import { coreWith, drain, moment, type Seat } from "../../../support/headers-cores.ts"
import { after, growBy, headerAt, upTo } from "../../../support/headers.ts"
import { announce, bytesOf, genesis, heard, meet, params, say } from "./otherEnd.ts"

describe("a core that fetches", () => {
  const chain = growBy(params, genesis, 6000)

  it("asks one session only, and hands over when that one stalls and another can", () => {
    const core = coreWith(params, genesis)
    const [a, b] = [meet(core), meet(core)]
    assert.isUndefined(say(a, announce(chain)))
    assert.isUndefined(say(b, announce(chain), 1000))
    const asked = (end: Seat) => heard(end).filter(({ _tag }) => _tag === "Get").length
    assert.strictEqual(asked(a), 1)
    assert.strictEqual(asked(b), 0)
    assert.strictEqual(core.deadline(1000), 5000)
    core.tick(moment(4999))
    assert.strictEqual(asked(b), 0)
    core.tick(moment(5000))
    assert.strictEqual(asked(b), 1)
    // What the first sends late is neither wrong nor used.
    assert.isUndefined(say(a, { _tag: "Headers", headers: chain.slice(headerSize, 2001 * headerSize) }, 6000))
    assert.strictEqual(core.index.height, 0)
    assert.isUndefined(say(b, { _tag: "Headers", headers: chain.slice(headerSize, 2001 * headerSize) }, 6500))
    assert.strictEqual(core.index.height, 2000)
    assert.strictEqual(asked(b), 2)
    assert.strictEqual(asked(a), 0)
  })

  it("hands over at once when the session that fetches ends", () => {
    const core = coreWith(params, genesis)
    const [a, b] = [meet(core), meet(core)]
    say(a, announce(chain))
    say(b, announce(chain))
    drain(b)
    core.leave(a.peer, moment(10))
    assert.deepStrictEqual(heard(b).map(({ _tag }) => _tag), ["Get"])
    assert.isTrue(core.downloading)
    core.leave(b.peer, moment(20))
    assert.isFalse(core.downloading)
    assert.isUndefined(core.deadline(20))
  })

  it("stays with a slow session that has no rival, and fails it when it leaves a request unanswered for too long", () => {
    const core = coreWith(params, genesis)
    const a = meet(core)
    say(a, announce(chain))
    core.tick(moment(59_999))
    assert.isFalse(a.stalled)
    assert.strictEqual(core.deadline(59_999), 60_000)
    core.tick(moment(60_000))
    assert.isTrue(a.stalled)
    assert.isUndefined(core.deadline(60_000))
  })

  it("is not kept waiting by a header now and then", () => {
    const core = coreWith(params, genesis)
    const [a, b] = [meet(core), meet(core)]
    say(a, announce(chain))
    say(b, announce(chain))
    drain(a)
    drain(b)
    for (let i = 1; i <= 4; i++) say(a, { _tag: "Headers", headers: headerAt(chain, i) }, i * 1200)
    assert.deepStrictEqual(heard(b), [])
    say(a, { _tag: "Headers", headers: headerAt(chain, 5) }, 5 * 1200)
    assert.deepStrictEqual(heard(b).map(({ _tag }) => _tag), ["Get"])
  })

  it("keeps a longer fork apart until it has most work, then takes it as a whole", () => {
    const ours = growBy(params, genesis, 3000, 5)
    const seen: Array<number> = []
    const core = coreWith(params, ours, { onChange: (shared) => seen.push(shared) })
    const a = meet(core)
    say(a, announce(chain))
    say(a, { _tag: "Headers", headers: chain.slice(headerSize, 2001 * headerSize) })
    assert.deepStrictEqual(bytesOf(core), ours)
    assert.deepStrictEqual(seen, [])
    say(a, { _tag: "Headers", headers: chain.slice(2001 * headerSize, 4001 * headerSize) })
    assert.deepStrictEqual(bytesOf(core), upTo(chain, 4000))
    assert.deepStrictEqual(seen, [0])
  })

  it("gives up a fork that grows beyond the bound without having most work", () => {
    const ours = growBy(params, genesis, 3000, 5)
    const core = coreWith(params, ours, { maxCandidate: 1000 })
    const a = meet(core)
    say(a, announce(chain))
    assert.isUndefined(say(a, { _tag: "Headers", headers: chain.slice(headerSize, 2001 * headerSize) }))
    assert.isFalse(core.downloading)
    assert.deepStrictEqual(bytesOf(core), ours)
  })

  it("waits for a header from the future, which is nobody's fault", () => {
    const core = coreWith(params, genesis)
    const a = meet(core)
    const next = growBy(params, genesis, 3)
    const wall = 1_000_000 + 3 * 600 - 7200 - 30
    assert.isUndefined(say(a, announce(next, 3), 0, wall))
    assert.strictEqual(core.index.height, 2)
    assert.strictEqual(core.clockBehind, 30)
    assert.strictEqual(core.deadline(0), 30_000)
    core.tick(moment(30_000, wall + 30))
    assert.deepStrictEqual(heard(a).map(({ _tag }) => _tag), ["Hello", "Announce", "Get"])
    assert.isUndefined(say(a, { _tag: "Headers", headers: after(next, 0) }, 30_000, wall + 30))
    assert.strictEqual(core.index.height, 3)
    assert.strictEqual(core.clockBehind, 0)
  })

  it("keeps what counts of a batch whose end is from the future", () => {
    const core = coreWith(params, genesis)
    const a = meet(core)
    const next = growBy(params, genesis, 40)
    const wall = 1_000_000 + 30 * 600 - 7200
    say(a, announce(next), 0, wall)
    assert.isUndefined(say(a, { _tag: "Headers", headers: after(next, 0) }, 0, wall))
    assert.strictEqual(core.index.height, 30)
  })

  it("asks anew when the peer has left the chain that it announced", () => {
    const core = coreWith(params, genesis)
    const a = meet(core)
    say(a, announce(chain))
    drain(a)
    assert.isUndefined(say(a, { _tag: "Gone" }))
    assert.deepStrictEqual(heard(a), [])
    const other = growBy(params, upTo(chain, 50), 6100, 3)
    say(a, announce(other))
    assert.deepStrictEqual(heard(a).map(({ _tag }) => _tag), ["Get"])
    // The other way round: first the news, then that what was asked for is gone.
    say(a, announce(growBy(params, upTo(chain, 40), 6200, 4)))
    assert.isUndefined(say(a, { _tag: "Gone" }))
    assert.deepStrictEqual(heard(a).map(({ _tag }) => _tag), ["Get"])
  })
})

describe("a core that wakes somebody", () => {
  it("has done its step, so that whoever is woken finds all in order and may call back", () => {
    const chain = growBy(params, genesis, 30)
    const found: Array<boolean> = []
    const core = coreWith(params, genesis, {
      wake: () => {
        found.push(core.downloading)
        const next = growBy(params, bytesOf(core), 1, 77)
        if (core.index.height < 35) assert.isUndefined(core.add(after(next, core.index.height), moment()))
      }
    })
    const a = meet(core)
    say(a, announce(chain))
    assert.isUndefined(say(a, { _tag: "Headers", headers: after(chain, 0) }))
    assert.strictEqual(core.index.height, 35)
    assert.deepStrictEqual(found, found.map(() => false))
  })
})
