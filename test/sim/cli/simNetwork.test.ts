import { assert, describe, it } from "@effect/vitest"
import { parsePlan } from "../../../inprocess/index.ts"
import { runSim, type SimOptions } from "../../../src/cli/sim/network.ts"

const small: SimOptions = { nodes: 8, chains: 2, minutes: 12, headers: 30, sessionCount: 3, seed: 5, faults: [] }

const plan = (text: string) => {
  const parsed = parsePlan(text)
  return parsed._tag === "Some" ? parsed.value : assert.fail(`no plan: ${text}`)
}

describe("the network of chain-p2p sim", { timeout: 120_000 }, () => {
  it("brings every header to every node, those that were found meanwhile included", () => {
    const { failure, messages, snapshot } = runSim(small)
    assert.isUndefined(failure)
    assert.isAbove(messages, 0)
    assert.isAtLeast(snapshot.links, 7)
    for (const chain of snapshot.chains) {
      assert.deepInclude(chain, { nodes: 8, atTarget: 8, connected: 8, tips: 1 })
      assert.isAbove(chain.minHeight, 30)
      assert.strictEqual(chain.minHeight, chain.maxHeight)
      assert.isAtLeast(chain.sessions, 12)
    }
  })

  it("grows from one node that all know, by what peers tell each other", () => {
    const { failure, snapshot } = runSim({ ...small, minutes: 4, nodes: 12, bootstrap: 1 })
    assert.isUndefined(failure)
    for (const chain of snapshot.chains) assert.deepInclude(chain, { nodes: 12, atTarget: 12, connected: 12, tips: 1 })
  })

  it("is the same again under the same seed, whether somebody watches it or not, and another one under another", () => {
    const seconds: Array<number> = []
    const one = runSim(small)
    const watched = runSim({ ...small, onProgress: (progress) => void seconds.push(progress.seconds) })
    assert.deepStrictEqual(watched, one)
    assert.isAbove(seconds.length, 60)
    assert.notStrictEqual(runSim({ ...small, seed: 6 }).hash, one.hash)
  })

  it("comes through crashes and partitions with one chain each", () => {
    const faults = plan("partition(0,1,2)@60000 crash(4,500)@90000 repair@200000 restart(4)@250000 crash(6,0)@700000")
    const { failure, snapshot } = runSim({ ...small, faults })
    assert.isUndefined(failure)
    assert.deepStrictEqual(snapshot.chains.map(({ tips }) => tips), [1, 1])
  })

  it("gives of its trace the part that was asked for", () => {
    const { trace } = runSim({ ...small, minutes: 1, trace: { fromMillis: 10_000, most: 40 } })
    assert.strictEqual(trace.length, 40)
    assert.isTrue(trace.every(({ at }) => at >= 10_000_000))
  })
})
