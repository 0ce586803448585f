import { assert, describe, it } from "@effect/vitest"
import type { PeerId } from "../../../../signatures/index.ts"
import { Acquaintances } from "../../../../src/peers/exchange/Acquaintances.ts"
import { lessonOf } from "../../../../src/peers/exchange/lesson.ts"
import { address } from "./society.ts"

const peer = (n: number): PeerId =>
  `Qm${Array.from(String(n), (digit) => "ABCDEFGHJK"[Number(digit)]).join("")}` as PeerId
const [a, b] = [peer(1), peer(2)]
const record = (n: number, size = 4) => Uint8Array.from({ length: size }, () => n)
const links = (...peers: ReadonlyArray<PeerId>): ReadonlyMap<PeerId, true> => new Map(peers.map((one) => [one, true]))
const second = 1_000
/** The sequences below are some milliseconds after this. */
const today = 0
const proven = (all: Acquaintances, now: number) => [...all.proven(300 * second, now, today)]

describe("an acquaintance", () => {
  it("is proven once it has been linked for long enough", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 1n, 0)
    assert.deepStrictEqual(proven(all, 299 * second), [])
    assert.deepStrictEqual(proven(all, 300 * second), [a])
    assert.deepStrictEqual(all.envelope(a, today), record(1))
  })

  it("is not proven by time that it was gone, but by coming back", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 1n, 0)
    all.look(links(), 10 * second)
    assert.deepStrictEqual(proven(all, 1_000 * second), [])
    all.meet(a, record(1), 1n, 1_000 * second)
    assert.deepStrictEqual(proven(all, 1_000 * second), [a])
  })

  it("is forgotten when it has been gone for an hour", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 1n, 0)
    all.meet(b, record(2), 1n, 0)
    all.look(links(b), 1_800 * second)
    all.look(links(b), 5_399 * second)
    assert.strictEqual(all.size, 2)
    all.look(links(b), 5_400 * second)
    assert.deepStrictEqual(proven(all, 5_400 * second), [b])
  })

  it("is nobody to tell of once it has been gone for an hour, though no link came or went since", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 1n, 0)
    all.look(links(), 1_800 * second)
    assert.deepStrictEqual(proven(all, 5_399 * second), [a])
    assert.deepStrictEqual(proven(all, 5_400 * second), [])
  })

  it("is nobody to tell of when its record has expired", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 1n, 0)
    const inAWeek = 7 * 24 * 3_600 * second
    assert.deepStrictEqual([...all.proven(0, second, inAWeek)], [a])
    assert.deepStrictEqual([...all.proven(0, second, inAWeek + 1)], [])
    assert.deepStrictEqual([all.envelope(a, inAWeek), all.envelope(a, inAWeek + 1)], [record(1), undefined])
  })

  it("has the record that it gave last, though its clock was ahead before, and none that is long", () => {
    const all = new Acquaintances()
    all.meet(a, record(1), 5n, 0)
    all.meet(a, record(2), 4n, 0)
    all.meet(a, record(3), 3n, 0)
    all.meet(b, record(4, 2049), 1n, 0)
    assert.deepStrictEqual([all.envelope(a, today), all.envelope(b, today)], [record(3), undefined])
  })

  it("is one of 512 at most: the gone leave before the linked, and a crowd doesn't push out who has stayed", () => {
    const all = new Acquaintances()
    for (let n = 0; n < 100; n++) all.meet(peer(n), record(n), 1n, n)
    const gone = peer(50)
    all.look(links(...Array.from({ length: 100 }, (_, n) => peer(n)).filter((one) => one !== gone)), second)
    for (let n = 100; n < 5_000; n++) all.meet(peer(n), record(n), 1n, second + n)
    assert.strictEqual(all.size, 512)
    assert.isUndefined(all.envelope(gone, today))
    for (let n = 0; n < 100; n++) if (peer(n) !== gone) assert.isDefined(all.envelope(peer(n), today))
  })
})

describe("what is learnt of a record", () => {
  const known = () => [address("/ip4/20.0.0.1/tcp/1")]
  const good = [address("/ip4/20.0.0.1/tcp/1"), address("/ip4/20.0.0.1/tcp/2"), address("/ip4/20.0.0.1/tcp/3")]

  it("is nothing of ourselves, and nothing where no address is of use", () => {
    assert.isUndefined(lessonOf({ peer: a, sequence: 1n, addresses: good }, a, known, 32))
    const hopeless = ["/ip4/192.0.2.1/tcp/1", "/dns4/example.org/tcp/1", "/ip4/20.0.0.1/tcp/0"].map(address)
    assert.isUndefined(lessonOf({ peer: b, sequence: 1n, addresses: hopeless }, a, known, 32))
  })

  it("has no more new addresses than there is room for; those that are known need none", () => {
    const lesson = lessonOf({ peer: b, sequence: 1n, addresses: good }, a, known, 1)
    assert.deepStrictEqual(lesson, { record: { peer: b, sequence: 1n, addresses: good.slice(0, 2) }, fresh: 1 })
    assert.strictEqual(lessonOf({ peer: b, sequence: 1n, addresses: good }, a, known, 0)?.record.addresses.length, 1)
  })
})
