import { type Machine } from "./Machine.ts"

/** `partition`: packets are lost, and sent again until one comes through. `hold`: they are kept, and then come at once. */
export type Obstacle = "partition" | "hold"

/** Between which machines nothing passes, each way for itself. */
export class Obstacles {
  readonly #partitions = new Set<string>()
  readonly #holds = new Set<string>()

  between(from: Machine, to: Machine): Obstacle | undefined {
    if (from.frozen || to.frozen) return "hold"
    if (this.#holds.size > 0 && this.#holds.has(pair(from, to))) return "hold"
    return this.#partitions.size > 0 && this.#partitions.has(pair(from, to)) ? "partition" : undefined
  }

  add(obstacle: Obstacle, from: Machine, to: Machine): void {
    this.#of(obstacle).add(pair(from, to))
  }

  clear(obstacle: Obstacle): void {
    this.#of(obstacle).clear()
  }

  #of(obstacle: Obstacle): Set<string> {
    return obstacle === "partition" ? this.#partitions : this.#holds
  }
}

const pair = (from: Machine, to: Machine): string => `${from.index}/${to.index}`
