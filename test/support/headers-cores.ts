/** Header sync without a network or effects: cores that exchange messages in an order of the test's choice. */
import { Core, type CoreOptions, type Moment } from "../../src/sessions/header-sync/Core.ts"
import { extend } from "../../src/sessions/header-sync/extend.ts"
import { hashHeader } from "../../src/sessions/header-sync/header.ts"
import { HeaderIndex } from "../../src/sessions/header-sync/HeaderIndex.ts"
import { maxBatch } from "../../src/sessions/header-sync/messages.ts"
import type { HeaderParams } from "../../src/sessions/header-sync/params.ts"
import type { Peer } from "../../src/sessions/header-sync/Peer.ts"
import { after } from "./headers.ts"

/** A core whose best chain is `chain`, which must be valid and begin with the genesis. */
export const coreWith = (
  params: HeaderParams,
  chain: Uint8Array,
  options: Partial<Omit<CoreOptions, "params">> = {}
): Core => {
  const index = new HeaderIndex()
  index.push(chain, 0, hashHeader(chain))
  const bad = extend(params, index, after(chain, 0), Infinity)
  if (bad !== undefined) throw new Error(`the test's chain is invalid at height ${bad.height}`)
  return new Core(index, {
    params,
    stallAfter: 5_000,
    giveUpAfter: 60_000,
    batch: maxBatch,
    maxCandidate: 100_000,
    onChange: () => undefined,
    wake: () => undefined,
    ...options
  })
}

/** One end of a session in a core. */
export interface Seat {
  readonly core: Core
  readonly peer: Peer
  /** What has come and was not handed to the core yet. */
  readonly inbox: Array<Uint8Array>
  stalled: boolean
  /** How the other end broke the protocol. */
  violation: string | undefined
}

export const seat = (core: Core): Seat => {
  const seat: Seat = {
    core,
    peer: core.join({ wake: () => undefined, stalled: () => void (seat.stalled = true) }),
    inbox: [],
    stalled: false,
    violation: undefined
  }
  return seat
}

export const moment = (now = 0, wall = 4_000_000_000, random: () => number = () => 0): Moment => ({ now, wall, random })

/** Everything that a core has to say to a peer now. */
export const drain = ({ core, peer }: Seat): Array<Uint8Array> => {
  const said: Array<Uint8Array> = []
  for (let next = core.next(peer); next !== undefined; next = core.next(peer)) {
    said.push(next.bytes)
    next.sent()
  }
  return said
}

/** Sessions between cores. Which end sends or receives next is drawn. */
export class Wires {
  readonly #random: () => number
  readonly #ends: Array<readonly [Seat, Seat]> = []
  /** All messages that were sent. */
  sent = 0
  now = 0

  constructor(random: () => number) {
    this.#random = random
  }

  connect(a: Core, b: Core): readonly [Seat, Seat] {
    const [x, y] = [seat(a), seat(b)]
    this.#ends.push([x, y], [y, x])
    return [x, y]
  }

  disconnect(seat: Seat): void {
    for (const [x, y] of this.#ends.filter(([x, y]) => x === seat || y === seat)) {
      if (x === seat) { for (const end of [x, y]) end.core.leave(end.peer, moment(this.now)) }
    }
    const stay = this.#ends.filter(([x, y]) => x !== seat && y !== seat)
    this.#ends.splice(0, this.#ends.length, ...stay)
  }

  /** One send or receive, of those that are possible. False if none is. */
  step(): boolean {
    const start = Math.floor(this.#random() * this.#ends.length)
    const sendFirst = this.#random() < 0.5
    for (let i = 0; i < this.#ends.length; i++) {
      const pair = this.#ends[(start + i) % this.#ends.length]
      if (pair === undefined) return false
      if (sendFirst ? this.#send(pair) || this.#receive(pair[0]) : this.#receive(pair[0]) || this.#send(pair)) {
        return true
      }
    }
    return false
  }

  /** Until nothing is left to say. Throws where that takes more than `limit` steps: somebody repeats himself. */
  settle(limit = 100_000): void {
    for (let steps = 0; this.step(); steps++) if (steps > limit) throw new Error("the cores never fall silent")
  }

  #send([from, to]: readonly [Seat, Seat]): boolean {
    const next = from.core.next(from.peer)
    if (next === undefined) return false
    to.inbox.push(next.bytes)
    next.sent()
    this.sent++
    return true
  }

  #receive(to: Seat): boolean {
    const bytes = to.inbox.shift()
    if (bytes === undefined) return false
    const what = to.core.receive(to.peer, bytes, moment(this.now, undefined, this.#random))
    if (what !== undefined) {
      to.violation = what
      throw new Error(`an honest peer was found to break the protocol: ${what}`)
    }
    return true
  }
}
