import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { chainText, isSameChain, parseChain, parseChainText } from "../../../chains/index.ts"

const text = (max: number) => fc.string({ minLength: 1, maxLength: max, unit: "grapheme" })
const chains = fc.record({
  network: text(8).filter((s) => s.length <= 64),
  name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,5}$/),
  genesis: text(8).filter((s) => s.length <= 128)
})

describe("a chain's identity", () => {
  it("is told in full by its text, and read back from it", () =>
    fc.assert(fc.property(chains, (chain) => {
      assert.deepStrictEqual(Effect.runSync(parseChainText(chainText(chain))), chain)
    })))

  it("is the same iff network, name and genesis are, and then the texts are too", () =>
    fc.assert(fc.property(chains, chains, fc.boolean(), (a, b, same) => {
      const other = same ? { ...a } : b
      assert.strictEqual(isSameChain(a, other), chainText(a) === chainText(other))
    })))

  it.each([
    [{ network: "main", name: "with space", genesis: "00" }, "name"],
    [{ network: "", name: "a", genesis: "00" }, "network"],
    [{ network: "main", name: "a" }, "genesis"],
    [null, "object"]
  ])("is refused with what is wrong: %j", (input, word) => {
    const error = Effect.runSync(Effect.flip(parseChain(input)))
    assert.strictEqual(error._tag, "ChainInvalid")
    assert.include(error.message, word)
  })

  it.each(["", "a/b", "a/b/c/d", "a/%zz/c"])("is not read from %j", (text) => {
    assert.strictEqual(Effect.runSync(Effect.flip(parseChainText(text)))._tag, "ChainInvalid")
  })
})
