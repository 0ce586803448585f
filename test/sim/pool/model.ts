/** The pure core of the pool in a world made by hand: links, dials and leases are what the commands said they are. */
import * as fc from "fast-check"
import * as assert from "node:assert/strict"
import {
  type Address,
  type Chain,
  type Charge,
  DialFailed,
  type GoodbyeReason,
  type LeaseFailed,
  type PeerId
} from "../../../signatures/index.ts"
import { type ConnectionPoolOptions, type PoolSetting, poolSetting } from "../../../src/pool/options.ts"
import { emptyPool, type LinkState, type PoolCommand, type PoolEvent, type PoolState } from "../../../src/pool/state.ts"
import { nextTick, step } from "../../../src/pool/step.ts"
import { linksView, noView } from "../../../src/pool/view.ts"

/** In the middle of all peers, so that some are smaller and some larger. */
export const self = "3Self3" as PeerId
export const smaller = "2Peer2" as PeerId
export const larger = "4Peer4" as PeerId
export const chain = (n: number): Chain => ({ network: "test", name: `c${n}`, genesis: "00" })
export const addressIn = (group: number, host = 1): Address => `/ip4/20.0.${group}.${host}/tcp/7400` as Address

interface Answer {
  readonly granted?: number
  readonly refused?: LeaseFailed["reason"]
  readonly dials?: ReadonlyArray<DialFailed>
}

export class PoolModel {
  state: PoolState = emptyPool
  /** What is up, brought up to date after each step. */
  viewed = noView
  now = 1_000
  readonly setting: PoolSetting
  /** By dial. */
  readonly dialling = new Map<number, { readonly peer: PeerId; readonly address: Address }>()
  /** All that ever were, by dial. */
  readonly dials = new Map<number, { readonly peer: PeerId; readonly address: Address }>()
  readonly charges: Array<Charge> = []
  readonly answers = new Map<number, Answer>()
  readonly asked = new Set<number>()
  readonly attended: Array<number> = []
  readonly parted = new Map<number, GoodbyeReason | "close" | "abort">()
  readonly probes: Array<number> = []
  #links = 0
  #leases = 0
  #draw = 0
  readonly #draws: ReadonlyArray<number>

  constructor(options: ConnectionPoolOptions = {}, draws: ReadonlyArray<number> = [0]) {
    this.setting = poolSetting(self, options)
    this.#draws = draws
  }

  handle(event: PoolEvent): ReadonlyArray<PoolCommand> {
    const random = () => this.#draws[this.#draw++ % this.#draws.length] ?? 0
    const [state, commands] = step(this.setting, this.state, event, this.now, random)
    this.state = state
    this.viewed = linksView(this.setting, state, this.viewed, state.touched)
    for (const command of commands) this.#obey(command)
    return commands
  }

