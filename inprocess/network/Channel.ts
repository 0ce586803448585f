import { type Agenda } from "../kernel/index.ts"
import { type Key, Purpose } from "./Key.ts"
import { type Machine } from "./Machine.ts"
import { type Obstacle, type Obstacles } from "./Obstacles.ts"
import { Pace } from "./Pace.ts"

/** How long a packet takes one way, in microseconds: `base`, and up to `jitter` more, drawn per packet. */
export interface Latency {
  readonly base: number
  readonly jitter: number
}

/** What a way is like. */
export interface Conditions {
  readonly latency: Latency
  /** The chance that a packet must be sent again. It comes later then, since links are reliable. */
  readonly loss: number
  /** Bytes per second. */
  readonly bandwidth: number
}

/** Lost in a row. */
const mostLosses = 5
/** A sender notices a loss after two latencies and so much more; twice as late for each further loss. In microseconds. */
const noticeAfter = 200_000
/** What a partition held back is sent again so much later at most, as senders try ever more rarely. */
const longestBackOff = 3_000_000

export interface ChannelParts {
  readonly agenda: Agenda
  readonly key: Key
  readonly conditions: Conditions
  readonly obstacles: Obstacles
  readonly from: Machine
  readonly to: Machine
}

/** The way from one host to another: all that goes there, goes through here. */
export class Channel {
  readonly #agenda: Agenda
  readonly #key: Key
  readonly #obstacles: Obstacles
  readonly #from: Machine
  readonly #to: Machine
  #conditions: Conditions
  #pace: Pace | undefined
  #waiting: Array<() => void> | undefined
  #lostSince: number | undefined
  #repairs = 0
  #dials = 0

  constructor(parts: ChannelParts) {
    this.#agenda = parts.agenda
    this.#key = parts.key
    this.#obstacles = parts.obstacles
    this.#from = parts.from
    this.#to = parts.to
    this.#conditions = parts.conditions
    this.setPace()
  }

  get conditions(): Conditions {
    return this.#conditions
  }

  /** From now on. What is on its way already is not changed by it, what waits for its turn is. */
  set conditions(conditions: Conditions) {
    const before = this.#conditions.bandwidth
    this.#conditions = conditions
    if (conditions.bandwidth !== before) this.setPace()
  }

  /** Where bytes wait for their turn, if bandwidth is limited here, or was and some still wait. */
  get pace(): Pace | undefined {
    return this.#pace?.isLimited === true ? this.#pace : undefined
  }

  get isShut(): boolean {
    return this.obstacle !== undefined
  }

  /** All that a dial draws from, and the link that comes of it. */
  nextDial(): Key {
    return this.#key.child(Purpose.dial, this.#dials++)
  }

  /**
   * When the n-th packet arrives, if it leaves now. Whoever sends draws by a key of its own: what one stream does changes no
   * other's times.
   */
  arrival(key: Key, purpose: number, n: number): number {
    const { latency: { base, jitter }, loss } = this.#conditions
    const at = this.#agenda.now() + base + key.between(purpose, n, 0, jitter + 1)
    return loss === 0 ? at : at + this.delayByLoss(key.child(purpose, n).unit(Purpose.loss, 0))
  }

  /** While the way is shut: it keeps the call, and makes it once the way is open. */
  keep(run: () => void): void {
    if (this.obstacle === "partition") this.#lostSince ??= this.#agenda.now()
    if (this.#waiting === undefined) this.#waiting = [run]
    else this.#waiting.push(run)
  }

  /** A packet beside the bytes of streams, which it may overtake: the n-th that this key sends. */
  send(run: () => void, key: Key, n: number): void {
    this.carry(this.arrival(key, Purpose.aside, n), run)
  }

  /** To be called when obstacles have gone. What waits is sent again, and keeps its order. */
  release(): void {
    if (this.#waiting === undefined || this.isShut) return
    const waiting = this.#waiting
    const now = this.#agenda.now()
    const longest = this.#lostSince === undefined ? 0 : Math.min(now - this.#lostSince, longestBackOff)
    const n = this.#repairs++
    this.#waiting = undefined
    this.#lostSince = undefined
    const at = this.arrival(this.#key, Purpose.aside, n) + this.#key.between(Purpose.repair, n, 0, longest + 1)
    for (const run of waiting) this.carry(at, run)
  }

  private get obstacle(): Obstacle | undefined {
    return this.#obstacles.between(this.#from, this.#to)
  }

  private carry(at: number, run: () => void): void {
    this.#agenda.at(at, () => {
      if (this.isShut) this.keep(run)
      else run()
    })
  }

  private setPace(): void {
    const { bandwidth } = this.#conditions
    if (bandwidth < Infinity) this.#pace ??= new Pace(this.#agenda, bandwidth)
    this.#pace?.setRate(bandwidth)
  }

  /** One draw says how often in a row it is lost. */
  private delayByLoss(draw: number): number {
    const { latency, loss } = this.#conditions
    const losses = Math.min(mostLosses, Math.floor(Math.log(1 - draw) / Math.log(loss)))
    return (noticeAfter + 2 * latency.base) * (2 ** losses - 1)
  }
}
