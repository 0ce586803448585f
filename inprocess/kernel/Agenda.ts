import { Context } from "effect"
import { type Timer } from "./Heap.ts"

/**
 * What happens when, without a fiber for each. The simulation has one, in which all of its time lies; over any other clock
 * the network makes one of its own.
 */
export interface Agenda {
  /** Microseconds since some start, never going back. */
  readonly now: () => number
  /** Runs it at an instant, at the earliest after the caller has returned. An instant that has passed means now. */
  readonly at: (micros: number, run: () => void) => Timer
  /** The same with a timer of one's own that isn't set: for who sets one again and again, and has never two. */
  readonly set: (timer: Timer, micros: number) => void
  /** Does nothing if it went off already. */
  readonly cancel: (timer: Timer) => void
  /** Runs it in this same instant, in turn with the fibers that can run. */
  readonly soon: (run: () => void) => void
}

/** The agenda of the simulation in which the fiber runs, if it runs in one. */
export const CurrentAgenda = Context.Reference<Agenda | undefined>("chain-p2p/inprocess/kernel/CurrentAgenda", {
  defaultValue: () => undefined
})
