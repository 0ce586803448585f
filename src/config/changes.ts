/** What a config file that was read again asks of a node that runs. Pure. */
import * as Duration from "effect/Duration"
import { nodeDefaults } from "../../signatures/NodeConfig.ts"
import type { Loaded } from "./load.ts"
import type { ChainSettings, NodeSettings } from "./settings.ts"
import { shapeAt } from "./shape.ts"

export interface ChainChange {
  readonly settings: ChainSettings
  /** The keys that are to be other than they are. */
  readonly keys: ReadonlyArray<string>
}

export interface Changes {
  readonly added: ReadonlyArray<ChainSettings>
  /** By name. */
  readonly removed: ReadonlyArray<string>
  readonly changed: ReadonlyArray<ChainChange>
  /** Added by hand before, and now the file's. They stay as they are. */
  readonly adopted: ReadonlyArray<ChainSettings>
  /** Peers that the file did not name before. */
  readonly bootstrap: NodeSettings["bootstrap"]
  /** What a node can't change while it runs, one line each: where it stands, and that it waits for a restart. */
  readonly later: ReadonlyArray<string>
}

/** The same text for the same value, whatever the order of its keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => a < b ? -1 : 1))
      : inner) ?? "nothing"

/** Whether a count is what it would be, were it left out. */
const followsFrom = (sessionCount: number, key: string, value: unknown): boolean => {
  const shape = shapeAt(["chains", 0, key])
  return shape?._tag === "Leaf" && shape.timesSessionCount !== undefined &&
    value === shape.timesSessionCount * sessionCount
}

const durations = ["sessionTimeout", "drainTimeout", "closeTimeout"] as const

/** By key. A default that is written out means the same as one that isn't. */
const meaning = ({ node, options, session }: ChainSettings): ReadonlyMap<string, string> => {
  const { chain, ...rest } = node
  const filled = {
    knownPeers: [],
    ...nodeDefaults,
    ...rest,
    ...Object.fromEntries(
      durations.map((key) => [key, Duration.toMillis(Duration.fromInputUnsafe(node[key] ?? nodeDefaults[key]))])
    ),
    genesis: chain.genesis,
    session,
    options: options ?? {}
  }
  const said = Object.entries(filled).filter(([key, value]) => !followsFrom(filled.sessionCount, key, value))
  return new Map(said.map(([key, value]) => [key, canonical(value)]))
}

/** The keys in which two chains of one name differ in what they mean. */
const changedKeys = (before: ChainSettings, after: ChainSettings): ReadonlyArray<string> => {
  const [was, is] = [meaning(before), meaning(after)]
  return [...new Set([...was.keys(), ...is.keys()])].filter((key) => was.get(key) !== is.get(key))
}

const fixed = ["network", "dataDir", "listen", "limits", "discovery", "peerExchange"] as const satisfies ReadonlyArray<
  keyof NodeSettings
>

const laterLines = (before: NodeSettings, { origin, settings }: Loaded): ReadonlyArray<string> => [
  ...fixed.filter((key) => canonical(before[key]) !== canonical(settings[key])).map((key) =>
    `${origin([key]) ?? "default"} ${key}: changed, but it can't change while the node runs: restart it`
  ),
  ...(before.bootstrap.some((address) => !settings.bootstrap.includes(address))
    ? [`${origin(["bootstrap"]) ?? "default"} bootstrap: peers are gone from it, but stay known until a restart`]
    : [])
]

/** A chain that runs, as the reader of the file knows it. */
export interface KnownChain {
  readonly settings: ChainSettings
  /** By a command, and not by the file: the file's silence about it means nothing. */
  readonly byHand: boolean
}

/**
 * From what runs to what the file says. A chain that was added by hand stays, unless the file has one of its name: from then
 * on it is the file's. One that was removed by hand and is still in the file comes back.
 */
export const changesOf = (
  before: NodeSettings,
  running: ReadonlyArray<KnownChain>,
  loaded: Loaded,
  isWanted: (name: string) => boolean = () => true
): Changes => {
  const { bootstrap, network } = loaded.settings
  const nameOf = (settings: ChainSettings) => settings.node.chain.name
  const later = laterLines(before, loaded)
  const newPeers = bootstrap.filter((address) => !before.bootstrap.includes(address))
  // Of another network they would be other chains: the network waits for a restart, and so must they.
  if (network !== before.network) {
    return { added: [], removed: [], changed: [], adopted: [], bootstrap: newPeers, later }
  }
  const wanted = loaded.settings.chains.filter((settings) => isWanted(nameOf(settings)))
  const known = new Map(running.map((chain) => [nameOf(chain.settings), chain]))
  const names = new Set(wanted.map(nameOf))
  const both = wanted.flatMap((settings) => {
    const chain = known.get(nameOf(settings))
    return chain === undefined ? [] : [{ settings, byHand: chain.byHand, keys: changedKeys(chain.settings, settings) }]
  })
  return {
    added: wanted.filter((settings) => !known.has(nameOf(settings))),
    removed: running.filter(({ byHand, settings }) => !byHand && !names.has(nameOf(settings))).map((chain) =>
      nameOf(chain.settings)
    ),
    changed: both.filter(({ keys }) => keys.length > 0),
    adopted: both.filter(({ byHand, keys }) => byHand && keys.length === 0).map(({ settings }) => settings),
    bootstrap: newPeers,
    later
  }
}
