/** What must hold of nodes, whatever befalls them. Each is a function of a number, from which all of a run follows. */
import { Effect } from "effect"
import { keyedRandom, type RandomStream, type Scenario } from "../../../inprocess/index.ts"
import { Faults, type FaultSource } from "../../../inprocess/testing/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { anyShape, nodeShape, pickOf, plainShape, type Shape } from "./shapes.ts"
import { town } from "./town.ts"
import { type World } from "./World.ts"

export interface Property {
  readonly name: string
  readonly scenario: (seed: number) => Scenario<World, never> & { readonly faults: FaultSource }
}

const randomOf = (seed: number): RandomStream => keyedRandom(seed)("property")

const seconds = (n: number) => n * 1_000

/** It is at no wrong place: it has its target, or nobody is left whom it could ask. */
const isSettled = ({ home, settledSince }: ChainWatch, forMillis: number): boolean =>
  settledSince !== undefined && home.now() - settledSince >= forMillis

/** Its own sessions, or else one with everybody there is: others may have been faster. */
const atTarget = (watch: ChainWatch): boolean => {
  const others = watch.home.world.homes.filter((home) => home !== watch.home && home.isAlive())
  return watch.stats.outbound >= watch.shape.sessionCount || watch.active().length >= others.length
}

/** Something that must hold at an instant of the run, and is looked at there only. */
const at = (scenario: Scenario<World, never>, millis: number, check: (world: World) => string | undefined) => ({
  ...scenario,
  program: (host, world) =>
    Effect.raceFirst(
      scenario.program(host, world),
      host.index !== 0 || host.boot > 0 ? Effect.never : Effect.gen(function*() {
        yield* Effect.sleep(millis)
        const wrong = check(world)
        if (wrong !== undefined) world.accuse(`after ${millis} ms`, wrong)
        return yield* Effect.never
      })
    )
} satisfies Scenario<World, never> as Scenario<World, never>)

const missing = (world: World): string | undefined => {
  const below = world.watches().filter((watch) => !atTarget(watch))
  return below.length === 0
    ? undefined
    : `not at the target: ${below.map(({ chain, home }) => `${chain.name} of host ${home.index}`).join(", ")}`
}

const disconnected = (world: World): string | undefined => {
  const chain = world.shape.chains.find((chain) => !world.isConnected(chain))
  return chain && `the graph of ${chain.name} is not connected`
}

/**
 * Whoever is drawn: hosts enough for the target, and few enough that two graphs have no room beside each other. What they say
 * is of no concern to who finds whom, and in minutes it would be most of what happens.
 */
const crowd = (random: RandomStream, least = 1, given: Partial<Shape> & { readonly chainCount?: number } = {}) => {
  const sessionCount = random.between(least, 3)
  const hosts = random.between(2 * sessionCount + 1, 4 * sessionCount + 2)
  const node = nodeShape({ sessionCount })
  return plainShape(hosts, { node, chainCount: random.between(1, 3), talks: "seldom", ...given })
}

const anything: Property = {
  name: "keep their invariants, whatever befalls them",
  scenario: (seed) => ({ ...town(anyShape(seed)), duration: "8 seconds", faults: Faults.any })
}

const recovery: Property = {
  name: "come to rest again once all is healed, and talk in every session",
  scenario: (seed) => {
    const drawn = anyShape(seed)
    // With fewer links than peers somebody asks for ever.
    const pool = drawn.pool.linger === undefined ? {} : { linger: drawn.pool.linger }
    const shape: Shape = { ...drawn, pool, comesAndGoes: false, accuser: undefined }
    const isCrowd = shape.hosts > 5
    // Of many for whom there are just slots enough somebody is always about to find one.
    const restMillis = isCrowd && shape.node.maxInbound <= shape.node.sessionCount ? 0 : 2_000
    // Of many who rotate as soon as they would be at rest, each is so at some time, and never all at once.
    const isRestless = isCrowd && shape.node.sessionTimeout <= restMillis
    const rested = new WeakSet<ChainWatch>()
    const isAtRest = (watch: ChainWatch): boolean => {
      if (!isSettled(watch, restMillis)) return isRestless && rested.has(watch)
      rested.add(watch)
      return true
    }
    return {
      ...town(shape),
      duration: "6 seconds",
      faults: Faults.any,
      // The longest back-off, twice: one that began just before the end of the faults, and one for a peer that is full.
      eventually: {
        within: "7 minutes",
        holds: (world) => {
          const watches = world.watches()
          return watches.length > 0 && watches.filter(isAtRest).length === watches.length && world.isTalking(5_000)
        }
      }
    }
  }
}

