import { Clock, type Context, type Duration, Effect, Random, type Scope } from "effect"
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
import { Channel, type Conditions } from "./Channel.ts"
import { type Fault } from "./Fault.ts"
import { KeyRing, makeKeys } from "./identity.ts"
import { Key, Purpose } from "./Key.ts"
import { Machine, type Wiring } from "./Machine.ts"
import { Obstacles } from "./Obstacles.ts"
import {
  boundLoss,
  boundRate,
  type HostName,
  type HostOptions,
  makeConditions,
  makeLatency,
  micros,
  type NetworkOptions
} from "./options.ts"
import { type Process } from "./Process.ts"
import { type SimulatedDisk } from "./SimulatedDisk.ts"
import { type SimulatedLink } from "./SimulatedLink.ts"

/** A host of the simulated network: everything that a program needs to run on it. */
export interface SimulatedHost extends HostName {
  /** The first of its addresses. One at which nothing ever listens, if it has none. */
  readonly address: Address
  /** On which it listens once `Transport.listen` is called. */
  readonly addresses: ReadonlyArray<Address>
  /**
   * Of one process: after a `kill` they do nothing any more, and `restart` gives new ones. `Clock` and `Random` of the host
   * come with them.
   */
  readonly services: Context.Context<Transport | Identity | Disk>
  readonly disk: SimulatedDisk
}

/** A network inside the process, and what can befall it. Nothing here waits. */
export interface Network {
  readonly host: (options?: HostOptions) => Effect.Effect<SimulatedHost>
  /** In the order in which they were made; of each its latest process. */
  readonly hosts: Effect.Effect<ReadonlyArray<SimulatedHost>>
  /**
   * Every link between two hosts is lost, without a word, at both ends. Any part of what was under way still arrives, when
   * it would have; an end notices once it has.
   */
  readonly cut: (a: HostName, b: HostName) => Effect.Effect<void>
  /** One of the streams between two hosts is lost: the n-th in the order in which they began, counting round. */
  readonly resetStream: (a: HostName, b: HostName, nth: number) => Effect.Effect<void>
  /** Nothing passes between these hosts and all others, both ways. Links stay up, and silent; dials wait. */
  readonly partition: (side: ReadonlyArray<HostName>) => Effect.Effect<void>
  /** Nothing passes from one host to another; the way back stays as it is. */
  readonly block: (from: HostName, to: HostName) => Effect.Effect<void>
  /**
   * Ends all partitions and blocks. Senders try to get through ever more rarely: so what waited comes as much later as the
   * partition was long, or sooner, and at most 3 s.
   */
  readonly heal: Effect.Effect<void>
  /** What goes from one host to another waits on the way. */
  readonly hold: (from: HostName, to: HostName) => Effect.Effect<void>
  /** Of all that is held: it arrives in order, a latency later. */
  readonly release: Effect.Effect<void>
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
  readonly isUp: (host: HostName) => boolean
  /** Of packets between two hosts, both ways, from now on. */
  readonly setLatency: (
    a: HostName,
    b: HostName,
    latency: Duration.Input,
    jitter?: Duration.Input
  ) => Effect.Effect<void>
  /** The chance that a packet from one host to another is lost, and comes later therefore: 0 to 0.9. */
  readonly setLoss: (from: HostName, to: HostName, loss: number) => Effect.Effect<void>
  /** Bytes per second from one host to another, shared by the streams between them. Without: no limit. */
  readonly setBandwidth: (from: HostName, to: HostName, bytesPerSecond?: number) => Effect.Effect<void>
  /** Bytes per second that the host's process reads, all of its streams together. Without: no limit. */
  readonly setReading: (host: HostName, bytesPerSecond?: number) => Effect.Effect<void>
  /** By so many milliseconds its wall clock is ahead from now on. */
  readonly setSkew: (host: HostName, millis: number) => Effect.Effect<void>
  /** Its wall clock jumps by so many milliseconds, either way. Its monotonic time never does. */
  readonly stepClock: (host: HostName, millis: number) => Effect.Effect<void>
  /** Ends all hardships but those of clocks, and of hosts that were killed: the network is again as it was made. */
  readonly calm: Effect.Effect<void>
  /** Links that are up, or coming up, at a host. */
  readonly linkCount: (host: HostName) => number
  /** Puts a fault into the trace: that it befalls the network is the caller's business. */
  readonly note: (fault: Fault) => Effect.Effect<void>
}

const defaultAddress = (index: number): string => `/ip4/20.${(index >>> 8) & 255}.${index & 255}.1/tcp/4001`

