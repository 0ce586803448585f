import { assert, it } from "@effect/vitest"
import * as fc from "fast-check"
import { DueQueue } from "../../../src/wire/DueQueue.ts"

it("a queue by due times gives the earliest first, and of one instant the one that came first", () => {
  const push = fc.record({ at: fc.oneof(fc.nat(5), fc.constant(Infinity)) })
  fc.assert(fc.property(fc.array(fc.option(push, { freq: 3 }), { maxLength: 80 }), (deeds) => {
    const queue = new DueQueue<number>()
    let plain: ReadonlyArray<{ readonly at: number; readonly item: number }> = []
    for (const [item, deed] of [...deeds, ...deeds.map(() => null)].entries()) {
      assert.strictEqual(queue.first?.item, plain[0]?.item)
      assert.strictEqual(queue.first?.at, plain[0]?.at)
      if (deed === null) {
        assert.strictEqual(queue.shift(), plain[0]?.item)
        plain = plain.slice(1)
      } else {
        queue.push(deed.at, item)
        // Stable.
        plain = [...plain, { at: deed.at, item }].toSorted((a, b) => a.at === b.at ? 0 : a.at - b.at)
      }
    }
    assert.isUndefined(queue.first)
  }))
})
