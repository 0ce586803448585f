/** What a law needs to run: a world of hosts, real or simulated. Each suite of `test/laws` is a function of one of these. */
import type { Context, Effect, Scope } from "effect"
import type { Address, Disk, Identity, PeerId, Transport } from "../../signatures/index.ts"

export interface Host {
  readonly peer: PeerId
  /** On which the host will listen and can be dialled; known before it listens. */
  readonly addresses: ReadonlyArray<Address>
  /** One transport: not listening yet, `Transport.listen` does that. */
  readonly services: Context.Context<Transport | Identity | Disk>
}

export interface World {
  readonly hosts: ReadonlyArray<Host>
  /** Loses every link between two hosts without a word at either end, as a pulled cable that is noticed at once. */
  readonly cut: (a: Host, b: Host) => Effect.Effect<void>
}

export interface RunOptions {
  /** Of this run alone. Backends that can't be seeded pass it over. */
  readonly seed?: number
}

export interface Backend {
  readonly name: string
  /** Virtual time: latencies are exact and a test may wait for simulated hours. Otherwise tests wait for events only. */
  readonly virtual: boolean
  /**
   * A round trip may take longer than a second. What is promised within a time, or for as long as a goodbye takes a second at
   * most, is then not looked at; and an opening may time out, of which the next one knows nothing. Default: false.
   */
  readonly isSlow?: boolean
  /**
   * What is on its way may be overtaken at length by what another stream sends later: then the order in which things arrive says
   * nothing of that in which they were sent. Default: false.
   */
  readonly overtakes?: boolean
  /** Runs a test to its end, in virtual or real time; rejects with the pretty-printed cause. */
  readonly run: <A, E>(test: Effect.Effect<A, E, Scope.Scope>, options?: RunOptions) => Promise<A>
  readonly world: (hosts: number) => Effect.Effect<World, never, Scope.Scope>
}
