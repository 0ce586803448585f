/** What a network of a run is like, drawn from a number: how many hosts, which chains, how they are configured. */
import { type Duration } from "effect"
import { keyedRandom, type NetworkOptions, type RandomStream } from "../../../inprocess/index.ts"
import { type Chain, type P2pNodeConfig, type PeerId } from "../../../signatures/index.ts"
import { type ConnectionPoolOptions } from "../../../src/pool/index.ts"

/** What a node was told, with the defaults filled in as `signatures/NodeConfig.ts` gives them. Times in milliseconds. */
export interface NodeShape {
  readonly sessionCount: number
  readonly maxInbound: number
  readonly maxTotal: number
  readonly newcomerSlots: number
  readonly groupLimit: number
  readonly sessionTimeout: number
  readonly drainTimeout: number
  readonly closeTimeout: number
  readonly window: number
  readonly private: boolean
  readonly known: ReadonlySet<PeerId>
}

export interface Shape {
  readonly hosts: number
  /** By host. */
  readonly addresses: ReadonlyArray<string>
  readonly chains: ReadonlyArray<Chain>
  /** Whether that host serves that chain. */
  readonly serves: (host: number, chain: number) => boolean
  readonly node: NodeShape
  readonly pool: ConnectionPoolOptions
  readonly network: NetworkOptions
  /** When the node of a host and chain begins, in milliseconds; and whether it ends and begins anew. */
  readonly startsAt: (host: number, chain: number) => number
  readonly comesAndGoes: boolean
  /** Hosts whose sessions accuse their peers of breaking the protocol. */
  readonly accuser: number | undefined
  /** Whom a host knows from the beginning. */
  readonly knows: (host: number) => ReadonlyArray<number>
  /** The first chain is private: its nodes talk to those only whom their host knows from the beginning. */
  readonly isPrivate: boolean
  /** Every node has the first that its host knows among its `knownPeers`. */
  readonly hasKnown: boolean
  /** Sessions of any kind; such as talk on and on; seldom; such as give up waiting all the time; such as only listen. */
  readonly talks: "anyhow" | "steadily" | "seldom" | "impatiently" | "silently"
}

const chainOf = (index: number): Chain => ({ network: "properties", name: `c${index}`, genesis: `0${index}` })

export const pickOf = <A>(random: RandomStream, all: readonly [A, ...Array<A>]): A =>
  all[random.between(0, all.length)] ?? all[0]

export const nodeShape = (given: Partial<NodeShape> = {}): NodeShape => {
  const sessionCount = given.sessionCount ?? 3
  const maxInbound = given.maxInbound ?? 2 * sessionCount
  return {
    sessionCount,
    maxInbound,
    maxTotal: sessionCount + maxInbound,
    newcomerSlots: Math.min(1, Math.max(0, maxInbound - 1)),
    groupLimit: Math.max(1, Math.floor((sessionCount - 1) / 3)),
    sessionTimeout: 240_000,
    drainTimeout: 1_000,
    closeTimeout: 10_000,
    window: 64 * 1024,
    private: false,
    known: new Set(),
    ...given
  }
}

export const configOf = (chain: Chain, shape: NodeShape): P2pNodeConfig => ({
  chain,
  sessionCount: shape.sessionCount,
  maxInboundCount: shape.maxInbound,
  maxSessionCount: shape.maxTotal,
  newcomerSlots: shape.newcomerSlots,
  sessionTimeout: shape.sessionTimeout === Infinity ? "Infinity" : shape.sessionTimeout satisfies Duration.Input,
  drainTimeout: shape.drainTimeout,
  closeTimeout: shape.closeTimeout,
  window: shape.window,
  maxMessageBytes: 64 * 1024,
  private: shape.private
})

/** All hosts serve one chain, and know each other. */
export const plainShape = (hosts: number, given: Partial<Shape> & { readonly chainCount?: number } = {}): Shape => ({
  hosts,
  addresses: Array.from({ length: hosts }, (_, i) => `/ip4/20.0.${i}.1/tcp/4001`),
  chains: Array.from({ length: given.chainCount ?? 1 }, (_, i) => chainOf(i)),
  serves: () => true,
  node: nodeShape(),
  pool: {},
  network: {},
  startsAt: () => 0,
  comesAndGoes: false,
  accuser: undefined,
  knows: (host) => Array.from({ length: hosts }, (_, i) => i).filter((i) => i !== host),
  isPrivate: false,
  hasKnown: false,
  talks: "steadily",
  ...given
})

const tightInbound = (random: RandomStream, sessionCount: number): Partial<NodeShape> => {
  const maxInbound = random.between(1, sessionCount + 1)
  return { maxInbound, newcomerSlots: Math.min(random.between(0, 2), maxInbound - 1) }
}

/** Any network that may get into trouble. The same number gives the same one. */
export const anyShape = (seed: number): Shape => {
  const random = keyedRandom(seed)("shape")
  const hosts = pickOf(random, [2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 8, 12])
  const chains = Math.min(pickOf(random, [1, 1, 1, 2, 2, 3, 4]), hosts > 5 ? 1 : hosts > 3 ? 2 : 4)
  const sessionCount = pickOf(random, [1, 1, 2, 3, 4])
  const inGroup = random.chance(0.2)
  const isTight = random.chance(0.3)
  const everybody = random.chance(0.7)
  const partial = random.chance(0.2)
  const late = random.chance(0.4)
  const keyed = keyedRandom(seed)
  const lenders = random.chance(0.25)
  return plainShape(hosts, {
    chainCount: chains,
    addresses: Array.from(
      { length: hosts },
      (_, i) => inGroup ? `/ip4/20.0.0.${i + 1}/tcp/4001` : `/ip4/20.0.${i}.1/tcp/4001`
    ),
    // Somebody serves something, or there would be nothing to wait for.
    serves: (host, chain) => !partial || (host === 0 && chain === 0) || keyed(`serves/${host}/${chain}`).chance(0.7),
    node: nodeShape({
      sessionCount,
      ...isTight ? tightInbound(random, sessionCount) : {},
      sessionTimeout: pickOf(random, [2_000, 5_000, 10_000, 60_000, Infinity]),
      drainTimeout: pickOf(random, [50, 500, 3_000]),
      closeTimeout: pickOf(random, [500, 3_000, 10_000]),
      window: pickOf(random, [2_000, 8_000, 64_000])
    }),
    pool: {
      linger: pickOf(random, [200, 2_000, 30_000]),
      ...lenders ? { maxLinks: Math.max(2, hosts - 2), maxDials: random.between(1, 4) } : {}
    },
    // Without jitter things come together that are all due in whole milliseconds.
    network: {
      jitter: pickOf(random, [0, 2, 20]),
      buffer: pickOf(random, [2_000, 20_000, 256 * 1024]),
      splitting: pickOf(random, [0, 0.1, 0.5])
    },
    startsAt: (host, chain) => late ? keyed(`starts/${host}/${chain}`).between(0, 5_000) : 0,
    comesAndGoes: random.chance(0.45),
    accuser: random.chance(0.1) ? 0 : undefined,
    knows: (host) =>
      Array.from({ length: hosts }, (_, i) => i).filter((i) => i !== host && (everybody || i === 0 || i === host - 1)),
    isPrivate: random.chance(0.1),
    hasKnown: random.chance(0.65),
    talks: "anyhow"
  })
}
