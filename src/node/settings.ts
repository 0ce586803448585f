import { Duration, Schema } from "effect"
import {
  type Address,
  addressFacts,
  Chain,
  type ConnectionLimits,
  maxMessageBytesLimit,
  nodeDefaults,
  type P2pNodeConfig,
  type PeerId,
  type SelectionPolicy,
  withoutPeer
} from "../../signatures/index.ts"
import { groupLimit } from "./picks.ts"
import { sharingPolicy } from "./policy.ts"

/** A config with its defaults filled in, checked. Times in milliseconds. */
export interface Settings {
  readonly chain: Chain
  readonly sessionCount: number
  readonly maxInbound: number
  readonly maxTotal: number
  readonly newcomerSlots: number
  readonly groupLimit: number
  /** May be `Infinity`. */
  readonly sessionTimeout: number
  readonly drainTimeout: number
  /** The peers of `knownPeers`, with the addresses given for each. */
  readonly known: ReadonlyMap<PeerId, ReadonlyArray<Address>>
  readonly private: boolean
  readonly policy: SelectionPolicy
  readonly limits: ConnectionLimits
}

const maxWindow = 0x7fff_ffff

/** One for all: a process may hold thousands of nodes, and most leave these as they are. */
const usualCloseTimeout = Duration.fromInputUnsafe(nodeDefaults.closeTimeout)
const usualLimits: ConnectionLimits = {
  maxMessageBytes: nodeDefaults.maxMessageBytes,
  minMessageBytes: nodeDefaults.minMessageBytes,
  window: nodeDefaults.window,
  closeTimeout: usualCloseTimeout,
  private: nodeDefaults.private
}

const isUsual = (limits: ConnectionLimits): boolean =>
  limits.maxMessageBytes === usualLimits.maxMessageBytes && limits.minMessageBytes === usualLimits.minMessageBytes &&
  limits.window === usualLimits.window && limits.closeTimeout === usualCloseTimeout &&
  limits.private === usualLimits.private

const nobody: ReadonlyMap<PeerId, ReadonlyArray<Address>> = new Map()

const knownPeers = (
  addresses: ReadonlyArray<Address>,
  wrong: (field: string, problem: string) => void
): ReadonlyMap<PeerId, ReadonlyArray<Address>> => {
  const known = new Map<PeerId, Array<Address>>()
  for (const [i, address] of addresses.entries()) {
    const { peer } = addressFacts(address)
    if (peer._tag === "None") {
      wrong(`knownPeers[${i}]`, `must be a multiaddr that ends in /p2p/<PeerId>, not ${JSON.stringify(address)}`)
    } else known.set(peer.value, [...known.get(peer.value) ?? [], withoutPeer(address)])
  }
  return known
}

/**
 * Fills in the defaults and checks what a program gave. A wrong value is the program's bug, so it throws: one error that
 * names every field that is wrong, and what would be right.
 */
export const resolveSettings = (config: P2pNodeConfig): Settings => {
  const mistakes: Array<string> = []
  const wrong = (field: string, problem: string) => void mistakes.push(`${field} ${problem}`)
  const whole = (field: string, value: number, least: number, most: number): number => {
    if (!Number.isInteger(value) || value < least || value > most) {
      wrong(field, `must be a whole number from ${least} to ${most}, not ${value}`)
    }
    return value
  }
  const time = (field: string, input: Duration.Input, mayBeInfinite: boolean): Duration.Duration => {
    const duration = Duration.fromInput(input)
    if (duration._tag === "None") wrong(field, `must be a duration such as "5 seconds", not ${JSON.stringify(input)}`)
    else if (!mayBeInfinite && !Duration.isFinite(duration.value)) wrong(field, "must be finite")
    return duration._tag === "None" ? Duration.zero : duration.value
  }

  if (!Schema.is(Chain)(config.chain)) wrong("chain", "must have a network, a name and a genesis; see Chain")
  const sessionCount = whole("sessionCount", config.sessionCount ?? nodeDefaults.sessionCount, 1, 64)
  const twice = 2 * sessionCount
  const maxInbound = whole(
    "maxInboundCount",
    config.maxInboundCount ?? Math.max(0, Math.min(twice, (config.maxSessionCount ?? Infinity) - sessionCount)),
    0,
    10_000
  )
  const maxTotal = whole(
    "maxSessionCount",
    config.maxSessionCount ?? Math.max(3 * sessionCount, sessionCount + maxInbound),
    1,
    10_064
  )
  if (sessionCount + maxInbound > maxTotal) {
    wrong(
      "maxSessionCount",
      `must be at least sessionCount + maxInboundCount = ${sessionCount + maxInbound}, not ${maxTotal}`
    )
  }
  // Not all of them: peers that have all met would find each other full for ever.
  const mostForNewcomers = Math.max(0, maxInbound - 1)
  const newcomerSlots = whole(
    "newcomerSlots",
    config.newcomerSlots ?? Math.min(nodeDefaults.newcomerSlots, mostForNewcomers),
    0,
    10_000
  )
  if (newcomerSlots > mostForNewcomers) {
    wrong(
      "newcomerSlots",
      `must be below maxInboundCount = ${maxInbound}, or peers that we know would never be let in, not ${newcomerSlots}`
    )
  }
  const maxMessageBytes = whole(
    "maxMessageBytes",
    config.maxMessageBytes ?? nodeDefaults.maxMessageBytes,
    1,
    maxMessageBytesLimit
  )
  const minMessageBytes = whole(
    "minMessageBytes",
    config.minMessageBytes ?? Math.min(nodeDefaults.minMessageBytes, maxMessageBytes),
    1,
    maxMessageBytesLimit
  )
  if (minMessageBytes > maxMessageBytes) {
    wrong("maxMessageBytes", `must be at least minMessageBytes = ${minMessageBytes}, not ${maxMessageBytes}`)
  }
  const sessionTimeout = Duration.toMillis(
    time("sessionTimeout", config.sessionTimeout ?? nodeDefaults.sessionTimeout, true)
  )
  if (sessionTimeout <= 0) wrong("sessionTimeout", "must be above 0; \"Infinity\" turns rotation off")
  const known = config.knownPeers === undefined ? nobody : knownPeers(config.knownPeers, wrong)
  const isPrivate = config.private ?? nodeDefaults.private
  const limits: ConnectionLimits = {
    maxMessageBytes,
    minMessageBytes,
    window: whole("window", config.window ?? nodeDefaults.window, 1, maxWindow),
    closeTimeout: time("closeTimeout", config.closeTimeout ?? usualCloseTimeout, false),
    private: isPrivate
  }
  const settings: Settings = {
    chain: config.chain,
    sessionCount,
    maxInbound,
    maxTotal,
    newcomerSlots,
    groupLimit: groupLimit(sessionCount),
    sessionTimeout,
    drainTimeout: Duration.toMillis(time("drainTimeout", config.drainTimeout ?? nodeDefaults.drainTimeout, false)),
    known,
    private: isPrivate,
    policy: config.policy ?? sharingPolicy,
    limits: isUsual(limits) ? usualLimits : limits
  }
  if (mistakes.length > 0) throw new TypeError(`p2pNode: ${mistakes.join("; ")}`)
  return settings
}
