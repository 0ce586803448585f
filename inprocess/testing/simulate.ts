import { Cause, Clock, Deferred, Duration, Effect, Exit, type Scope } from "effect"
import { drawSchedule, type Schedule, simulate as runInKernel } from "../kernel/index.ts"
import { applyFault, applyPlan, type FaultPlan, makeNetwork, type Network } from "../network/index.ts"
import { InvariantBroken, NotConverged } from "./failures.ts"
import { Programs } from "./Programs.ts"
import { Recorder, type SimulationEvent, type TraceWindow } from "./Recorder.ts"
import { type Eventually, type Scenario } from "./Scenario.ts"

export interface SimulateOptions<W, E> extends Scenario<W, E> {
  readonly seed: number | string
  readonly faults?: FaultPlan
  /** Default: drawn from the seed. */
  readonly schedule?: Schedule
  /** Whether the result has the trace, or which part of it. Its hash it has in any case. Default: false. */
  readonly trace?: boolean | TraceWindow
}

/** All there is to say about a run. The same options give the same result, in any process. */
export interface SimulationResult<E> {
  readonly exit: Exit.Exit<void, E>
  /** Of all that happened, and how it ended. */
  readonly hash: string
  /** Virtual time at the end. */
  readonly micros: number
  readonly steps: number
  /** What the schedule decided, for `{ _tag: "Replay", choices }`. Undefined: nothing was open, or too much. */
  readonly choices: string | undefined
  /** Empty unless it was asked for. */
  readonly trace: ReadonlyArray<SimulationEvent>
}

const pollEvery = "10 millis"

const micros = (input: Duration.Input): number => Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(input)) * 1000)

/** All faults are over: who is down comes back, and nothing is in anybody's way. */
const heal = Effect.fnUntraced(function*<W, E>(network: Network, programs: Programs<W, E>) {
  yield* network.calm
  for (const host of yield* network.hosts) {
    const index = programs.views.findIndex(({ peer }) => peer === host.peer)
    if (!network.isUp(host)) yield* applyFault(network, { _tag: "restart", host: index }, programs)
  }
})

const converge = Effect.fnUntraced(function*<W, E>(
  { holds, within }: Eventually<W>,
  world: W,
  programs: Programs<W, E>,
  now: () => number
) {
  const polled = Effect.gen(function*() {
    while (true) {
      const answer = holds?.(world, programs.views) ?? false
      if (Effect.isEffect(answer) ? yield* answer : answer) return
      yield* Effect.sleep(pollEvery)
    }
  })
  const reached = holds === undefined ? programs.allEnded : polled
  const tooLate = Effect.suspend(() => {
    const busy = programs.views.flatMap(({ hasEnded, index }) => hasEnded ? [] : [index])
    return Effect.die(new NotConverged(now(), micros(within), holds === undefined ? busy : undefined))
  })
  yield* Effect.timeoutOrElse(reached, { duration: within, orElse: () => tooLate })
})

/** Runs programs on simulated hosts, synchronously, and says what the run was like. */
export const simulate = <W, E>(options: SimulateOptions<W, E>): SimulationResult<E> => {
  const { deadline = "1 hour", eventually, faults = [], invariant, leaks = "trap", seed } = options
  const recorder = new Recorder(options.trace ?? false)
  // Without a `world` its type is whatever nobody asks for.
  const world = options.world?.() as W
  let running: Programs<W, E> | undefined

  const main: Effect.Effect<void, E, Scope.Scope> = Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
    const network = yield* makeNetwork({ ...options.network, seed, trace: recorder.hear })
    const wanted = typeof options.hosts === "number" ? Array.from({ length: options.hosts }, () => ({})) : options.hosts
    const hosts = yield* Effect.forEach(wanted, (host) => network.host(host))
    for (const [index, { peer }] of hosts.entries()) recorder.know(peer, index)
    const programs = new Programs(options, world, hosts, recorder, now)
    running = programs
    const script = Effect.gen(function*() {
      yield* programs.start
      yield* applyPlan(network, faults, programs)
      const left = options.duration === undefined ? 0 : micros(options.duration) - now()
      if (left > 0) yield* Effect.sleep(left / 1000)
      if (eventually !== undefined) {
        recorder.record({ _tag: "Healed", at: now() })
        yield* heal(network, programs)
        yield* converge(eventually, world, programs, now)
      } else if (options.duration === undefined) yield* programs.allEnded
    })
    yield* Effect.raceFirst(script, Deferred.await(programs.failed))
  })

  const look = (at: number, steps: number) => {
    if (invariant === undefined || running === undefined) return
    let reason: unknown
    try {
      if (invariant(world, running.views) !== false) return
    } catch (error) {
      reason = error
    }
    throw new InvariantBroken(at, steps, reason)
  }
  const { realWaits, ...run } = runInKernel(Effect.scoped(main), {
    seed,
    schedule: options.schedule ?? drawSchedule(seed),
    deadline,
    leaks,
    ...options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps },
    ...invariant === undefined ? {} : { afterStep: look }
  })
  if (Exit.isFailure(run.exit)) {
    const error = Cause.squash(run.exit.cause)
    if (error instanceof NotConverged) error.blamed(realWaits())
  }
  recorder.add(`${run.exit._tag} after ${run.micros} and ${run.steps}`)
  return { ...run, hash: recorder.hash(), trace: recorder.events }
}
