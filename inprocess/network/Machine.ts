import { Context, Random } from "effect"
import { type Address, Disk, Identity, type PeerId, Transport } from "../../signatures/index.ts"
import { type Agenda, type KeyedRandom } from "../kernel/index.ts"
import { type Channel } from "./Channel.ts"
import { type KeyRing, type Keys, makeIdentity } from "./identity.ts"
import { Process } from "./Process.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { type Trace } from "./Trace.ts"

/** What the machines of a network share. */
export interface Wiring {
  readonly agenda: Agenda
  readonly random: KeyedRandom
  readonly splitting: number
  readonly trace: Trace
  readonly ring: KeyRing
  /** Who listens where, by addresses without a peer. */
  readonly listeners: Map<Address, Process>
  readonly channel: (from: Machine, to: Machine) => Channel
  /** By the IP or name in the address. */
  readonly machineOf: (address: Address) => Machine | undefined
  /** After which it is known that an address is nobody's, in microseconds. */
  readonly unreachableAfter: number
}

/** A machine: its place in the network, its disk, and the process that runs on it, if one does. */
export class Machine {
  readonly index: number
  readonly keys: Keys
  /** Where its dials come from. */
  readonly home: Address
  readonly addresses: ReadonlyArray<Address>
  readonly disk: SimulatedDisk
  process: Process | undefined
  /** Stopped, as by SIGSTOP: its links are up, and silent. */
  frozen = false
  readonly #wiring: Wiring
  readonly #sequence = { last: 0n }
  #ephemeralPort = 49_152
  #boots = 0
  #dialled = 0

  constructor(wiring: Wiring, index: number, keys: Keys, home: Address, addresses: ReadonlyArray<Address>) {
    this.#wiring = wiring
    this.index = index
    this.keys = keys
    this.home = home
    this.addresses = addresses
    this.disk = new SimulatedDisk(wiring.random(`disk/${index}`))
  }

  get peer(): PeerId {
    return this.keys.peer
  }

  /** A number for a link that it dialled. */
  nextLink(): number {
    return this.#dialled++
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
      Context.add(Identity, makeIdentity(this.keys, this.#wiring.ring, this.#sequence)),
      Context.add(Disk, this.disk.service(() => process.dead)),
      // So that what one host draws changes nothing for another.
      Context.add(Random.Random, this.#wiring.random(`host/${this.index}/${this.#boots++}`))
    )
  }
}
