import { type Agenda, type Timer } from "../kernel/index.ts"

/** Bytes that wait for their turn. */
export interface Flow {
  /** The size of the next piece, at most `limit`; 0 if nothing waits: then it is forgotten. */
  readonly next: (limit: number) => number
  /** Lets so many bytes go. Fewer may be left by now, or none. */
  readonly move: (size: number) => void
}

/** The longest piece that goes without others having their turn: so much a flow may be delayed by each of the others. */
const piece = 4096

/**
 * So many bytes per second, and those who have bytes take turns: a path with a bandwidth, or a process that reads slowly. A
 * piece goes once its last byte has had its time.
 */
export class Pace {
  readonly #agenda: Agenda
  #bytesPerSecond: number
  readonly #flows: Array<Flow> = []
  #timer: Timer | undefined
  /** When the last piece was through, to fractions of a microsecond: or many small ones would take longer than one large. */
  #freeAt = 0

  constructor(agenda: Agenda, bytesPerSecond: number) {
    this.#agenda = agenda
    this.#bytesPerSecond = bytesPerSecond
  }

  /** `Infinity`: all that waits goes in this same instant. */
  setRate(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
    if (this.#timer !== undefined) this.#agenda.cancel(this.#timer)
    this.#timer = undefined
    this.#freeAt = 0
    this.#serve()
  }

  get isLimited(): boolean {
    return this.#bytesPerSecond < Infinity || this.#flows.length > 0
  }

  /** Not again until its `next` was 0. */
  add(flow: Flow): void {
    this.#flows.push(flow)
    this.#serve()
  }

  #serve(): void {
    const first = this.#flows[0]
    if (this.#timer !== undefined || first === undefined) return
    const size = first.next(piece)
    if (size === 0) {
      this.#flows.shift()
      return this.#serve()
    }
    this.#freeAt = Math.max(this.#freeAt, this.#agenda.now()) + size * 1_000_000 / this.#bytesPerSecond
    this.#timer = this.#agenda.at(this.#freeAt, () => {
      this.#timer = undefined
      this.#flows.shift()
      first.move(size)
      if (first.next(piece) > 0) this.#flows.push(first)
      this.#serve()
    })
  }
}
