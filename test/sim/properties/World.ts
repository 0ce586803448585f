/** What is written down of a run: its processes, its sessions, and the first thing that was wrong. */
import { type Chain, type P2pConnection, type PeerId } from "../../../signatures/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { type Home } from "./Home.ts"
import { type Shape } from "./shapes.ts"

/** A session's connection, from the moment it was there until stream and lease are given back. */
export interface Held {
  readonly peer: PeerId
  readonly direction: "inbound" | "outbound"
  readonly group: string | undefined
  readonly since: number
  /** When it ended, in monotonic milliseconds. */
  endedAt: number | undefined
  /** Of the session that runs on it, once it does. */
  run: SessionRun | undefined
}

/** One run of a session, and what it sent and received. */
export interface SessionRun {
  readonly id: number
  readonly home: Home
  readonly chain: Chain
  readonly held: Held | undefined
  /** Messages that `send` took, and those of which nobody knows whether it did. */
  accepted: number
  readonly uncertain: Set<number>
  /** Whose messages come in: the run at the other end. */
  from: SessionRun | undefined
  /** Who receives ours. */
  to: SessionRun | undefined
  readonly received: Set<number>
  lastReceivedAt: number | undefined
  /** It says much at once, and then nothing more. */
  fallsSilent: boolean
  /** With which code it ended here, if it was by ourselves. */
  closedWith: string | undefined
}

const isHeardFrom = ({ run, since }: Held, now: number, within: number): boolean =>
  now - since < within ||
  (run?.lastReceivedAt !== undefined && (run.from?.fallsSilent === true || now - run.lastReceivedAt < within))

export class World {
  /** By host: its latest process. */
  readonly homes: Array<Home> = []
  readonly runs = new Map<number, SessionRun>()
  readonly connections = new WeakMap<P2pConnection, Held>()
  readonly dirty = new Set<ChainWatch>()
  /** Whom a session of some host has accused of breaking its protocol. */
  readonly accused = new Set<PeerId>()
  readonly shape: Shape
  #wrong: string | undefined
  #runs = 0

  constructor(shape: Shape) {
    this.shape = shape
  }

  /** The first counts: what follows from it only distracts. */
  accuse(where: string, what: string): void {
    this.#wrong ??= `${where}: ${what}`
  }

  /** Asked after every step. */
  readonly look = (): void => {
    for (const watch of this.dirty) watch.look()
    this.dirty.clear()
    if (this.#wrong !== undefined) throw new Error(this.#wrong)
  }

  /** Those that are expected to do something: of hosts that are up, not on their way out. */
  watches(): ReadonlyArray<ChainWatch> {
    return this.homes.flatMap((home) =>
      home?.isAlive() === true
        ? [...home.chains.values()].filter(({ isStopping, node }) => node !== undefined && !isStopping)
        : []
    )
  }

  /** Whether something has arrived lately in every session that has been open for so long. */
  isTalking(withinMillis: number): boolean {
    return this.watches().every((watch) =>
      watch.active().every((held) => isHeardFrom(held, watch.home.now(), withinMillis))
    )
  }

  /** Whether all hosts that serve a chain are joined by its sessions. */
  isConnected(chain: Chain): boolean {
    const members = this.watches().filter((watch) => watch.chain === chain)
    const [first] = members
    if (first === undefined) return true
    const reached = new Set([first.home.peer])
    for (const peer of reached) {
      const watch = members.find(({ home }) => home.peer === peer)
      for (const held of watch?.active() ?? []) reached.add(held.peer)
    }
    return members.every(({ home }) => reached.has(home.peer))
  }

  nextRun(): number {
    return ++this.#runs
  }

  indexOf(peer: PeerId): number {
    return this.homes.findIndex((home) => home?.peer === peer)
  }
}
