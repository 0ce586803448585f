import { assert, describe, it } from "@effect/vitest"
import { hashHeader, headerSize } from "../../../../src/sessions/header-sync/header.ts"
import { type Get, maxBatch, type Message } from "../../../../src/sessions/header-sync/messages.ts"
import { coreWith, drain, Wires } from "../../../support/headers-cores.ts"
import { after, countOf, growBy, headerAt } from "../../../support/headers.ts"
import { bytesOf, genesis, heard, meet, params, say } from "./otherEnd.ts"

describe("a core that serves", () => {
  const chain = growBy(params, genesis, 30)
  const pin = hashHeader(headerAt(chain, 30))
  const get = (fields: Partial<Get>): Get => ({
    _tag: "Get",
    skip: 0,
    count: maxBatch,
    pin,
    locator: [hashHeader(genesis)],
    ...fields
  })
  const answers = (message: Message) => {
    const a = meet(coreWith(params, chain))
    drain(a)
    assert.isUndefined(say(a, message))
    return heard(a)
  }

  it("answers with what follows the highest hash of the locator, up to the pin", () => {
    assert.deepStrictEqual(answers(get({})), [{ _tag: "Headers", headers: after(chain, 0) }])
    const locator = [new Uint8Array(32).fill(1), hashHeader(headerAt(chain, 20)), hashHeader(genesis)]
    assert.deepStrictEqual(answers(get({ locator })), [{ _tag: "Headers", headers: after(chain, 20) }])
    assert.deepStrictEqual(answers(get({ locator, skip: 4, count: 3 })), [
      { _tag: "Headers", headers: chain.slice(25 * headerSize, 28 * headerSize) }
    ])
    const lower = hashHeader(headerAt(chain, 25))
    assert.deepStrictEqual(answers(get({ locator, pin: lower })), [
      { _tag: "Headers", headers: chain.slice(21 * headerSize, 26 * headerSize) }
    ])
  })

  it("says gone where it does not have the pin, nor anything that is asked for", () => {
    for (const fields of [{ pin: new Uint8Array(32) }, { skip: 30 }, { skip: 0xffffffff }, { locator: [pin] }]) {
      assert.deepStrictEqual(answers(get(fields)), [{ _tag: "Gone" }])
    }
    assert.deepStrictEqual(answers(get({ locator: [new Uint8Array(32)] })), [{ _tag: "Gone" }])
  })

  it("splits an answer that does not fit into a message", () => {
    const core = coreWith(params, chain)
    const a = meet(core)
    drain(a)
    say(a, get({}))
    assert.isTrue(core.tooLarge(a.peer, 1000))
    assert.deepStrictEqual(heard(a).map((message) => message._tag === "Headers" ? countOf(message.headers) : 0), [
      12,
      12,
      6
    ])
    assert.isFalse(core.tooLarge(a.peer, 82))
  })

  it("is understood by one that fetches, however small the messages", () => {
    const [a, b] = [coreWith(params, chain), coreWith(params, genesis)]
    const wires = new Wires(() => 0.3)
    const [end] = wires.connect(a, b)
    a.tooLarge(end.peer, 600)
    wires.settle()
    assert.deepStrictEqual(bytesOf(b), chain)
  })
})
