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

const reached = Effect.fnUntraced(function*<W, E>(
  holds: NonNullable<Eventually<W>["holds"]>,
  world: W,
  programs: Programs<W, E>
) {
  while (true) {
    const answer = holds(world, programs.views)
    if (Effect.isEffect(answer) ? yield* answer : answer) return
    yield* Effect.sleep(pollEvery)
  }
})

const converge = <W, E>({ holds, within }: Eventually<W>, world: W, programs: Programs<W, E>, now: () => number) => {
  const tooLate = Effect.suspend(() => {
    const busy = programs.views.flatMap(({ hasEnded, index }) => hasEnded ? [] : [index])
    return Effect.die(new NotConverged(now(), micros(within), holds === undefined ? busy : undefined))
  })
  const converged = holds === undefined ? programs.allEnded : reached(holds, world, programs)
  return Effect.timeoutOrElse(converged, { duration: within, orElse: () => tooLate })
}

/** What befalls the hosts, to the end of the run. */
const script = Effect.fnUntraced(function*<W, E>(
  { duration, eventually, faults = [] }: SimulateOptions<W, E>,
  world: W,
  network: Network,
  programs: Programs<W, E>,
  recorder: Recorder,
  now: () => number
) {
  yield* programs.start
  yield* applyPlan(network, faults, programs)
  const left = duration === undefined ? 0 : micros(duration) - now()
  if (left > 0) yield* Effect.sleep(left / 1000)
  if (eventually !== undefined) {
    recorder.record({ _tag: "Healed", at: now() })
    yield* heal(network, programs)
    yield* converge(eventually, world, programs, now)
  } else if (duration === undefined) yield* programs.allEnded
})

// A generator function that is made for each run would leave garbage that only a full collection takes away: so it is made once.
const play = Effect.fnUntraced(function*<W, E>(
  options: SimulateOptions<W, E>,
  world: W,
  recorder: Recorder,
  begun: (programs: Programs<W, E>) => void
): Effect.fn.Return<void, E, Scope.Scope> {
  const { hosts: wanted, seed } = options
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
  const network = yield* makeNetwork({ ...options.network, seed, trace: recorder.hear })
  const hosts = yield* Effect.forEach(
    typeof wanted === "number" ? Array.from({ length: wanted }, () => ({})) : wanted,
    (host) => network.host(host)
  )
  for (const [index, { peer }] of hosts.entries()) recorder.know(peer, index)
  const programs = new Programs(options, world, hosts, recorder, now)
  begun(programs)
  yield* Effect.raceFirst(script(options, world, network, programs, recorder, now), Deferred.await(programs.failed))
})

/** Runs programs on simulated hosts, synchronously, and says what the run was like. */
export const simulate = <W, E>(options: SimulateOptions<W, E>): SimulationResult<E> => {
  const { deadline = "1 hour", invariant, leaks = "trap", seed } = options
  const recorder = new Recorder(options.trace ?? false)
  // Without a `world` its type is whatever nobody asks for.
  const world = options.world?.() as W
  let running: Programs<W, E> | undefined

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
  const main = play(options, world, recorder, (programs) => running = programs)
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
