import { type Duration, type Effect, type Scope } from "effect"
import {
  type Address,
  type ConnectionPool,
  type Connections,
  type Control,
  type Disk,
  type Identity,
  type PeerBook,
  type PeerId,
  type Transport
} from "../../signatures/index.ts"
import { type PeerExchangeOptions } from "../../src/peers/index.ts"
import { type ConnectionPoolOptions } from "../../src/pool/index.ts"
import { type HostOptions, type NetworkOptions } from "../network/index.ts"

/** What a program may use: all that `p2pNode` needs, and what lies below. Time and randomness are the host's. */
export type HostServices =
  | Transport
  | Identity
  | Disk
  | Connections
  | ConnectionPool
  | PeerBook
  | Control
  | Scope.Scope

/** The host on which a program runs. */
export interface ProgramHost {
  readonly index: number
  readonly peer: PeerId
  /** 0 at first, and one more after each restart. */
  readonly boot: number
  /** All hosts of the run, this one included. */
  readonly hosts: ReadonlyArray<{ readonly peer: PeerId; readonly addresses: ReadonlyArray<Address> }>
  /**
   * False once this process has crashed. What then still runs of it, on its way out, reaches no other host and no disk, but
   * it could still write into the world: it must not.
   */
  readonly isAlive: () => boolean
  /** Puts a line into the trace, and so into the hash of the run. */
  readonly note: (text: string) => void
}

/** What invariants see of a host, beside the world. */
export interface HostView {
  readonly index: number
  readonly peer: PeerId
  readonly boot: number
  /** Its process runs. */
  readonly isUp: boolean
  /** Its program has come to its end. */
  readonly hasEnded: boolean
}

/** What must come once all faults are over: all hosts are up again, and nothing is in their way. */
export interface Eventually<W> {
  /** Of virtual time. */
  readonly within: Duration.Input
  /** Asked every 10 ms. Default: all programs have ended. */
  readonly holds?: ((world: W, hosts: ReadonlyArray<HostView>) => boolean | Effect.Effect<boolean>) | undefined
}

/** `within("30 seconds")`: all programs end in time. With a condition, whose parameter must be given a type: it holds in time. */
export const within = <W = unknown>(
  time: Duration.Input,
  holds?: (world: W, hosts: ReadonlyArray<HostView>) => boolean | Effect.Effect<boolean>
): Eventually<W> => ({ within: time, holds })

/** Programs on hosts, and what must hold of them. The same scenario serves any number of runs. */
export interface Scenario<W = unknown, E = unknown> {
  /** How many, or what each is like. */
  readonly hosts: number | ReadonlyArray<HostOptions>
  /** Made anew for each run: where programs write down what invariants read. Outlives crashes. */
  readonly world?: () => W
  /**
   * Runs on each host, and again from its beginning after a restart, with the disk as it was persisted. A crash interrupts it.
   * If it fails, the run fails.
   */
  readonly program: (host: ProgramHost, world: W) => Effect.Effect<unknown, E, HostServices>
  /** Must hold after every step: throws, or answers false. Has to be cheap, as steps are many. */
  readonly invariant?: (world: W, hosts: ReadonlyArray<HostView>) => void | boolean
  readonly eventually?: Eventually<W>
  /**
   * What a host has. `links`: only `Transport`, `Identity` and `Disk`, for protocols that are not sessions of nodes: such hosts
   * start much sooner, and a program that asks for more dies. Default: all of `HostServices`.
   */
  readonly services?: "all" | "links"
  /**
   * How long faults may befall the network, and how long a run lasts without `eventually`. Default: until the last fault, and
   * without `eventually` until all programs have ended.
   */
  readonly duration?: Duration.Input
  /** Whom a host knows from the beginning, by index. Default: all others. */
  readonly knows?: (index: number) => ReadonlyArray<number>
  readonly network?: Omit<NetworkOptions, "seed" | "trace">
  readonly pool?: ConnectionPoolOptions
  /**
   * How peers learn of each other. By default others are told of a peer only after five minutes, so a network that starts from
   * nothing may want less.
   */
  readonly exchange?: PeerExchangeOptions
  /** Of virtual time, for the whole run. Default: 1 hour. */
  readonly deadline?: Duration.Input
  /** After so many steps a run is given up: it goes round in circles. Default: 10 million. */
  readonly maxSteps?: number
  /** See `RunOptions`. Default: trap. */
  readonly leaks?: "trap" | "virtual" | "allow"
}
