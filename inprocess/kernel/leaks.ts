import { type Agenda } from "./Agenda.ts"
import { type Timer } from "./Heap.ts"
import { type KeyedRandom, type RandomStream } from "./KeyedRandom.ts"

export type Leaks = "trap" | "virtual" | "allow"

/** A call that reaches out of the simulation, so that the run could not be repeated. */
export class Leak extends Error {
  override readonly name = "Leak"
  /** As in `Date.now()`. */
  readonly call: string
  constructor(call: string, instead: string) {
    super(
      `${call} was called in a simulation, which could then not be repeated from its seed: use ${instead} instead. For code that can't be changed, the option leaks: "virtual" gives it virtual time and seeded randomness`
    )
    this.call = call
  }
}

interface Guarded {
  readonly now: Agenda["now"]
  readonly at: Agenda["at"]
  readonly cancel: Agenda["cancel"]
  readonly random: KeyedRandom
  readonly wallMillis: () => number
}

// oxlint-disable-next-line no-restricted-globals -- the one place that must know the real world by name, to keep it out
const world: object = globalThis
const objectIn = (owner: object, name: string): object | undefined => {
  const value: unknown = Reflect.get(owner, name)
  return typeof value === "object" || typeof value === "function" ? value ?? undefined : undefined
}

/** What a call is replaced by. */
type Stand = (...args: ReadonlyArray<unknown>) => unknown
interface Patch {
  readonly owner: object | undefined
  readonly name: string
  readonly value: unknown
}

const clock = "Clock (Clock.currentTimeMillis, Effect.sleep)"
const monotonic = "Clock (Clock.monotonicTimeNanos)"
const random = "Random (Random.next, Random.nextIntBetween)"
const timers = "Effect.sleep in a fiber"
const turns =
  "Effect.yieldNow or a fiber (Effect.runFork and the like do it too, outside of the simulation: give them the context that you are in)"

/** Effect itself draws the hashes of objects and the ids of spans so. */
const drawnByEffect = /[\\/]effect[\\/](?:dist|src)[\\/](?!internal[\\/]random)/

/** Where the function was called that calls this. */
const callSite = (): string => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 3
  const stack = new Error().stack ?? ""
  Error.stackTraceLimit = limit
  return stack.split("\n")[3] ?? ""
}

/** A `Date` that asks `now` for the present instant, and is otherwise the real one. */
const datedBy = (RealDate: DateConstructor, now: (call: string) => number): unknown =>
  new Proxy(RealDate, {
    apply: () => new RealDate(now("Date()")).toString(),
    construct: (target, args, newTarget: NewableFunction) =>
      Reflect.construct(target, args.length === 0 ? [now("new Date()")] : args, newTarget) as object,
    get: (target, key) => key === "now" ? () => now("Date.now()") : Reflect.get(target, key) as unknown
  })

/** What `setTimeout` and the like give back where time is virtual. */
class VirtualTimer {
  readonly #start: (timer: VirtualTimer) => Timer
  readonly #stop: (timer: Timer) => void
  #timer: Timer

  constructor(start: (timer: VirtualTimer) => Timer, stop: (timer: Timer) => void) {
    this.#start = start
    this.#stop = stop
    this.#timer = start(this)
  }

  /** Begins anew. */
  refresh(): this {
    this.close()
    this.#timer = this.#start(this)
    return this
  }