export const makeNetwork = Effect.fnUntraced(function*(
  options: NetworkOptions = {}
): Effect.fn.Return<Network, never, Scope.Scope> {
  const random = keyedRandom(options.seed ?? (yield* Random.nextInt))
  const time = yield* agenda
  const key = Key.make(random("network"))
  const usual = makeConditions(options)
  const machines: Array<Machine> = []
  const byPeer = new Map<PeerId, Machine>()
  const byHost = new Map<string, Machine>()
  const hosts: Array<SimulatedHost> = []
  const obstacles = new Obstacles()

  const wiring: Wiring = {
    agenda: time,
    random,
    key,
    clock: yield* Clock.Clock,
    splitting: options.splitting ?? 0.1,
    buffer: Math.max(1, options.buffer ?? 256 * 1024),
    trace: options.trace,
    ring: new KeyRing(),
    listeners: new Map<Address, Process>(),
    channel: (from, to) => {
      const known = from.channels.get(to.index)
      if (known !== undefined) return known
      const made = new Channel({
        agenda: time,
        key: key.child(Purpose.channel, from.index).child(Purpose.channel, to.index),
        conditions: usual,
        obstacles,
        from,
        to
      })
      from.channels.set(to.index, made)
      return made
    },
    machineOf: (address) => byHost.get(addressFacts(address).host),
    unreachableAfter: 2 * usual.latency.base
  }

  const machineOf = (host: HostName): Machine => {
    const machine = byPeer.get(host.peer)
    if (machine === undefined) throw new Error(`no host of this network: ${host.peer}`)
    return machine
  }
  const boot = (machine: Machine): SimulatedHost => {
    const host = {
      peer: machine.peer,
      address: machine.home,
      addresses: machine.addresses,
      services: machine.boot(),
      disk: machine.disk
    }
    hosts[machine.index] = host
    return host
  }
  const eachChannel = (use: (channel: Channel) => void) => {
    for (const machine of machines) for (const channel of machine.channels.values()) use(channel)
  }
  const release = () => eachChannel((channel) => channel.release())
  const change = (from: HostName, to: HostName, conditions: Partial<Conditions>) => {
    const channel = wiring.channel(machineOf(from), machineOf(to))
    channel.conditions = { ...channel.conditions, ...conditions }
  }
  const linksBetween = (a: HostName, b: HostName): ReadonlyArray<SimulatedLink> =>
    Array.from(machineOf(a).process?.links ?? []).filter((link) => link.peer === b.peer)
  const kill = (machine: Machine, noticedAfter: Duration.Input) => {
    const process = machine.process
    if (process === undefined || process.dead) return
    const at = time.now() + micros(noticedAfter)
    const links = Array.from(process.links)
    process.die()
    machine.disk.crash()
    time.at(at, () => links.forEach((link) => link.vanish()))
  }

  return {
    host: (hostOptions = {}) =>
      Effect.sync(() => {
        const index = machines.length
        const keys = makeKeys(random(`keys/${index}`))
        const home = Address.make(defaultAddress(index))
        const addresses = hostOptions.addresses?.map((text) => withoutPeer(Address.make(text))) ?? [home]
        const machine = new Machine(wiring, {
          index,
          keys,
          home: addresses[0] ?? home,
          addresses,
          aheadMillis: Math.round(hostOptions.skew ?? 0),
          drift: hostOptions.drift ?? 0
        })
        machine.setReading(boundRate(hostOptions.reads))
        machines.push(machine)
        byPeer.set(keys.peer, machine)
        wiring.ring.add(keys)
        for (const address of addresses) byHost.set(addressFacts(address).host, machine)
        return boot(machine)
      }),
    hosts: Effect.sync(() => hosts.slice()),
    cut: (a, b) =>
      Effect.sync(() => {
        const links = linksBetween(a, b)
        time.at(0, () => links.forEach((link) => link.lose()))
      }),
    resetStream: (a, b, nth) =>
      Effect.sync(() =>
        void time.at(0, () => {
          const streams = linksBetween(a, b).flatMap((link) => Array.from(link.streams()))
          streams[nth % streams.length]?.reset()
        })
      ),
    partition: (side) =>
      Effect.sync(() => {
        const inside = new Set(side.map(machineOf))
        for (const one of inside) {
          for (const other of machines) {
            if (inside.has(other)) continue
            obstacles.add("partition", one, other)
            obstacles.add("partition", other, one)
          }
        }
      }),
    block: (from, to) => Effect.sync(() => obstacles.add("partition", machineOf(from), machineOf(to))),
    heal: Effect.sync(() => {
      obstacles.clear("partition")
      release()
    }),
    hold: (from, to) => Effect.sync(() => obstacles.add("hold", machineOf(from), machineOf(to))),
    release: Effect.sync(() => {
      obstacles.clear("hold")
      release()
    }),
    freeze: (host) => Effect.sync(() => void (machineOf(host).frozen = true)),
    thaw: (host) =>
      Effect.sync(() => {
        machineOf(host).frozen = false
        release()
      }),
    kill: (host, killOptions = {}) => Effect.sync(() => kill(machineOf(host), killOptions.noticedAfter ?? 0)),
    restart: (host) =>
      Effect.sync(() => {
        const machine = machineOf(host)
        kill(machine, 0)
        machine.frozen = false
        release()
        return boot(machine)
      }),
    isUp: (host) => machineOf(host).isUp,
    setLatency: (a, b, base, jitter = 0) =>
      Effect.sync(() => {
        const latency = makeLatency(base, jitter)
        change(a, b, { latency })
        change(b, a, { latency })
      }),
    setLoss: (from, to, loss) => Effect.sync(() => change(from, to, { loss: boundLoss(loss) })),
    setBandwidth: (from, to, bytesPerSecond) =>
      Effect.sync(() => change(from, to, { bandwidth: boundRate(bytesPerSecond) })),
    setReading: (host, bytesPerSecond) => Effect.sync(() => machineOf(host).setReading(boundRate(bytesPerSecond))),
    setSkew: (host, millis) => Effect.sync(() => void (machineOf(host).wall.aheadMillis = Math.round(millis))),
    stepClock: (host, millis) => Effect.sync(() => void (machineOf(host).wall.aheadMillis += Math.round(millis))),
    calm: Effect.sync(() => {
      obstacles.clear("partition")
      obstacles.clear("hold")
      for (const machine of machines) {
        machine.frozen = false
        machine.setReading(Infinity)
      }
      eachChannel((channel) => {
        channel.conditions = usual
        channel.release()
      })
    }),
    linkCount: (host) => machineOf(host).process?.links.size ?? 0,
    note: (fault) => Effect.sync(() => options.trace?.({ _tag: "Fault", at: time.now(), fault }))
  }
})
