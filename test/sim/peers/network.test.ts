/** What is taken for our own fault, and what is not, in whole processes on the simulated network. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Network, SimulatedHost } from "../../../inprocess/index.ts"
import type { NodeEvent, P2pNode, P2pSession } from "../../../signatures/index.ts"
import { alpha, type Process, process } from "../../laws/nodes.ts"
import { inprocessBackend } from "../../support/inprocess.ts"

const inprocess = inprocessBackend(2)
const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))
const sessionCount = 3

interface Resident {
  readonly host: SimulatedHost
  readonly process: Process
  readonly node: P2pNode
  readonly events: Array<NodeEvent>
}

/** Processes that all know each other from the beginning. */
const populate = Effect.fnUntraced(function*(hosts: ReadonlyArray<SimulatedHost>) {
  const residents: Array<Resident> = []
  for (const host of hosts) {
    const made = yield* process(host, hosts.filter((other) => other !== host))
    const node = yield* made.node({ chain: alpha, sessionCount }, idle)
    const events: Array<NodeEvent> = []
    yield* Stream.runForEach(node.events, (event) => Effect.sync(() => events.push(event))).pipe(
      Effect.forkScoped({ startImmediately: true })
    )
    residents.push({ host, process: made, node, events })
  }
  yield* Effect.sleep("30 seconds")
  return residents
})

/** Hosts of one private network: their addresses have no group, so each counts by itself. */
const neighbours = (network: Network, count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    (_, n) => network.host({ addresses: [`/ip4/10.0.0.${n + 1}/tcp/7400`] })
  )

const killAll = (network: Network, residents: ReadonlyArray<Resident>) =>
  Effect.forEach(residents, ({ host }) => network.kill(host))

const suspicious = (residents: ReadonlyArray<Resident>) =>
  residents.filter(({ process: { book } }) => book.suspectsItself()).length

/** When a node began to open a session with a peer, in milliseconds. */
const openings = ({ events }: Resident, { host: { peer } }: Resident): ReadonlyArray<number> =>
  events.flatMap((event) =>
    event._tag === "Transition" && event.to === "Opening" && event.peer === peer ? [event.at] : []
  )

/** Each of these is linked to all others, and the only peers left to ask are dead. */
const endure = Effect.fnUntraced(function*(survivors: ReadonlyArray<Resident>, dead: ReadonlyArray<Resident>) {
  for (const { events } of survivors) events.length = 0
  for (let second = 0; second < 30; second++) {
    yield* Effect.sleep("1 second")
    assert.strictEqual(suspicious(survivors), 0)
  }
  for (const { node } of survivors) assert.isTrue((yield* node.stats).atTarget)
  yield* Effect.sleep("5 minutes")
  assert.strictEqual(suspicious(survivors), 0)
  for (const survivor of survivors) {
    for (const gone of dead) {
      const times = openings(survivor, gone)
      // Nobody tells a test how often it was charged before: at least as often as it was tried since.
      const least = times.slice(1).map((_, i) => 4_000 * 2 ** Math.min(i, 5))
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at))
      assert.isTrue(gaps.every((gap, i) => gap >= (least[i] ?? 0)), `${gaps.join(", ")} ms between two tries`)
    }
  }
})

describe("survivors that are linked to each other, and know nobody else but the dead", () => {
  it("come back to their targets within 30 seconds, and try the dead no more often than the back-off allows", () =>
    inprocess.run(
      Effect.gen(function*() {
        const { hosts, network } = yield* inprocess.world(12)
        const residents = yield* populate(hosts)
        const [dead, survivors] = [residents.slice(0, 6), residents.slice(6)]
        yield* killAll(network, dead)
        yield* endure(survivors, dead)
      }),
      { seed: 9 }
    ))

  it("do so too when there are only two of them", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(8)
      const residents = yield* populate(hosts)
      const [first, ...others] = residents
      const partner = others.find(({ host }) => first?.process.links().has(host.peer))
      if (first === undefined || partner === undefined) return assert.fail("a host that is linked to another")
      const dead = others.filter((other) => other !== partner)
      yield* killAll(network, dead)
      yield* endure([first, partner], dead)
    })))

  it("do so too in a private network", () =>
    inprocess.run(Effect.gen(function*() {
      const { network } = yield* inprocess.world(0)
      const residents = yield* populate(yield* neighbours(network, 12))
      const [dead, survivors] = [residents.slice(0, 6), residents.slice(6)]
      yield* killAll(network, dead)
      yield* endure(survivors, dead)
    })))
})

describe("six of seven in a private network", () => {
  it("don't suspect themselves when the seventh is killed", () =>
    inprocess.run(Effect.gen(function*() {
      const { network } = yield* inprocess.world(0)
      const residents = yield* populate(yield* neighbours(network, 7))
      const [dead, survivors] = [residents.slice(0, 1), residents.slice(1)]
      yield* killAll(network, dead)
      yield* endure(survivors, dead)
    })))
})

/** For how long at a time a node was below its target, in milliseconds. */
const shortfalls = ({ events }: Resident): ReadonlyArray<number> => {
  let below: number | undefined
  return events.flatMap((event) => {
    if (event._tag === "BelowTarget") below = event.at
    if (event._tag !== "TargetReached" || below === undefined) return []
    const lasted = event.at - below
    below = undefined
    return [lasted]
  })
}

describe("five of six in a private network", () => {
  it("are at their targets without the sixth within 13 seconds after it stood still, and ask it for no longer than a dial may take", () =>
    inprocess.run(Effect.gen(function*() {
      const { network } = yield* inprocess.world(0)
      const [still, ...others] = yield* populate(yield* neighbours(network, 6))
      if (still === undefined) return assert.fail("six hosts")
      yield* network.freeze(still.host)
      // The first to find out may ask again before the last has.
      const replaced = new Set<Resident>()
      for (let look = 0; look < 130; look++) {
        yield* Effect.sleep("100 millis")
        for (const other of others) {
          const { node, process: { links } } = other
          if (!links().has(still.host.peer) && (yield* node.stats).atTarget) replaced.add(other)
        }
      }
      assert.strictEqual(replaced.size, 5)
      for (const { events } of others) events.length = 0
      yield* Effect.sleep("3 minutes")
      const lasted = others.flatMap(shortfalls)
      assert.isNotEmpty(lasted)
      // The dial of the frozen host, and then that of whoever is asked instead: four ways of at most 12 ms and a hello.
      assert.isAtMost(Math.max(...lasted), 5_060)
    })))
})

describe("a host whose network fails", () => {
  it("is at its target again within 30 seconds of its return", () =>
    inprocess.run(Effect.gen(function*() {
      const { hosts, network } = yield* inprocess.world(9)
      const [alone] = yield* populate(hosts)
      if (alone === undefined) return assert.fail("nine hosts")
      yield* network.partition([alone.host])
      yield* Effect.sleep("3 minutes")
      assert.strictEqual(alone.process.links().size, 0)
      yield* network.heal
      yield* Effect.sleep("30 seconds")
      assert.isTrue((yield* alone.node.stats).atTarget)
      assert.isAtLeast((yield* alone.node.stats).outbound, 1)
    })))
})
