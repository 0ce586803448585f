import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as fc from "fast-check"
import { Disk } from "../../../../signatures/index.ts"
import { Branch } from "../../../../src/sessions/header-sync/Branch.ts"
import { HeaderStoreDamaged } from "../../../../src/sessions/header-sync/errors.ts"
import { extend } from "../../../../src/sessions/header-sync/extend.ts"
import { headerSize } from "../../../../src/sessions/header-sync/header.ts"
import { type HeaderStore, openHeaderStore } from "../../../../src/sessions/header-sync/HeaderStore.ts"
import type { HeaderParams } from "../../../../src/sessions/header-sync/params.ts"
import { MemoryDisk } from "../../../support/headers-disk.ts"
import { after, easyParams, genesisOf, growBy, realChains, upTo } from "../../../support/headers.ts"

const path = "/data/headers.bin"
const params = easyParams()

const run = <A, E>(disk: MemoryDisk, effect: Effect.Effect<A, E, Disk>): A =>
  Effect.runSync(Effect.provideService(effect, Disk, disk.service))

const open = (disk: MemoryDisk, of: HeaderParams = params): HeaderStore =>
  run(disk, Effect.tap(openHeaderStore(path, of), (store) => store.behind() ? store.save : Effect.void))

const failure = (disk: MemoryDisk, of: HeaderParams = params) => run(disk, Effect.flip(openHeaderStore(path, of)))

/** Makes the best chain this one, from wherever the two part. */
const become = (store: HeaderStore, chain: Uint8Array, of: HeaderParams = params): void => {
  let shared = 0
  while (store.index.isAt(chain.subarray((shared + 2) * headerSize - 76, (shared + 2) * headerSize - 44), shared)) {
    shared++
  }
  const branch = new Branch(store.index, shared - 1)
  assert.isUndefined(extend(of, branch, after(chain, shared - 1), Infinity))
  store.changed(branch.adopt())
}

const contents = (store: HeaderStore): Uint8Array => store.index.slice(0, store.index.height + 1)

