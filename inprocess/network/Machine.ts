import { Clock, Context, Random } from "effect"
import { type Address, Disk, Identity, type PeerId, Transport } from "../../signatures/index.ts"
import { type KeyedRandom } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { hostClock, type WallClock } from "./hostClock.ts"
import { type KeyRing, type Keys, makeIdentity } from "./identity.ts"
import { type Key, Purpose } from "./Key.ts"
import { Pace } from "./Pace.ts"
import { Process } from "./Process.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { type LinkSetting } from "./SimulatedLink.ts"

/** What the machines of a network share. */
export interface Wiring extends LinkSetting {
  readonly random: KeyedRandom
  /** All that the network draws goes by it. */
  readonly key: Key
  readonly clock: Clock.Clock
  readonly ring: KeyRing
  /** Who listens where, by addresses without a peer. */
  readonly listeners: Map<Address, Process>
  readonly channel: (from: Machine, to: Machine) => Channel
  /** By the IP or name in the address. */
  readonly machineOf: (address: Address) => Machine | undefined
  /** After which it is known that an address is nobody's, in microseconds. */
  readonly unreachableAfter: number
}

export interface MachineParts {
  readonly index: number
  readonly keys: Keys
  /** Where its dials come from. */
  readonly home: Address
  readonly addresses: ReadonlyArray<Address>
  readonly aheadMillis: number
  readonly drift: number
}

/** A machine: its place in the network, its clock and disk, and the process that runs on it, if one does. */
export class Machine {
  readonly index: number
  readonly home: Address
  readonly addresses: ReadonlyArray<Address>
  readonly disk: SimulatedDisk
  readonly wall: WallClock
  /** To other machines, by their index. */
  readonly channels = new Map<number, Channel>()
  process: Process | undefined
  /** Stopped, as by SIGSTOP: its links are up, and silent. */
  frozen = false
  readonly #wiring: Wiring
  readonly #keys: Keys
  readonly #clock: Clock.Clock
  readonly #sequence = { last: 0n }
  #pace: Pace | undefined
  #ephemeralPort = 49_152
  #boots = 0

  constructor(wiring: Wiring, parts: MachineParts) {
    this.index = parts.index
    this.home = parts.home
    this.addresses = parts.addresses
    this.disk = new SimulatedDisk(wiring.key.child(Purpose.disk, parts.index))
    this.wall = { aheadMillis: parts.aheadMillis }
    this.#wiring = wiring
    this.#keys = parts.keys
    this.#clock = hostClock(wiring.clock, this.wall, parts.drift)
  }

  get peer(): PeerId {
    return this.#keys.peer
  }

  get isUp(): boolean {
    return this.process?.dead === false
  }

  /** How its processes read, while they read slowly. */
  get reading(): Pace | undefined {
    return this.#pace?.isLimited === true ? this.#pace : undefined
  }

  setReading(bytesPerSecond: number): void {
    if (bytesPerSecond < Infinity) this.#pace ??= new Pace(this.#wiring.agenda, bytesPerSecond)
    this.#pace?.setRate(bytesPerSecond)
  }

  /** From where a dial comes: never an address to dial. */
  nextEphemeral(): Address {
    const port = this.#ephemeralPort
    this.#ephemeralPort = port === 65_535 ? 49_152 : port + 1
    return this.home.replace(/\/(tcp|udp)\/\d+/, `/$1/${port}`) as Address
  }

  /** Starts a process, and gives it what it may use of the machine. */
  boot(): Context.Context<Transport | Identity | Disk> {
    const process = new Process(this.#wiring, this)
    this.process = process
    return Context.make(Transport, process.transport).pipe(
      Context.add(Identity, makeIdentity(this.#keys, this.#wiring.ring, this.#sequence)),
      Context.add(Disk, this.disk.service(() => process.dead)),
      Context.add(Clock.Clock, this.#clock),
      // So that what one host draws changes nothing for another.
      Context.add(Random.Random, this.#wiring.random(`host/${this.index}/${this.#boots++}`))
    )
  }
}