  #obey(command: PoolCommand): void {
    switch (command._tag) {
      case "Dial":
        this.dials.set(command.dial, command)
        return void this.dialling.set(command.dial, command)
      case "CancelDial":
        assert.ok(this.dialling.delete(command.dial), "a dial is cancelled that is not in flight")
        return
      case "Grant":
        assert.ok(!this.answers.has(command.lease), "a lease is answered twice")
        return void this.answers.set(command.lease, { granted: command.link })
      case "Refuse":
        assert.ok(!this.answers.has(command.lease), "a lease is answered twice")
        return void this.answers.set(command.lease, { refused: command.reason, dials: command.dials })
      case "Attend":
        assert.ok(!this.attended.includes(command.link), "a link is attended twice")
        return void this.attended.push(command.link)
      case "Probe":
        return void this.probes.push(command.link)
      case "Part":
        assert.ok(this.attended.includes(command.link), "a link says goodbye unattended")
        assert.ok(!this.parted.has(command.link), "a link is parted twice")
        return void this.parted.set(command.link, command.reason)
      case "Close":
        return void this.parted.set(command.link, "close")
      case "Abort":
        return void this.parted.set(command.link, "abort")
      case "Record":
        return void this.charges.push(command.charge)
    }
  }

  ask(
    peer: PeerId,
    n = 0,
    addresses: ReadonlyArray<Address> = [addressIn(1)],
    banned = false,
    remembered = false
  ): number {
    const lease = ++this.#leases
    this.asked.add(lease)
    this.handle({ _tag: "Ask", lease, peer, chain: chain(n), addresses, remembered, banned })
    return lease
  }

  askRemembered(peer: PeerId, address: Address): number {
    return this.ask(peer, 0, [address], false, true)
  }

  take(link: number, n = 0): number {
    const lease = ++this.#leases
    this.handle({ _tag: "Take", lease, link, chain: chain(n) })
    return lease
  }

  release(peer: PeerId, lease: number): void {
    this.handle({ _tag: "Release", lease, peer })
  }

  inbound(peer: PeerId, remote: Address = addressIn(1), banned = false): number {
    const link = ++this.#links
    this.handle({ _tag: "Inbound", link, peer, remote, banned })
    return link
  }

  /** The first dial that is in flight succeeds, or the one given, though it may have been given up. */
  dialled(dial = this.firstDial()): number {
    const link = ++this.#links
    const found = this.dials.get(dial)
    if (found === undefined) throw new Error("no such dial")
    const { address, peer } = found
    this.dialling.delete(dial)
    this.handle({ _tag: "Dialled", dial, link, peer, remote: address })
    return link
  }

  notDialled(dial = this.firstDial(), reason: DialFailed["reason"] = "refused"): void {
    const found = this.dialling.get(dial)
    if (found === undefined) throw new Error("no such dial")
    this.dialling.delete(dial)
    const error = new DialFailed({ peer: found.peer, address: found.address, reason })
    this.handle({ _tag: "NotDialled", dial, peer: found.peer, error })
  }

  firstDial(): number {
    return [...this.dialling.keys()][0] ?? -1
  }

  /** A link of our own dialling, with a lease. */
  linked(peer: PeerId, address = addressIn(1)): { readonly link: number; readonly lease: number } {
    const lease = this.ask(peer, 0, [address])
    return { lease, link: this.dialled() }
  }

  end(link: number, by: "local" | "remote" | "lost" = "lost", spoken = true): void {
    this.handle({ _tag: "Ended", link, by, spoken })
  }

  /** Time passes; the alarm rings as often as it is due. */
  wait(millis: number): void {
    const until = this.now + millis
    for (let rings = 0;; rings++) {
      assert.ok(rings < 100, "the alarm rings without end")
      const next = nextTick(this.setting, this.state, this.now)
      if (next > until) break
      this.now = Math.max(this.now, next)
      this.handle({ _tag: "Tick" })
    }
    this.now = until
  }

  get links(): ReadonlyArray<LinkState> {
    return [...this.state.links.values()]
  }

  view(peer: PeerId) {
    return linksView(this.setting, this.state).get(peer)
  }

  chargesOf(tag: Charge["_tag"]): ReadonlyArray<Charge> {
    return this.charges.filter((charge) => charge._tag === tag)
  }
}

/** Any sequence of what may happen, as data. Numbers choose among what is there. */
export const anyDeed = fc.record({
  what: fc.constantFrom(
    ...([
      "ask",
      "ask",
      "ask",
      "ask-banned",
      "take",
      "release",
      "release",
      "inbound",
      "inbound",
      "inbound-banned"
    ] as const),
    ...(["dialled", "dialled", "late", "failed", "failed", "end", "probed", "silent", "violation", "leaving"] as const),
    ...(["wait", "wait", "part"] as const)
  ),
  which: fc.nat({ max: 20 }),
  peer: fc.nat({ max: 7 }),
  millis: fc.constantFrom(1, 100, 250, 2_000, 10_000, 30_000)
})
export type Deed = typeof anyDeed extends fc.Arbitrary<infer A> ? A : never
