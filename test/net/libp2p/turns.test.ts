import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Turns, type Waiter } from "../../../src/libp2p/Turns.ts"

const share = 64 * 1024

/** A socket that takes one batch and is full then, until it is told that it has room. */
class OneBatch {
  isBusy = false
  onRoom = () => {}
  isFull(): boolean {
    return this.isBusy
  }
  room(): void {
    this.isBusy = false
    this.onRoom()
  }
}

/** Writes what it wants, one after another, when it may. */
class Writer implements Waiter {
  round = -1
  spent = 0
  readonly name: string
  private readonly turns: Turns
  private readonly pace: OneBatch
  private readonly log: Array<string>
  private wanted: Array<number> = []
  private isWaiting = false

  constructor(name: string, turns: Turns, pace: OneBatch, log: Array<string>) {
    this.name = name
    this.turns = turns
    this.pace = pace
    this.log = log
  }

  want(bytes: number): void {
    this.wanted.push(bytes)
    if (this.isWaiting) return
    if (this.turns.mustWait(this)) this.wait()
    else this.write()
  }

  turn(): void {
    this.isWaiting = false
    this.write()
  }

  private write(): void {
    const bytes = this.wanted.shift()
    if (bytes === undefined) return
    this.log.push(this.name)
    this.pace.isBusy = true
    this.turns.wrote(this, bytes)
    if (this.wanted.length > 0) this.wait()
  }

  private wait(): void {
    this.isWaiting = true
    this.turns.wait(this, this.wanted[0] ?? share)
  }
}

const link = (count: number) => {
  const pace = new OneBatch()
  const turns = new Turns(pace)
  const log: Array<string> = []
  const writers = Array.from({ length: count }, (_, index) => new Writer(String(index), turns, pace, log))
  return { pace, log, writers }
}

describe("the turns of a link's streams", () => {
  it("give one batch to each that floods, around and around", () => {
    const { log, pace, writers } = link(5)
    for (let batch = 0; batch < 20; batch++) for (const writer of writers) writer.want(share)
    for (let i = 1; i < 100; i++) pace.room()
    assert.strictEqual(log.length, 100)
    for (let at = 5; at < 95; at++) assert.strictEqual(new Set(log.slice(at, at + 5)).size, 5, `from ${at}`)
  })

  it("let what is said now and then go before all that flood", () => {
    const { log, pace, writers } = link(20)
    const [quiet, ...loud] = writers
    for (let batch = 0; batch < 30; batch++) for (const writer of loud) writer.want(share)
    // Each had its first batch: now they flood.
    for (let i = 0; i < 20; i++) pace.room()
    for (let i = 0; i < 500; i++) {
      if (i % 3 === 0) {
        quiet?.want(64)
        pace.room()
        assert.strictEqual(log.at(-1), "0")
      } else pace.room()
    }
  })

  it("let nobody wait for more than a share of two rounds of each other, whatever they write", () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.oneof(fc.nat(500), fc.nat(share)), fc.nat(2)), { maxLength: 150 }),
        (steps) => {
          const { log, pace, writers } = link(5)
          const bytes = new Map<string, Array<number>>(writers.map(({ name }) => [name, []]))
          const since = new Map<string, number>()
          let written = 0
          const look = () => {
            for (; written < log.length; written++) since.delete(log[written] ?? "")
            for (const [name, start] of since) {
              for (const other of writers) {
                if (other.name === name) continue
                const before = log.slice(start).filter((who) => who === other.name).length
                const all = bytes.get(other.name) ?? []
                const done = log.filter((who) => who === other.name).length
                const sum = all.slice(done - before, done).reduce((total, size) => total + size, 0)
                // Of the round in which it began to wait, and of the next, in which its turn comes.
                assert.isAtMost(sum, 2 * share)
              }
            }
          }
          for (const [who, size, rooms] of steps) {
            const writer = writers[who]
            if (writer === undefined) continue
            bytes.get(writer.name)?.push(size)
            if (!since.has(writer.name)) since.set(writer.name, log.length)
            writer.want(size)
            look()
            for (let i = 0; i < rooms; i++) {
              pace.room()
              look()
            }
          }
          for (let i = 0; i < steps.length; i++) pace.room()
          assert.strictEqual(log.length, steps.length)
        }
      )
    ))
})