  close(): this {
    this.#stop(this.#timer)
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

const called = (callback: unknown, args: ReadonlyArray<unknown>): void => {
  if (typeof callback === "function") Reflect.apply(callback, undefined, args)
}

const virtualTimers = ({ at, cancel, now }: Guarded) => {
  const starting = (repeats: boolean): Stand => (callback, delay, ...args) => {
    const micros = Math.max(1, Number(delay) || 0) * 1000
    return new VirtualTimer((timer) =>
      at(now() + micros, () => {
        if (repeats) timer.refresh()
        called(callback, args)
      }), cancel)
  }
  const immediate: Stand = (callback, ...args) =>
    new VirtualTimer(() => at(now(), () => called(callback, args)), cancel)
  const clearing = (real: unknown): Stand => (timer) => {
    if (timer instanceof VirtualTimer) timer.close()
    else called(real, [timer])
  }
  return { starting, immediate, clearing }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const uuid = (stream: RandomStream): string => {
  const bytes = stream.bytes(16)
  bytes[6] = 0x40 | ((bytes[6] ?? 0) & 15)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 63)
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

const fill = (stream: RandomStream, view: unknown): unknown => {
  if (ArrayBuffer.isView(view)) {
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(stream.bytes(view.byteLength))
  }
  return view
}

/** Every way out that we know, and what stands there instead. */
const patches = (
  simulation: Guarded,
  stream: RandomStream,
  decide: (call: string, instead: string, virtual: Stand) => Stand
): ReadonlyArray<Patch> => {
  const { now } = simulation
  const nanos = () => BigInt(now()) * 1000n
  const date = (call: string) => Number(decide(call, clock, simulation.wallMillis)())
  const math = decide("Math.random()", random, () => stream.nextDoubleUnsafe())
  const hrtime = decide("process.hrtime()", monotonic, (before) => {
    const [seconds = 0, rest = 0] = Array.isArray(before) ? before as ReadonlyArray<number> : []
    const passed = nanos() - BigInt(seconds) * 1_000_000_000n - BigInt(rest)
    return [Number(passed / 1_000_000_000n), Number(passed % 1_000_000_000n)]
  })
  const { clearing, immediate, starting } = virtualTimers(simulation)
  const global = (name: string, instead: string, virtual: Stand): Patch => ({
    owner: world,
    name,
    value: decide(`${name}()`, instead, virtual)
  })
  const clear = (name: string): Patch => ({ owner: world, name, value: clearing(Reflect.get(world, name)) })
  const crypto = objectIn(world, "crypto")
  return [
    {
      owner: Math,
      name: "random",
      value: () => drawnByEffect.test(callSite()) ? stream.nextDoubleUnsafe() : math()
    },
    { owner: world, name: "Date", value: datedBy(Reflect.get(world, "Date") as DateConstructor, date) },
    {
      owner: objectIn(world, "performance"),
      name: "now",
      value: decide("performance.now()", monotonic, () => now() / 1000)
    },
    {
      owner: objectIn(world, "process"),
      name: "hrtime",
      value: Object.assign(hrtime, { bigint: decide("process.hrtime.bigint()", monotonic, nanos) })
    },
    { owner: crypto, name: "randomUUID", value: decide("crypto.randomUUID()", random, () => uuid(stream)) },
    {
      owner: crypto,
      name: "getRandomValues",
      value: decide("crypto.getRandomValues()", random, (view) => fill(stream, view))
    },
    global("setTimeout", timers, starting(false)),
    global("setInterval", timers, starting(true)),
    global("setImmediate", turns, immediate),
    global("queueMicrotask", turns, immediate),
    clear("clearTimeout"),
    clear("clearInterval"),
    clear("clearImmediate")
  ]
}

/** Puts the patches in place, and gives back what undoes them. */
const apply = (list: ReadonlyArray<Patch>): () => void => {
  const undo: Array<() => void> = []
  for (const { name, owner, value } of list) {
    if (owner === undefined) continue
    const before = Object.getOwnPropertyDescriptor(owner, name)
    Object.defineProperty(owner, name, {
      value,
      configurable: true,
      writable: true,
      enumerable: before?.enumerable ?? true
    })
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name)
      else Object.defineProperty(owner, name, before)
    })
  }
  return () => undo.toReversed().forEach((restore) => restore())
}

/** Keeps the real world out while `body` runs, which must be synchronous. Says what the first leak was, if there was one. */
export const guarded = <A>(
  leaks: Leaks,
  simulation: Guarded,
  body: () => A
): { readonly value: A; readonly leak: Leak | undefined } => {
  if (leaks === "allow") return { value: body(), leak: undefined }
  let leak: Leak | undefined
  const trap = (call: string, instead: string): Stand => () => {
    const found = new Leak(call, instead)
    leak ??= found
    throw found
  }
  const restore = apply(
    patches(
      simulation,
      simulation.random("leaks"),
      (call, instead, virtual) => leaks === "trap" ? trap(call, instead) : virtual
    )
  )
  try {
    const value = body()
    return { value, leak }
  } finally {
    restore()
  }
}
