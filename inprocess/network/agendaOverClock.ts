import { Cause, Clock, Duration, Effect, type Fiber, Scheduler, type Scope } from "effect"
import { type Agenda, CurrentAgenda, Heap } from "../kernel/index.ts"

/** One heap, and one fiber that sleeps until its first timer. For the live clock and for `TestClock`. */
const overClock: Effect.Effect<Agenda, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const timers = new Heap()
  let sleeper: Fiber.Fiber<void> | undefined
  let wakesAt = Infinity
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
  // A callback that throws is a bug of its owner, and no reason to stop everybody else's bytes.
  const guarded = (task: { readonly run: () => void }) => {
    try {
      task.run()
    } catch (error) {
      fork(Effect.logFatal("a callback of the simulated network threw", Cause.die(error)))
    }
  }
  const drain = () => {
    sleeper = undefined
    wakesAt = Infinity
    for (let next = timers.peek(); next !== undefined && next.at <= now(); next = timers.peek()) {
      timers.remove(next)
      guarded(next)
    }
    arm()
  }
  const arm = () => {
    const next = timers.peek()
    if (next === undefined || next.at >= wakesAt) return
    sleeper?.interruptUnsafe()
    wakesAt = next.at
    // It yields first: a clock may find that nothing is to be waited for, and the caller must have returned by then.
    sleeper = fork(
      Effect.yieldNow.pipe(
        Effect.andThen(Effect.suspend(() => clock.sleep(Duration.micros(BigInt(Math.max(0, next.at - now())))))),
        Effect.andThen(Effect.sync(drain))
      )
    )
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      timers.clear()
      sleeper?.interruptUnsafe()
    })
  )
  return {
    now,
    at: (micros, run) => {
      const timer = timers.push(Math.max(now(), Math.ceil(micros)), run)
      arm()
      return timer
    },
    set: (timer, micros) => {
      timers.set(timer, Math.max(now(), Math.ceil(micros)))
      arm()
    },
    cancel: (timer) => timers.remove(timer),
    soon: (run) => dispatcher.scheduleTask(() => guarded({ run }), 0)
  }
})

/** The simulation's own agenda in a simulation, else one over the `Clock` that is there. */
export const agenda: Effect.Effect<Agenda, never, Scope.Scope> = Effect.gen(function*() {
  return (yield* CurrentAgenda) ?? (yield* overClock)
})
