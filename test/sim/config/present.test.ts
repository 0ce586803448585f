import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { annotated, effectiveValues, jsonSchema, loadText, renderEffective } from "../../../src/config/index.ts"
import { fileShape, type Shape } from "../../../src/config/shape.ts"

const values = {
  network: "devnet",
  chains: [{ name: "bitcoin", genesis: "00ff", session: "header-sync", options: { headers: "./b.bin" } }]
}
const start = annotated({ schema: "./chain-p2p.schema.json", values })
const load = (text: string) => loadText(text, { file: "node.yaml" })

const everyShape = (shape: Shape): ReadonlyArray<Shape> =>
  shape._tag === "Keys"
    ? [shape, ...[...shape.keys.values()].flatMap(everyShape)]
    : shape._tag === "List"
    ? [shape, ...everyShape(shape.item)]
    : [shape]

describe("the annotated start", () => {
  it.effect("is a valid file with the values given", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* load(start)).values, values)
    }))

  it.effect("stays valid, and means the same, with every commented default put in force", () =>
    Effect.gen(function*() {
      const everything = start.replace(/^( *)# (\w+: .*)$/gm, (line, indent, rest) =>
        /^\w+: (\.\/|\[|\{|\d|infinity|true|false)/.test(rest) ? `${indent}${rest}` : line)
      assert.notStrictEqual(everything, start)
      const { settings } = yield* load(everything)
      const plain = (yield* load(start)).settings
      assert.deepStrictEqual({ ...settings, chains: [] }, { ...plain, chains: [] })
      assert.strictEqual(settings.chains[0]?.node.maxInboundCount, 12)
    }))
})

describe("effective values", () => {
  it.effect("are told with who gave them, counts that follow from another computed", () =>
    Effect.gen(function*() {
      const loaded = yield* load("network: devnet\nchains:\n  - { name: a, genesis: b, session: c, sessionCount: 5 }\n")
      const all = effectiveValues(loaded)
      const of = (key: string) => all.find((value) => value.key === key)
      assert.deepStrictEqual(of("network"), { key: "network", value: "devnet", origin: "node.yaml:1:10" })
      assert.deepStrictEqual(of("dataDir"), { key: "dataDir", value: "./data", origin: "default" })
      assert.deepStrictEqual(of("chains[0].maxSessionCount"), {
        key: "chains[0].maxSessionCount",
        value: 15,
        origin: "default: 3 × sessionCount"
      })
      assert.match(renderEffective(all), /^chains\[0\]\.window: 1 MiB +# default$/m)
    }))
})

describe("the schema", () => {
  it("says of every key what it is for, and of every value what is expected", () => {
    for (const shape of everyShape(fileShape)) {
      assert.notStrictEqual(shape.expected, "")
      if (shape._tag === "Leaf" && shape.optional) assert.notStrictEqual(shape.description, "")
    }
  })

  it("is closed JSON Schema with descriptions and defaults", () => {
    const schema = JSON.parse(JSON.stringify(jsonSchema()))
    assert.strictEqual(schema.additionalProperties, false)
    assert.deepStrictEqual(schema.required, ["network", "chains"])
    const entry = schema.properties.chains.items
    assert.strictEqual(entry.additionalProperties, false)
    assert.strictEqual(entry.properties.sessionCount.default, 6)
    assert.strictEqual(entry.properties.sessionCount.maximum, 64)
    assert.match(entry.properties.window.description, /Receive credit/)
  })
})
