import { type Agenda, type RandomStream } from "../kernel/index.ts"

/** How long a packet takes one way, in microseconds: `base`, and up to `jitter` more, drawn per packet. */
export interface Latency {
  readonly base: number
  readonly jitter: number
}

/** The way from one host to another: all that goes there, goes through here. */
export class Channel {
  latency: Latency
  readonly random: RandomStream
  readonly #agenda: Agenda
  readonly #isBlocked: () => boolean
  #waiting: Array<() => void> = []

  constructor(agenda: Agenda, random: RandomStream, latency: Latency, isBlocked: () => boolean) {
    this.#agenda = agenda
    this.random = random
    this.latency = latency
    this.#isBlocked = isBlocked
  }

  /** When a packet that leaves now arrives. */
  arrival(random: RandomStream): number {
    return this.#agenda.now() + this.latency.base + random.between(0, this.latency.jitter + 1)
  }

  /** Whether the way is blocked: then it keeps the call, and makes it once the way is free. */
  holds(run: () => void): boolean {
    if (!this.#isBlocked()) return false
    this.#waiting.push(run)
    return true
  }

  /** Whoever sends draws from randomness of its own: what one stream does changes no other's times. */
  send(run: () => void, random: RandomStream = this.random): void {
    this.#carry(this.arrival(random), run)
  }

  /** To be called when blocks have changed. What waits is sent again: nothing was lost, and it keeps its order. */
  release(): void {
    if (this.#waiting.length === 0 || this.#isBlocked()) return
    const waiting = this.#waiting
    this.#waiting = []
    const at = this.arrival(this.random)
    for (const run of waiting) this.#carry(at, run)
  }

  #carry(at: number, run: () => void): void {
    this.#agenda.at(at, () => {
      if (!this.holds(run)) run()
    })
  }
}