const accusation: Property = {
  name: "ban who broke the protocol, and nobody else",
  scenario: (seed) => {
    const random = randomOf(seed)
    const shape = plainShape(random.between(2, 5), {
      chainCount: random.between(1, 3),
      accuser: 0,
      talks: "anyhow",
      node: nodeShape({ sessionCount: 2, sessionTimeout: 2_000 })
    })
    return { ...town(shape), duration: "20 seconds", faults: Faults.among("reset", "crash", "restart") }
  }
}

const target: Property = {
  name: "reach their targets in 30 s, and again in 30 s after half of them vanish",
  scenario: (seed) => {
    const random = randomOf(seed)
    const sessionCount = random.between(1, 3)
    const left = random.between(2 * sessionCount + 1, 7)
    const hosts = left * 2
    const shape = plainShape(hosts, {
      node: nodeShape({ sessionCount }),
      startsAt: (host) => keyedRandom(seed)(`starts/${host}`).between(0, 1_000)
    })
    const vanishing = Array.from({ length: left }, (_, i) => `crash(${left + i},${random.between(0, 4_000)})@31000`)
    const first = at(town(shape), seconds(30), missing)
    return { ...at(first, seconds(61), missing), duration: "62 seconds", faults: Faults.exactly(vanishing.join(" ")) }
  }
}

const newcomer: Property = {
  name: "give a newcomer a session on each chain within 60 s, though all others are at their targets",
  scenario: (seed) => {
    const random = randomOf(seed)
    const shape = crowd(random)
    const last = shape.hosts - 1
    const late: Shape = { ...shape, startsAt: (host) => host === last ? seconds(30) : 0 }
    const unmet = (world: World) => {
      const alone = world.watches().find((watch) => watch.home.index === last && watch.active().length === 0)
      return alone && `the newcomer has no session on ${alone.chain.name}`
    }
    return { ...at(town(late), seconds(90), unmet), duration: "91 seconds", faults: Faults.none }
  }
}

const partition: Property = {
  name: "are one graph again within 3 rotations of the end of a partition",
  scenario: (seed) => {
    const random = randomOf(seed)
    // With a target of 1 those who wait for a newcomer's slot may find all others full.
    const shape = crowd(random, 2, { network: { jitter: random.between(0, 30) } })
    const rotating: Shape = { ...shape, node: nodeShape({ ...shape.node, sessionTimeout: seconds(30) }) }
    const side = Array.from({ length: random.between(1, shape.hosts) }, (_, i) => i)
    const end = seconds(random.between(10, 60))
    const plan = `partition(${side.join(",")})@${random.between(1_000, 5_000)} repair@${end}`
    // A rotation's jitter is 25 %.
    const by = end + 3 * seconds(30) * 1.25
    return {
      ...at(town(rotating), by, (world) => disconnected(world)),
      duration: by + 1_000,
      faults: Faults.exactly(plan)
    }
  }
}

const quiet: Property = {
  name: "do nothing when there is nothing to do",
  scenario: (seed) => {
    const random = randomOf(seed)
    const shape = crowd(random)
    const idle: Shape = {
      ...shape,
      talks: "silently",
      node: nodeShape({ ...shape.node, sessionTimeout: Infinity })
    }
    let before = 0
    const done = (world: World) =>
      world.homes.reduce(
        (sum, { chains, charges, dials }) =>
          sum + charges + dials + [...chains.values()].reduce((n, it) => n + it.events, 0),
        0
      )
    const settled = at(town(idle), seconds(60), (world) => {
      before = done(world)
      return missing(world)
    })
    const still = (world: World) => done(world) === before ? undefined : `${done(world) - before} things were done`
    return { ...at(settled, seconds(660), still), duration: "661 seconds", faults: Faults.none }
  }
}

