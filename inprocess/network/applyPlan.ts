import { Effect } from "effect"
import { type Fault, type FaultPlan } from "./Fault.ts"
import { printFault } from "./faultText.ts"
import { type Network, type SimulatedHost } from "./Network.ts"

/** What a plan's caller does where a plan does something to programs. */
export interface PlanHandlers<R = never> {
  /** The process was killed: its program is to be interrupted. */
  readonly onCrash: (index: number) => Effect.Effect<void, never, R>
  /** The host has a new process, on which its program is to be started. */
  readonly onRestart: (index: number, host: SimulatedHost) => Effect.Effect<void, never, R>
}

/**
 * Carries one fault out, now. Hosts are named by their index in `Network.hosts`; it dies if there is no such host. What
 * changes nothing (a crash of a host that is down, a repair of what is whole) is no error.
 */
export const applyFault = Effect.fnUntraced(function*<R>(
  network: Network,
  fault: Fault,
  handlers: PlanHandlers<R>
): Effect.fn.Return<void, never, R> {
  const hosts = yield* network.hosts
  const at = (index: number): SimulatedHost => {
    const host = hosts[index]
    if (host === undefined) throw new Error(`${printFault(fault)}: the network has ${hosts.length} hosts, from 0 on`)
    return host
  }
  const crash = (index: number, noticed: number) =>
    Effect.suspend(() =>
      network.isUp(at(index))
        ? Effect.andThen(network.kill(at(index), { noticedAfter: noticed }), handlers.onCrash(index))
        : Effect.void
    )
  yield* network.note(fault)
  switch (fault._tag) {
    case "partition":
      return yield* network.partition(fault.hosts.map(at))
    case "block":
      return yield* network.block(at(fault.from), at(fault.to))
    case "repair":
      return yield* network.heal
    case "hold":
      return yield* network.hold(at(fault.from), at(fault.to))
    case "release":
      return yield* network.release
    case "loss":
      return yield* network.setLoss(at(fault.from), at(fault.to), fault.percent / 100)
    case "latency":
      return yield* network.setLatency(at(fault.a), at(fault.b), fault.millis, fault.jitter)
    case "bandwidth":
      return yield* network.setBandwidth(at(fault.from), at(fault.to), fault.bytesPerSecond)
    case "reset":
      return yield* network.cut(at(fault.a), at(fault.b))
    case "resetStream":
      return yield* network.resetStream(at(fault.a), at(fault.b), fault.nth)
    case "slow":
      return yield* network.setReading(at(fault.host), fault.bytesPerSecond)
    case "crash":
      return yield* crash(fault.host, fault.noticed)
    case "restart": {
      yield* crash(fault.host, 0)
      return yield* handlers.onRestart(fault.host, yield* network.restart(at(fault.host)))
    }
    case "skew":
      return yield* network.setSkew(at(fault.host), fault.millis)
    case "step":
      return yield* network.stepClock(at(fault.host), fault.millis)
  }
})

/** Carries a plan out from now on, and completes with its last fault. */
export const applyPlan = Effect.fnUntraced(function*<R>(
  network: Network,
  plan: FaultPlan,
  handlers: PlanHandlers<R>
): Effect.fn.Return<void, never, R> {
  let now = 0
  for (const { at, fault } of plan.toSorted((a, b) => a.at - b.at)) {
    if (at > now) yield* Effect.sleep(at - now)
    now = Math.max(now, at)
    yield* applyFault(network, fault, handlers)
  }
})
