import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Connections } from "../../../signatures/index.ts"
import { chainOf, limits } from "../../laws/connections.ts"
import { process } from "../../laws/nodes.ts"
import { inprocess } from "../../support/inprocess.ts"

/** One that has sessions with three others, and what becomes of one more that it opens while some of them are out of reach. */
const opening = (isOutOfReach: (host: number) => boolean) =>
  Effect.gen(function*() {
    const { hosts, network } = yield* inprocess.world(4)
    const [home, ...others] = hosts
    if (home === undefined || others[0] === undefined) return assert.fail("four hosts")
    for (const host of others) {
      const far = Context.get((yield* process(host)).services, Connections)
      for (const name of ["first", "second"]) far.serve(chainOf(name), limits, () => ({ accept: () => {} }))
    }
    const near = Context.get((yield* process(home, others)).services, Connections)
    for (const { peer } of others) yield* near.open(peer, chainOf("first"), limits)
    yield* Effect.sleep("20 seconds")
    yield* network.partition(hosts.filter((_, host) => isOutOfReach(host)))
    yield* Effect.sleep("4 seconds")
    return yield* Effect.flip(near.open(others[0].peer, chainOf("second"), limits))
  })

describe("an opening that is not answered", () => {
  it("fails as our own fault when nothing was heard from anybody meanwhile", () =>
    inprocess.run(Effect.gen(function*() {
      assert.deepInclude(yield* opening((host) => host === 0), { _tag: "OpenFailed", reason: "cut-off" })
    })))

  it("fails as a timeout when others were heard", () =>
    inprocess.run(Effect.gen(function*() {
      assert.deepInclude(yield* opening((host) => host === 1), { _tag: "OpenFailed", reason: "timeout" })
    })))
})
