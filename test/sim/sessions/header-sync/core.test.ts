import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Core } from "../../../../src/sessions/header-sync/Core.ts"
import { displayHash, hashHeader, headerSize } from "../../../../src/sessions/header-sync/header.ts"
import {
  type Announce,
  decodeMessage,
  encodeMessage,
  type Get,
  maxBatch,
  type Message
} from "../../../../src/sessions/header-sync/messages.ts"
import { workOfBits } from "../../../../src/sessions/header-sync/target.ts"
import { coreWith, drain, moment, type Seat, seat, Wires } from "../../../support/headers-cores.ts"
import {
  after,
  countOf,
  easyParams,
  genesisOf,
  grow,
  growBy,
  headerAt,
  realChains,
  upTo
} from "../../../support/headers.ts"

const params = easyParams()
const genesis = genesisOf(params)

const tip = (core: Core) => displayHash(core.index.tipHash)
const bytesOf = (core: Core) => core.index.slice(0, core.index.height + 1)

const draws = fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })).map((stream) => () =>
  stream.next().value ?? 0
)

const workOf = (chain: Uint8Array): bigint => {
  const view = new DataView(chain.buffer, chain.byteOffset, chain.byteLength)
  let work = 0n
  for (let at = 0; at < chain.length; at += headerSize) work += workOfBits(view.getUint32(at + 72, true))
  return work
}

/** A hostile or merely odd other end, by hand: says hello, then what the test says. */
const meet = (core: Core): Seat => {
  const other = seat(core)
  assert.isUndefined(say(other, { _tag: "Hello", version: 1 }))
  return other
}
const say = (to: Seat, message: Message, now = 0, wall?: number): string | undefined =>
  to.core.receive(to.peer, encodeMessage(message), moment(now, wall))
const heard = (from: Seat): Array<Message> =>
  drain(from).map(decodeMessage).filter((message): message is Message => message._tag !== "Malformed")
const announce = (chain: Uint8Array, count = 1): Announce => ({
  _tag: "Announce",
  height: countOf(chain) - 1,
  work: workOf(chain),
  headers: chain.slice(-count * headerSize)
})