const rotation: Property = {
  name: "rotate their sessions by a timer of its own for each",
  scenario: (seed) => {
    const random = randomOf(seed)
    const sessionTimeout = pickOf(random, [4_000, 6_000])
    const shape = crowd(random)
    const rotating: Shape = { ...shape, node: nodeShape({ ...shape.node, sessionTimeout }) }
    const unjittered = (world: World) => {
      const all = world.watches().flatMap(({ rotations }) => rotations)
      const [shortest, longest] = [Math.min(...all), Math.max(...all)]
      if (all.length < 10) return `${all.length} rotations in 40 s`
      if (shortest < 0.74 * sessionTimeout) return `a session was rotated after ${shortest} ms`
      if (longest > 1.26 * sessionTimeout + 1_100) return `a session was rotated after ${longest} ms`
      const early = all.filter((lasted) => lasted < 0.97 * sessionTimeout).length
      return early === 0 ? `of ${all.length} rotations none came early` : undefined
    }
    return { ...at(town(rotating), seconds(40), unjittered), duration: "41 seconds", faults: Faults.none }
  }
}

const isolation: Property = {
  name: "charge nobody when it is their own end that was cut off, and are back in 30 s",
  scenario: (seed) => {
    const random = randomOf(seed)
    const isShort = random.chance(0.5)
    const shape = plainShape(random.between(9, 11), {
      node: nodeShape({ sessionCount: 4 }),
      hasKnown: isShort ? random.chance(0.5) : random.chance(0.8)
    })
    const begin = seconds(random.between(5, 10))
    // Silence takes 12 s to tell, and a dial 5 s to fail. Those that fail while there is no link at all are what a suspicion of
    // ourselves comes from, once there are five: before that, the few that did are charged.
    const end = begin + random.between(seconds(isShort ? 11 : 20), seconds(isShort ? 16 : 40))
    const unforgiven = (world: World) => {
      const home = world.homes[0]
      const charged = home?.book.all().find(({ failures, peer }) => failures > (home.inVain.get(peer) ?? 0))
      return charged && isShort ? `host 0 was cut off, and charged ${home?.name(charged.peer)}` : undefined
    }
    const back = at(town(shape), end + seconds(30), (world) => {
      const home = world.homes[0]
      return home && [...home.chains.values()].every(atTarget) ? undefined : "host 0 is not back at its target"
    })
    return {
      ...at(back, end, unforgiven),
      duration: end + seconds(31),
      // Its known peer may be gone for good: then it is others who bring it back.
      faults: Faults.exactly(`partition(0)@${begin} ${isShort ? "" : `crash(1,0)@${begin} `}repair@${end}`)
    }
  }
}

const crossing: Property = {
  name: "settle on one of two links that crossed, and dial no third",
  scenario: (seed) => {
    const random = randomOf(seed)
    const shape = plainShape(random.between(2, 4), {
      chainCount: random.between(1, 4),
      node: nodeShape({ sessionCount: 1, sessionTimeout: Infinity }),
      network: { latency: random.between(1, 150), jitter: random.between(0, 60) },
      startsAt: () => 10
    })
    const unsettled = (world: World) => {
      const home = world.homes.find(({ dials, links }) =>
        dials > world.shape.hosts - 1 || [...links.values()].some((n) => n > 1)
      )
      return home &&
        `host ${home.index} dialled ${home.dials} times, and has ${[...home.links.values()].join(", ")} links`
    }
    return { ...at(town(shape), seconds(12), unsettled), duration: "13 seconds", faults: Faults.none }
  }
}

const impatience: Property = {
  name: "lose no message to whoever gives up waiting, in whatever instant",
  scenario: (seed) => {
    const random = randomOf(seed)
    // All is due in whole milliseconds: what arrives, and who gives up.
    const shape = plainShape(2, {
      node: nodeShape({ sessionCount: 1, window: random.chance(0.5) ? 2_000 : 64_000 }),
      network: { latency: 10, jitter: 0, splitting: 0 },
      talks: "impatiently"
    })
    return { ...town(shape), duration: "2 seconds", faults: Faults.none }
  }
}

export const properties: ReadonlyArray<Property> = [
  anything,
  recovery,
  accusation,
  target,
  newcomer,
  partition,
  quiet,
  rotation,
  isolation,
  crossing,
  impatience
]
