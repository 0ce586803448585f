import type { Pace } from "./pacing.ts"

/** Bytes that are anybody's share of a round: a batch of a session, with the headers around it. */
const share = 64 * 1024

/** Who waits until what it shares with others has room. */
export interface Waiter {
  /** The round in which it last wrote, and the bytes that it wrote in it. */
  round: number
  spent: number
  /** Its turn: it may write one batch. */
  turn(): void
}

/**
 * Whose turn it is to write to what the streams of a link share. One batch each, around and around; but who has not used up
 * its share of a round goes before those who have. So what a quiet session says waits for no batch of those that flood the
 * link, and those wait for one batch of each other.
 */
export class Turns {
  private readonly pace: Pace
  private readonly quiet: Array<Waiter> = []
  private readonly others: Array<Waiter> = []
  private round = 0
  /** Of the others, still to be served in this round. */
  private left = 0
  private serving: Waiter | undefined
  private isRunning = false

  constructor(pace: Pace) {
    this.pace = pace
    pace.onRoom = () => this.run()
  }

  /** Whether this one may not write now. */
  mustWait(waiter: Waiter): boolean {
    return this.pace.isFull() || (this.serving !== waiter && this.quiet.length + this.others.length > 0)
  }

  /** It has written so many bytes: with that its turn is over. */
  wrote(waiter: Waiter, bytes: number): void {
    if (waiter.round !== this.round) waiter.spent = 0
    waiter.round = this.round
    waiter.spent += bytes
    if (this.serving === waiter) this.serving = undefined
  }

  /** Once, until its turn comes. `bytes`: what it will write then. */
  wait(waiter: Waiter, bytes: number): void {
    if (waiter.round !== this.round || waiter.spent + bytes <= share) this.quiet.push(waiter)
    else this.others.push(waiter)
  }

  /** Not from inside a call of a stream's user. */
  run(): void {
    if (this.isRunning) return
    this.isRunning = true
    while (!this.pace.isFull()) {
      const waiter = this.quiet.shift() ?? this.next()
      if (waiter === undefined) break
      this.serving = waiter
      waiter.turn()
      this.serving = undefined
    }
    this.isRunning = false
  }

  private next(): Waiter | undefined {
    if (this.left === 0 && this.others.length > 0) {
      this.round++
      this.left = this.others.length
    }
    if (this.left > 0) this.left--
    return this.others.shift()
  }
}