describe("a header store", () => {
  it("begins with the genesis where there is no file, durably", () => {
    const disk = new MemoryDisk()
    assert.strictEqual(open(disk).index.height, 0)
    assert.deepStrictEqual(disk.crash(() => 0.9).get(path), genesisOf(params))
  })

  it("gives back what was saved, and reads a file that somebody copied here", () => {
    const chain = growBy(params, genesisOf(params), 50)
    const disk = new MemoryDisk()
    const store = open(disk)
    become(store, chain)
    assert.isTrue(store.behind())
    assert.strictEqual(store.durable(), 1)
    run(disk, store.save)
    assert.isFalse(store.behind())
    assert.strictEqual(store.durable(), 51)
    assert.deepStrictEqual(disk.get(path), chain)
    assert.deepStrictEqual(contents(open(disk)), chain)
    const copied = new MemoryDisk()
    copied.put(path, chain)
    assert.deepStrictEqual(contents(open(copied)), chain)
    for (const repairs of [open(disk).repairs, open(copied).repairs]) {
      assert.deepStrictEqual(repairs, { torn: 0, missing: 0, completed: 0, journalDamaged: false })
    }
  })

  it("does not touch a file that is as it should be", () => {
    const disk = new MemoryDisk()
    open(disk)
    const before = disk.writes
    open(disk)
    assert.strictEqual(disk.writes, before)
  })

  it("cuts off a header that was written in part, and says so", () => {
    const chain = growBy(params, genesisOf(params), 5)
    for (const withJournal of [true, false]) {
      const disk = new MemoryDisk()
      if (withJournal) {
        const store = open(disk)
        become(store, chain)
        run(disk, store.save)
      }
      disk.put(path, Uint8Array.of(...chain, 1, 2, 3))
      const store = open(disk)
      assert.deepStrictEqual(store.repairs, { torn: 3, missing: 0, completed: 0, journalDamaged: false })
      assert.deepStrictEqual(contents(store), chain)
      assert.deepStrictEqual(disk.get(path), chain)
    }
  })

  it("names path, height, and what to do, when a bit of a synced header has flipped, and changes nothing", () => {
    const [bitcoin] = realChains()
    const disk = new MemoryDisk()
    disk.put(path, bitcoin.bytes)
    open(disk, bitcoin.params)
    for (const withJournal of [true, false]) {
      for (const height of [1, 5000, 9998, 9999]) {
        const damaged = bitcoin.bytes.slice()
        damaged[height * headerSize + 40] = (damaged[height * headerSize + 40] ?? 0) ^ 4
        disk.put(path, damaged)
        if (!withJournal) disk.delete(`${path}.journal`)
        const before = disk.writes
        const error = failure(disk, bitcoin.params)
        assert.instanceOf(error, HeaderStoreDamaged)
        assert.strictEqual(error.height, height)
        assert.match(
          error.message,
          /^\/data\/headers\.bin: the header at height \d+ is damaged \(.+\): restore .+ or move it away/
        )
        assert.strictEqual(disk.writes, before)
        assert.deepStrictEqual(disk.get(path), damaged)
      }
    }
  })

  it("finds any flipped bit of real headers", () => {
    const [bitcoin] = realChains()
    const some = upTo(bitcoin.bytes, 20)
    fc.assert(
      fc.property(fc.nat({ max: some.length * 8 - 1 }), (bit) => {
        const damaged = some.slice()
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const disk = new MemoryDisk()
        disk.put(path, damaged)
        const error = failure(disk, bitcoin.params)
        assert.instanceOf(error, HeaderStoreDamaged)
        assert.strictEqual(error.height, Math.floor(bit / 8 / headerSize))
        assert.strictEqual(error.reason, "damaged")
      }),
      { numRuns: 300 }
    )
  })

  it("tells a file of another chain from a damaged one", () => {
    const [bitcoin, testnet] = realChains()
    const disk = new MemoryDisk()
    disk.put(path, testnet.bytes)
    const error = failure(disk, bitcoin.params)
    assert.instanceOf(error, HeaderStoreDamaged)
    assert.strictEqual(error.reason, "other-chain")
    assert.include(error.message, testnet.genesis)
  })

  it("begins anew when the file was moved away, and goes on when its end was cut off; it says so", () => {
    const chain = growBy(params, genesisOf(params), 9)
    const disk = new MemoryDisk()
    become(open(disk), chain)
    const store = open(disk)
    become(store, chain)
    run(disk, store.save)
    disk.put(path, upTo(chain, 4))
    const shorter = open(disk)
    assert.strictEqual(shorter.index.height, 4)
    assert.strictEqual(shorter.repairs.missing, 5)
    become(shorter, chain)
    run(disk, shorter.save)
    disk.delete(path)
    const gone = open(disk)
    assert.strictEqual(gone.index.height, 0)
    assert.strictEqual(gone.repairs.missing, 10)
    assert.deepStrictEqual(disk.get(path), genesisOf(params))
  })

  it("does without a journal that is damaged, as long as the file is sound", () => {
    const chain = growBy(params, genesisOf(params), 9)
    const disk = new MemoryDisk()
    disk.put(path, chain)
    disk.put(`${path}.journal`, new Uint8Array(60))
    const store = open(disk)
    assert.isTrue(store.repairs.journalDamaged)
    assert.deepStrictEqual(contents(store), chain)
    assert.isFalse(open(disk).repairs.journalDamaged)
  })

  it("goes on after a write that failed", () => {
    const chain = growBy(params, genesisOf(params), 9)
    const disk = new MemoryDisk()
    const store = open(disk)
    become(store, chain)
    disk.full = true
    assert.strictEqual(run(disk, Effect.flip(store.save)).reason, "full")
    assert.isTrue(store.behind())
    disk.full = false
    run(disk, store.save)
    assert.deepStrictEqual(disk.get(path), chain)
    assert.deepStrictEqual(contents(open(disk.crash(() => 0.9))), chain)
  })
})

