import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Identity } from "../../../../signatures/index.ts"
import { KnownRecords } from "../../../../src/peers/exchange/KnownRecords.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"
import { address } from "./society.ts"

const inprocess = inprocessBackend(1)

/** Some hosts that seal, and one that counts how often it must check a signature. */
const reader = Effect.fnUntraced(function*(count: number) {
  const { hosts } = yield* inprocess.world(count)
  const [first, ...others] = hosts.map(({ services }) => Context.get(services, Identity))
  if (first === undefined) return assert.fail("a host")
  const checked = { times: 0 }
  const records = new KnownRecords((envelope) => {
    checked.times++
    return first.open(envelope)
  })
  return { records, checked, others }
})
const somewhere = [address("/ip4/20.1.1.1/tcp/7400")]

describe("records that have been opened", () => {
  it("are known again, and not checked a second time", () =>
    inprocess.run(Effect.gen(function*() {
      const { checked, others: [one], records } = yield* reader(2)
      if (one === undefined) return assert.fail("another host")
      const envelope = yield* one.seal(somewhere)
      const opened = yield* records.read(envelope)
      assert.strictEqual(yield* records.read(envelope.slice()), opened)
      assert.strictEqual(checked.times, 1)
    })))

  it("take the place of older ones of the same peer: who seals many pushes nobody out", () =>
    inprocess.run(Effect.gen(function*() {
      const { checked, others: [one, other], records } = yield* reader(3)
      if (one === undefined || other === undefined) return assert.fail("two other hosts")
      const honest = yield* one.seal(somewhere)
      yield* records.read(honest)
      let last = honest
      for (let n = 0; n < 1_000; n++) yield* records.read(last = yield* other.seal(somewhere))
      assert.strictEqual(records.size, 2)
      assert.strictEqual(checked.times, 1_001)
      yield* records.read(honest)
      yield* records.read(last)
      assert.strictEqual(checked.times, 1_001)
    })))

  it("stay when an older one of the same peer is opened after them", () =>
    inprocess.run(Effect.gen(function*() {
      const { checked, others: [one], records } = yield* reader(2)
      if (one === undefined) return assert.fail("another host")
      const older = yield* one.seal(somewhere)
      const newer = yield* one.seal(somewhere)
      yield* records.read(newer)
      assert.isTrue((yield* records.read(older)).sequence < (yield* records.read(newer)).sequence)
      assert.deepStrictEqual([records.size, checked.times], [1, 2])
    })))

  it("are forgotten when too many peers have come since", () =>
    inprocess.run(Effect.gen(function*() {
      const { checked, others, records } = yield* reader(514)
      const [first, ...rest] = yield* Effect.forEach(others, ({ seal }) => seal(somewhere))
      if (first === undefined) return assert.fail("513 other hosts")
      for (const envelope of [first, ...rest]) yield* records.read(envelope)
      assert.deepStrictEqual([records.size, checked.times], [512, 513])
      yield* records.read(first)
      assert.strictEqual(checked.times, 514)
    })))
})