describe("cores that talk", () => {
  it("converge on the chain with most work, whichever end has it, and fall silent", () =>
    fc.assert(
      fc.property(
        fc.record({
          shared: fc.nat({ max: 60 }),
          left: fc.array(fc.integer({ min: 200, max: 2000 }), { maxLength: 60 }),
          right: fc.array(fc.integer({ min: 200, max: 2000 }), { maxLength: 60 }),
          hard: fc.boolean()
        }),
        draws,
        ({ hard, left, right, shared }, random) => {
          const params = easyParams(hard ? { retargetInterval: 8, limitBits: 0x200fffff } : {})
          const trunk = growBy(params, genesisOf(params), shared)
          const chains = [grow(params, trunk, left, 1), grow(params, trunk, right, 2)] as const
          const [a, b] = [coreWith(params, chains[0]), coreWith(params, chains[1])]
          const wires = new Wires(random)
          wires.connect(a, b)
          wires.settle()
          const [x, y] = [workOf(chains[0]), workOf(chains[1])]
          // Where both have as much, each keeps what it saw first.
          if (x >= y) assert.deepStrictEqual(bytesOf(a), chains[0])
          if (y >= x) assert.deepStrictEqual(bytesOf(b), chains[1])
          assert.strictEqual(a.index.work, b.index.work)
          if (x !== y) assert.strictEqual(tip(a), tip(b))
        }
      ),
      { numRuns: 60 }
    ))

  it("converge in networks of any shape, while headers are made and sessions come and go", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })), { maxLength: 6 }),
        fc.array(
          fc.record({
            what: fc.constantFrom("mine", "mine", "fork", "rewire"),
            who: fc.nat({ max: 5 }),
            count: fc.integer({ min: 1, max: 30 }),
            steps: fc.nat({ max: 40 })
          }),
          { maxLength: 12 }
        ),
        fc.constantFrom(2, 5, maxBatch),
        draws,
        (n, extra, events, batch, random) => {
          const cores = Array.from({ length: n }, () => coreWith(params, genesis, { batch }))
          const wires = new Wires(random)
          const pick = (i: number): Core => cores[i % n] ?? fail()
          const links = new Map<string, Seat>()
          const link = (i: number, j: number) => {
            const key = [i % n, j % n].toSorted((a, b) => a - b).join()
            if (i % n === j % n || links.has(key)) return
            const [x, y] = wires.connect(pick(i), pick(j))
            // Answers in pieces of three headers.
            if (batch === 5) { for (const { core, peer } of [x, y]) core.tooLarge(peer, 250) }
            links.set(key, x)
          }
          for (let i = 1; i < n; i++) link(i, Math.floor(random() * i))
          for (const [i, j] of extra) link(i, j)
          let salt = 1
          for (const { count, steps, what, who } of events) {
            const core = pick(who)
            if (what === "rewire") {
              const key = [...links.keys()][who % links.size] ?? ""
              const [i, j] = key.split(",").map(Number)
              const end = links.get(key)
              if (end !== undefined && i !== undefined && j !== undefined) {
                wires.disconnect(end)
                links.delete(key)
                link(i, j)
              }
            } else {
              const chain = bytesOf(core)
              const keep = what === "mine" ? countOf(chain) - 1 : Math.max(0, countOf(chain) - 1 - count)
              const grown = growBy(params, upTo(chain, keep), what === "mine" ? count : count + 2, salt++)
              assert.isUndefined(core.add(after(grown, keep), moment()))
            }
            for (let i = 0; i < steps; i++) wires.step()
          }
          wires.settle()
          for (const core of cores) assert.strictEqual(core.index.work, pick(0).index.work)
          // A tie may leave two tips; one header more settles it for all.
          const best = growBy(params, bytesOf(pick(1)), 1, salt)
          assert.isUndefined(pick(1).add(after(best, countOf(best) - 2), moment()))
          wires.settle()
          for (const core of cores) assert.deepStrictEqual(bytesOf(core), best)
        }
      ),
      { numRuns: 250 }
    ))

  it("tell each neighbour of a new header at most once, whatever the loops between them", () => {
    const n = 8
    const cores = Array.from({ length: n }, () => coreWith(params, genesis))
    let state = 1
    const wires = new Wires(() => (state = (state * 16807) % 2147483647) / 2147483647)
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) wires.connect(cores[i] ?? fail(), cores[j] ?? fail())
    wires.settle()
    const before = wires.sent
    const next = growBy(params, genesis, 1)
    ;(cores[0] ?? fail()).add(after(next, 0), moment())
    wires.settle()
    for (const core of cores) assert.deepStrictEqual(bytesOf(core), next)
    // One for each of the others at least; at most one each way over each of the 28 sessions.
    const told = wires.sent - before
    assert.isTrue(told >= n - 1 && told <= n * (n - 1), `${told} messages`)
  })

  it("need one announcement and nothing else for a new header, and for a short fork", () => {
    const trunk = growBy(params, genesis, 100)
    const [a, b] = [coreWith(params, trunk), coreWith(params, trunk)]
    const wires = new Wires(() => 0)
    wires.connect(a, b)
    wires.settle()
    const quiet = wires.sent
    a.add(after(growBy(params, trunk, 1), 100), moment())
    wires.settle()
    assert.strictEqual(wires.sent - quiet, 1)
    const fork = growBy(params, upTo(trunk, 95), 12, 9)
    a.add(after(fork, 95), moment())
    wires.settle()
    assert.strictEqual(wires.sent - quiet, 2)
    assert.deepStrictEqual(bytesOf(b), fork)
  })

  it("fetch real chains in batches, several at once", () => {
    for (const chain of realChains()) {
      const [full, empty] = [coreWith(chain.params, chain.bytes), coreWith(chain.params, upTo(chain.bytes, 0))]
      const wires = new Wires(() => 0.999)
      wires.connect(full, empty)
      wires.settle()
      assert.strictEqual(tip(empty), chain.tip)
      // Two hellos, two announcements, five requests and answers. (And none of our new tips: the other end had them first.)
      assert.strictEqual(wires.sent, 14)
    }
  })
})

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

const fail = (): never => {
  throw new Error("there is no such core")
}
