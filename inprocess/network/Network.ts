import { type Context, type Duration, Effect, Random, type Scope } from "effect"
import {
  Address,
  addressFacts,
  type Disk,
  type Identity,
  type PeerId,
  type Transport,
  withoutPeer
} from "../../signatures/index.ts"
import { keyedRandom } from "../kernel/index.ts"
import { agenda } from "./agendaOverClock.ts"
import { Channel } from "./Channel.ts"
import { type Keys, makeKeys } from "./identity.ts"
import { Machine, type Wiring } from "./Machine.ts"
import { type HostName, type HostOptions, makeLatency, type NetworkOptions } from "./options.ts"
import { type Process } from "./Process.ts"
import { type SimulatedDisk } from "./SimulatedDisk.ts"

/** A host of the simulated network: everything that a program needs to run on it. */
export interface SimulatedHost extends HostName {
  /** The first of its addresses. One at which nothing ever listens, if it has none. */
  readonly address: Address
  /** On which it listens once `Transport.listen` is called. */
  readonly addresses: ReadonlyArray<Address>
  /** Of one process: after a `kill` they do nothing any more, and `restart` gives new ones. */
  readonly services: Context.Context<Transport | Identity | Disk>
  readonly disk: SimulatedDisk
}

/** A network inside the process, and what can befall it. Nothing here waits. */
export interface Network {
  readonly host: (options?: HostOptions) => Effect.Effect<SimulatedHost>
  /** Every link between two hosts is lost, without a word, at both ends at once. Any part of what was under way arrives. */
  readonly cut: (a: HostName, b: HostName) => Effect.Effect<void>
  /** Nothing passes between these hosts and all others, both ways. Links stay up, and silent; dials wait. */
  readonly partition: (side: ReadonlyArray<HostName>) => Effect.Effect<void>
  /** Nothing passes from one host to another; the way back stays as it is. */
  readonly block: (from: HostName, to: HostName) => Effect.Effect<void>
  /** Ends all partitions and blocks. What waited arrives a latency later. */
  readonly heal: Effect.Effect<void>
  /** As SIGSTOP: its links stay up, and silent. The program itself goes on, and nobody hears of it. */
  readonly freeze: (host: HostName) => Effect.Effect<void>
  readonly thaw: (host: HostName) => Effect.Effect<void>
  /**
   * As SIGKILL, or a power failure: others lose its links after `noticedAfter` (default: at once), dials are refused, its
   * disk keeps what was synced. Its services never call back or complete: interrupt the program that uses them.
   */
  readonly kill: (host: HostName, options?: { readonly noticedAfter?: Duration.Input }) => Effect.Effect<void>
  /** A new process on the machine: the same peer, addresses and disk. A process that still ran is killed. */
  readonly restart: (host: HostName) => Effect.Effect<SimulatedHost>
  /** Of packets between two hosts, both ways, from now on. */
  readonly setLatency: (
    a: HostName,
    b: HostName,
    latency: Duration.Input,
    jitter?: Duration.Input
  ) => Effect.Effect<void>
  /** Links that are up, or coming up, at a host. */
  readonly linkCount: (host: HostName) => number
}

const defaultAddress = (index: number): string => `/ip4/20.${(index >>> 8) & 255}.${index & 255}.1/tcp/4001`

export const makeNetwork = Effect.fnUntraced(function*(
  options: NetworkOptions = {}
): Effect.fn.Return<Network, never, Scope.Scope> {
  const random = keyedRandom(options.seed ?? (yield* Random.nextInt))
  const time = yield* agenda
  const latency = makeLatency(options.latency ?? "10 millis", options.jitter ?? "2 millis")
  const machines = new Map<PeerId, Machine>()
  const byHost = new Map<string, Machine>()
  const channels = new Map<string, Channel>()
  /** Pairs of machines, by index, between which nothing passes. */
  const blocked = new Set<string>()

  const pair = (from: Machine, to: Machine) => `${from.index}/${to.index}`
  const wiring: Wiring = {
    agenda: time,
    random,
    splitting: options.splitting ?? 0.1,
    trace: options.trace ?? (() => undefined),
    ring: new Map<PeerId, Keys>(),
    listeners: new Map<Address, Process>(),
    channel: (from, to) => {
      const key = pair(from, to)
      const known = channels.get(key)
      if (known !== undefined) return known
      const isBlocked = () => from.frozen || to.frozen || blocked.has(key)
      const made = new Channel(time, random(`channel/${key}`), latency, isBlocked)
      channels.set(key, made)
      return made
    },
    machineOf: (address) => byHost.get(addressFacts(address).host),
    unreachableAfter: 2 * latency.base
  }

  const machineOf = (host: HostName): Machine => {
    const machine = machines.get(host.peer)
    if (machine === undefined) throw new Error(`no host of this network: ${host.peer}`)
    return machine
  }
  const boot = (machine: Machine): SimulatedHost => ({
    peer: machine.peer,
    address: machine.home,
    addresses: machine.addresses,
    services: machine.boot(),
    disk: machine.disk
  })
  const release = () => {
    for (const channel of channels.values()) channel.release()
  }
  const kill = (machine: Machine, noticedAfter: Duration.Input) => {
    const process = machine.process
    if (process === undefined || process.dead) return
    const at = time.now() + makeLatency(noticedAfter, 0).base
    const links = Array.from(process.links)
    process.die()
    machine.disk.crash()
    time.at(at, () => links.forEach((link) => link.vanish()))
  }

  return {
    host: (hostOptions = {}) =>
      Effect.sync(() => {
        const index = machines.size
        const keys = makeKeys(random(`keys/${index}`))
        const home = Address.make(defaultAddress(index))
        const addresses = hostOptions.addresses?.map((text) => withoutPeer(Address.make(text))) ?? [home]
        const machine = new Machine(wiring, index, keys, addresses[0] ?? home, addresses)
        machines.set(keys.peer, machine)
        wiring.ring.set(keys.peer, keys)
        for (const address of addresses) byHost.set(addressFacts(address).host, machine)
        return boot(machine)
      }),
    cut: (a, b) =>
      Effect.sync(() => {
        const links = Array.from(machineOf(a).process?.links ?? []).filter((link) => link.peer === b.peer)
        time.at(0, () => links.forEach((link) => link.lose()))
      }),
    partition: (side) =>
      Effect.sync(() => {
        const inside = new Set(side.map(machineOf))
        for (const one of inside) {
          for (const other of machines.values()) {
            if (!inside.has(other)) blocked.add(pair(one, other)).add(pair(other, one))
          }
        }
      }),
    block: (from, to) => Effect.sync(() => void blocked.add(pair(machineOf(from), machineOf(to)))),
    heal: Effect.sync(() => {
      blocked.clear()
      release()
    }),
    freeze: (host) => Effect.sync(() => void (machineOf(host).frozen = true)),
    thaw: (host) =>
      Effect.sync(() => {
        machineOf(host).frozen = false
        release()
      }),
    kill: (host, killOptions = {}) => Effect.sync(() => kill(machineOf(host), killOptions.noticedAfter ?? "0 millis")),
    restart: (host) =>
      Effect.sync(() => {
        const machine = machineOf(host)
        kill(machine, 0)
        machine.frozen = false
        release()
        return boot(machine)
      }),
    setLatency: (a, b, base, jitter = 0) =>
      Effect.sync(() => {
        const [one, other] = [machineOf(a), machineOf(b)]
        wiring.channel(one, other).latency = makeLatency(base, jitter)
        wiring.channel(other, one).latency = makeLatency(base, jitter)
      }),
    linkCount: (host) => machineOf(host).process?.links.size ?? 0
  }
})