/** What a store is made to become, one chain after the other, saved after each. */
const story = fc.array(fc.record({ keep: fc.nat({ max: 30 }), grow: fc.integer({ min: 1, max: 20 }) }), {
  minLength: 1,
  maxLength: 4
})

describe("a crash", () => {
  it("at any write, torn in any way, leaves a whole chain: what was saved before, or what was being saved", () =>
    fc.assert(
      fc.property(
        story,
        fc.nat({ max: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (moves, dieAt, draws) => {
          const random = () => draws.next().value ?? 0
          const disk = new MemoryDisk()
          disk.dieAt = dieAt
          let chain = genesisOf(params)
          // Saved for certain, and what the store was at when the process died.
          let [saved, saving] = [chain, chain]
          const died = (exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit)
          const begin = Effect.runSyncExit(Effect.provideService(
            Effect.tap(openHeaderStore(path, params), (store) => store.behind() ? store.save : Effect.void),
            Disk,
            disk.service
          ))
          if (Exit.isSuccess(begin)) {
            const store = begin.value
            for (const [i, move] of moves.entries()) {
              const height = chain.length / headerSize - 1
              // More work than before, as the core would have it.
              const keep = Math.max(0, height - move.keep)
              chain = growBy(params, upTo(chain, keep), height - keep + move.grow, i + 2)
              become(store, chain)
              saving = chain
              if (died(Effect.runSyncExit(Effect.provideService(store.save, Disk, disk.service)))) break
              saved = chain
            }
          }
          const after = disk.crash(random)
          const store = open(after)
          const found = contents(store)
          const [a, b] = [saved, saving]
          if (a === b) assert.deepStrictEqual(found, a)
          else {
            // All that was saved and that the new chain shares is there; the rest is a part of the new one, or the old one.
            const isPrefixOf = (chain: Uint8Array) => Buffer.compare(found, chain.subarray(0, found.length)) === 0
            assert.isTrue(isPrefixOf(a) ? found.length === a.length || isPrefixOf(b) : isPrefixOf(b))
            assert.isTrue(found.length >= Math.min(a.length, b.length))
          }
          // And the file is whole again: nothing to mend the next time.
          assert.deepStrictEqual(after.get(path), found)
          assert.deepStrictEqual(open(after).repairs, { torn: 0, missing: 0, completed: 0, journalDamaged: false })
        }
      ),
      { numRuns: 400 }
    ))

  it("or a kill, during the mending after another, is survived too, whether a chain grew or was reorganised", () =>
    fc.assert(
      fc.property(
        fc.record({
          first: fc.nat({ max: 8 }),
          second: fc.nat({ max: 6 }),
          killed: fc.boolean(),
          fork: fc.constantFrom(10, 30)
        }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        ({ first, fork, killed, second }, draws) => {
          const random = () => draws.next().value ?? 0
          const old = growBy(params, genesisOf(params), 30)
          const next = growBy(params, upTo(old, fork), 35, 7)
          const disk = new MemoryDisk()
          const store = open(disk)
          become(store, old)
          run(disk, store.save)
          become(store, next)
          disk.dieAt = disk.writes + first
          const exit = Effect.runSyncExit(Effect.provideService(store.save, Disk, disk.service))
          const again = killed ? disk.kill() : disk.crash(random)
          again.dieAt = second
          Effect.runSyncExit(Effect.provideService(
            Effect.tap(openHeaderStore(path, params), (store) => store.behind() ? store.save : Effect.void),
            Disk,
            again.service
          ))
          const found = contents(open(again.crash(random)))
          const whole = (chain: Uint8Array) => Buffer.compare(chain, found) === 0
          // What was appended may survive in part; a reorganisation is whole or has not been.
          const part = fork === 30 && found.length >= old.length &&
            Buffer.compare(next.subarray(0, found.length), found) === 0
          assert.isTrue(whole(next) || (Exit.isFailure(exit) && (whole(old) || part)))
        }
      ),
      { numRuns: 600 }
    ))
})
