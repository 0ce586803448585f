import { Clock, Context, Effect, type Fiber, Scheduler } from "effect"

/** Timers don't reach further than 24 days; nothing that a node waits for is worth more than a day's sleep. */
const longestSleep = 86_400_000

/** Who can be woken. What an alarm has to remember stands in the sleeper itself: a process may hold thousands. */
export interface Sleeper {
  /** When it is to be woken, in monotonic milliseconds; `Infinity`: never. Set by `Alarms`, as is `alarmPlace`. */
  alarmAt: number
  /** Index in the heap; -1 while it is in none. */
  alarmPlace: number
  /** It is time: once for each alarm. Must return at once and not throw. */
  wake(): void
}

/** What was set for a time later than another stays set, and serves again; no more of them than this at once. */
const mostTimers = 4

interface Timer {
  readonly ringsAt: number
  readonly fiber: Fiber.Fiber<void>
}

/** Wakes any number of sleepers by few timers: those of a clock, however many nodes go by it. */
export class Alarms {
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly #context: Context.Context<never>
  /** A binary heap: the earliest first. */
  readonly #sleepers: Array<Sleeper> = []
  /** The last rings first. */
  #timers: Array<Timer> = []

  private constructor(clock: Clock.Clock, context: Context.Context<never>) {
    this.now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
    this.#context = context
  }

  static readonly #all = new WeakMap<Clock.Clock, Alarms>()

  /** Those of the context's clock. Of the first context that comes they keep how to run, and nothing else. */
  static of(context: Context.Context<never>): Alarms {
    const clock = Context.get(context, Clock.Clock)
    let alarms = Alarms.#all.get(clock)
    if (alarms === undefined) {
      alarms = new Alarms(clock, Context.pick(Clock.Clock, Scheduler.Scheduler)(context))
      Alarms.#all.set(clock, alarms)
    }
    return alarms
  }

  /** In place of the alarm that it has; `Infinity` takes that away. */
  set(sleeper: Sleeper, at: number): void {
    if (sleeper.alarmAt === at) return
    this.#remove(sleeper)
    if (at < Infinity) this.#add(sleeper, at)
    this.#setTimer()
  }

  /** A timer that comes too early does no harm, and sets the next one. */
  #setTimer(): void {
    const [first] = this.#sleepers
    if (first === undefined) return this.#stopTimers(0)
    const next = this.#timers.at(-1)
    if (next !== undefined && next.ringsAt <= first.alarmAt) return
    this.#stopTimers(mostTimers - 1)
    const ringsAt = first.alarmAt
    const millis = Math.max(1, Math.ceil(Math.min(ringsAt - this.now(), longestSleep)))
    const fiber = Effect.runForkWith(this.#context)(
      Effect.andThen(Effect.sleep(millis), Effect.sync(() => this.#ring(ringsAt)))
    )
    this.#timers.push({ ringsAt, fiber })
  }

  /** The latest, until so many are left. */
  #stopTimers(left: number): void {
    while (this.#timers.length > left) this.#timers.shift()?.fiber.interruptUnsafe()
  }

  /** `ringsAt` names the timer: no two have the same. */
  #ring(ringsAt: number): void {
    this.#timers = this.#timers.filter((timer) => timer.ringsAt !== ringsAt)
    const now = this.now()
    for (let [first] = this.#sleepers; first !== undefined && first.alarmAt <= now; [first] = this.#sleepers) {
      this.#remove(first)
      first.wake()
    }
    this.#setTimer()
  }

  #add(sleeper: Sleeper, at: number): void {
    sleeper.alarmAt = at
    this.#sleepers.push(sleeper)
    this.#rise(sleeper, this.#sleepers.length - 1)
  }

  #remove(sleeper: Sleeper): void {
    const place = sleeper.alarmPlace
    sleeper.alarmPlace = -1
    sleeper.alarmAt = Infinity
    const last = place < 0 ? undefined : this.#sleepers.pop()
    if (last === undefined || last === sleeper) return
    this.#sink(last, place)
    this.#rise(last, last.alarmPlace)
  }

  #put(sleeper: Sleeper, place: number): void {
    this.#sleepers[place] = sleeper
    sleeper.alarmPlace = place
  }

  #rise(sleeper: Sleeper, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >>> 1
      const parent = this.#sleepers[above]
      if (parent === undefined || parent.alarmAt <= sleeper.alarmAt) break
      this.#put(parent, place)
      place = above
    }
    this.#put(sleeper, place)
  }

  #sink(sleeper: Sleeper, from: number): void {
    let place = from
    while (true) {
      const left = this.#sleepers[2 * place + 1]
      if (left === undefined) break
      const right = this.#sleepers[2 * place + 2]
      const least = right !== undefined && right.alarmAt < left.alarmAt ? right : left
      if (sleeper.alarmAt <= least.alarmAt) break
      const below = least.alarmPlace
      this.#put(least, place)
      place = below
    }
    this.#put(sleeper, place)
  }
}
