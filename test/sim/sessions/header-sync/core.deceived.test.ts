import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { hashHeader, headerSize } from "../../../../src/sessions/header-sync/header.ts"
import { type Announce, maxBatch, type Message } from "../../../../src/sessions/header-sync/messages.ts"
import { coreWith, drain, moment, seat } from "../../../support/headers-cores.ts"
import { after, growBy, headerAt, realChains, upTo } from "../../../support/headers.ts"
import { announce, bytesOf, genesis, meet, params, say, workOf } from "./otherEnd.ts"

describe("a core that is told something wrong", () => {
  const [bitcoin] = realChains()
  const { bytes } = bitcoin
  const start = upTo(bytes, 100)
  const fresh = () => meet(coreWith(bitcoin.params, start))
  const claim = (fields: Partial<Announce>): Announce => ({
    ...announce(upTo(bytes, 110), 10),
    ...fields
  })
  const corrupt = (headers: Uint8Array, header: number, byte: number): Uint8Array => {
    const copy = headers.slice()
    copy[header * headerSize + byte] = (copy[header * headerSize + byte] ?? 0) ^ 1
    return copy
  }

  it("names the violation", () => {
    const easy = growBy(params, genesis, 5)
    const violations: ReadonlyArray<readonly [RegExp, ReadonlyArray<Message>]> = [
      [/hello is missing, or comes twice/, [{ _tag: "Hello", version: 1 }]],
      [/nobody asked for/, [{ _tag: "Headers", headers: headerAt(bytes, 101) }]],
      [/nobody asked for/, [{ _tag: "Gone" }]],
      [/not linked, or have no proof of work/, [claim({ headers: corrupt(after(upTo(bytes, 110), 100), 9, 76) })]],
      [/not linked, or have no proof of work/, [claim({ headers: corrupt(after(upTo(bytes, 110), 100), 3, 36) })]],
      [/not linked, or have no proof of work/, [claim({ headers: easy.slice(-headerSize) })]],
      [/wrong height or work/, [claim({ height: 111 })]],
      [/wrong height or work/, [claim({ work: 1n << 200n })]],
      [/wrong height or work/, [{ ...announce(upTo(bytes, 50)), height: 51 }]],
      [/no more work than the last/, [announce(upTo(bytes, 110)), announce(upTo(bytes, 110))]],
      [/no more work than the last/, [announce(upTo(bytes, 110)), announce(upTo(bytes, 109))]],
      [/follows no header of the locator/, [announce(upTo(bytes, 300)), {
        _tag: "Headers",
        headers: headerAt(bytes, 120)
      }]],
      [
        /beyond the height/,
        [{ ...announce(upTo(bytes, 300)), height: 99 }, { _tag: "Headers", headers: headerAt(bytes, 101) }]
      ],
      [
        /more headers than were asked for/,
        [announce(upTo(bytes, 300)), { _tag: "Headers", headers: after(upTo(bytes, 301), 100) }]
      ],
      [
        /invalid header at height 105: its hash does not meet its target/,
        [announce(upTo(bytes, 300)), { _tag: "Headers", headers: corrupt(after(upTo(bytes, 300), 100), 4, 76) }]
      ],
      [
        /do not lead to the tip, or the work/,
        [
          { ...announce(upTo(bytes, 300)), work: 1n << 100n },
          { _tag: "Headers", headers: after(upTo(bytes, 300), 100) }
        ]
      ],
      [
        /do not lead to the tip, or the work/,
        [
          { ...announce(upTo(bytes, 300)), height: 299 },
          { _tag: "Headers", headers: after(upTo(bytes, 299), 100) }
        ]
      ]
    ]
    for (const [pattern, messages] of violations) {
      const a = fresh()
      const said = messages.map((message) => say(a, message))
      assert.deepStrictEqual(said.slice(0, -1), said.slice(0, -1).map(() => undefined))
      assert.match(said.at(-1) ?? "nothing", pattern)
    }
    const early = seat(coreWith(bitcoin.params, start))
    assert.match(say(early, { _tag: "Gone" }) ?? "", /hello is missing/)
    const asking = fresh()
    const get: Message = { _tag: "Get", skip: 0, count: 1, pin: new Uint8Array(32), locator: [new Uint8Array(32)] }
    for (let i = 0; i < 8; i++) assert.isUndefined(say(asking, get))
    assert.match(say(asking, get) ?? "", /more than 8 requests/)
  })

  it("keeps the valid headers before an invalid one", () => {
    const a = fresh()
    say(a, announce(upTo(bytes, 300)))
    assert.isString(say(a, { _tag: "Headers", headers: corrupt(after(upTo(bytes, 300), 100), 50, 76) }))
    assert.strictEqual(a.core.index.height, 150)
  })

  it("never throws, and never takes an invalid header, whatever comes in whatever order", () => {
    const chain = growBy(params, genesis, 40)
    const fork = growBy(params, upTo(chain, 20), 30, 4)
    const pool = [chain, fork]
    const bit = fc.nat({ max: 80 * 8 - 1 })
    const run = fc.record({
      chain: fc.nat({ max: 1 }),
      from: fc.nat({ max: 45 }),
      count: fc.integer({ min: 1, max: 16 }),
      flip: fc.option(bit, { nil: undefined, freq: 4 })
    }).map(({ chain, count, flip, from }) => {
      const all = pool[chain] ?? genesis
      const headers = all.slice(from * headerSize, (from + count) * headerSize)
      const some = headers.length === 0 ? genesis.slice() : headers
      if (flip !== undefined) some[flip >> 3] = (some[flip >> 3] ?? 0) ^ (1 << (flip & 7))
      return some
    })
    const message: fc.Arbitrary<Message> = fc.oneof(
      fc.record({
        _tag: fc.constant("Announce" as const),
        height: fc.integer({ min: 16, max: 60 }),
        work: fc.bigInt({ min: 0n, max: 130n }),
        headers: run
      }),
      fc.integer({ min: 0, max: 80 }).map((n) => announce(upTo(n % 2 === 0 ? chain : fork, 1 + n % 40))),
      fc.record({ _tag: fc.constant("Headers" as const), headers: run }),
      fc.constant<Message>({ _tag: "Gone" }),
      fc.record({
        _tag: fc.constant("Get" as const),
        skip: fc.nat({ max: 50 }),
        count: fc.integer({ min: 1, max: maxBatch }),
        pin: run.map((headers) => hashHeader(headers)),
        locator: fc.array(run.map((headers) => hashHeader(headers)), { minLength: 1, maxLength: 4 })
      })
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(message, fc.nat({ max: 20_000 })), { maxLength: 30 }), (messages) => {
        const core = coreWith(params, upTo(chain, 10))
        let a = meet(core)
        let now = 0
        for (const [message, wait] of messages) {
          now += wait
          core.tick(moment(now))
          if (say(a, message, now) !== undefined || a.stalled) {
            core.leave(a.peer, moment(now))
            a = meet(core)
          }
          drain(a)
        }
        // Throws if the chain is invalid.
        assert.strictEqual(coreWith(params, bytesOf(core)).index.work, core.index.work)
        assert.isTrue(core.index.work >= workOf(upTo(chain, 10)))
      }),
      { numRuns: 300 }
    )
  })
})
