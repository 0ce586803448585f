/**
 * All that the kernel knows of Effect's internals, in one file. Nothing of it is needed to run a simulation: it makes error
 * messages sharper and, if asked for, wake-ups decisions of the schedule. A canary test says when it no longer fits.
 */
import { Effect, type Fiber, type Scheduler } from "effect"
import { hashText } from "./hash.ts"

/** The `effect` that this was written against, and a hash of the methods that it relies on. */
export const fitsEffect = { version: "4.1.0", fingerprint: 3_116_388_639 } as const

export type AnyFiber = Fiber.Fiber<unknown, unknown>

/** As far as we look into a fiber. */
interface FiberInternals {
  readonly _running?: boolean
  /** Set while it is suspended. */
  readonly _yielded?: unknown
  readonly _interruptedCause?: unknown
  readonly interruptible?: boolean
}
const inside = (fiber: AnyFiber): FiberInternals => fiber as FiberInternals

/** False if it is suspended or has ended; true if in doubt. */
export const isRunning = (fiber: AnyFiber): boolean => inside(fiber)._running !== false
export const wasInterrupted = (fiber: AnyFiber): boolean => inside(fiber)._interruptedCause !== undefined
const isSuspended = (fiber: AnyFiber): boolean => inside(fiber)._yielded !== undefined

type Method = (this: AnyFiber, ...args: Array<never>) => unknown
/** A method that can be replaced and put back. */
interface Seam {
  readonly owner: object
  readonly name: string
  readonly original: Method
}
const seam = (owner: object, name: string): Seam => ({ owner, name, original: Reflect.get(owner, name) as Method })

const fiberPrototype = Object.getPrototypeOf(Effect.runFork(Effect.void)) as object
const evaluate = seam(fiberPrototype, "evaluate")
const interrupt = seam(fiberPrototype, "interruptUnsafe")
/** `Effect.callback`, and so all that waits. */
const callback = seam(Object.getPrototypeOf(Effect.never) as object, "~effect/Effect/evaluate")

/** Of the `effect` that is loaded. */
export const fingerprint = hashText(
  [evaluate, interrupt, seam(fiberPrototype, "runLoop"), callback].map((it) => String(it.original)).join("\n")
)

/** Whether the loaded `effect` is the one that this was written against. */
export const fits = fingerprint === fitsEffect.fingerprint

const replacing = <A>(replacements: ReadonlyArray<readonly [Seam, Method]>, body: () => A): A => {
  const before = replacements.map(([{ name, owner }]) => Reflect.get(owner, name) as unknown)
  for (const [{ name, owner }, method] of replacements) Reflect.set(owner, name, method)
  try {
    return body()
  } finally {
    for (const [index, [{ name, owner }]] of replacements.entries()) Reflect.set(owner, name, before[index])
  }
}

export interface WakeUps {
  /** Only fibers of this scheduler are meant. */
  readonly scheduler: Scheduler.Scheduler
  /** Whether it is this fiber's turn, so that it goes on at once. */
  readonly hasTurn: (fiber: AnyFiber) => boolean
  /** It could go on: `run` lets it. */
  readonly wake: (fiber: AnyFiber, run: () => void) => void
  /** It is suspended and would be interrupted: `run` does it. */
  readonly interrupt: (fiber: AnyFiber, run: () => void) => void
}

/**
 * While `body` runs, whatever wakes a suspended fiber of the simulation (`Deferred`, `Effect.callback`, joins, interrupts)
 * only says so to `wakeUps`, where by itself it would run the fiber at once, inside of itself. A fiber that is started
 * still runs at once where that was asked for.
 */
export const withWakeUps = <A>(wakeUps: WakeUps, body: () => A): A => {
  if (!fits) {
    throw new Error(
      `wake-ups can't be made decisions of the schedule: that relies on internals of effect ${fitsEffect.version}, and the effect that is loaded has others. Use a schedule without wakeUps, or that version of effect`
    )
  }
  const waits = (fiber: AnyFiber) =>
    isSuspended(fiber) && fiber.cache.scheduler === wakeUps.scheduler && fiber.pollUnsafe() === undefined &&
    !wakeUps.hasTurn(fiber)
  // Called very often: no rest of arguments, no `apply`, and a closure only where one is needed.
  const goOn = evaluate.original as (this: AnyFiber, effect: unknown) => unknown
  const wake = (fiber: AnyFiber, effect: unknown) => wakeUps.wake(fiber, () => goOn.call(fiber, effect))
  const evaluating = function(this: AnyFiber, effect: unknown) {
    if (waits(this)) wake(this, effect)
    else goOn.call(this, effect)
  }
  return replacing([
    [evaluate, evaluating],
    [interrupt, function(...args) {
      if (inside(this).interruptible === true && waits(this)) {
        wakeUps.interrupt(this, () => interrupt.original.apply(this, args))
      } else interrupt.original.apply(this, args)
    }]
  ], body)
}

/** While `body` runs, says with what each fiber begins to wait: an `Effect.callback`. */
export const withWaits = <A>(onWait: (fiber: AnyFiber, callback: unknown) => void, body: () => A): A => {
  if (!fits) return body()
  const original = callback.original as (this: unknown, fiber: AnyFiber) => unknown
  // Called very often: no rest of arguments, no `apply`.
  const method = function(this: unknown, fiber: AnyFiber) {
    onWait(fiber, this)
    return original.call(this, fiber)
  }
  return replacing([[callback, method]], body)
}

/** The function that an `Effect.callback` registers with, as text. */
export const registerText = (callback: unknown): string =>
  typeof callback === "object" && callback !== null ? String(Reflect.get(callback, "register")) : ""
