import { chainId, type PeerFacts, type Standing } from "../../signatures/index.ts"
import { isBusy, type Pair } from "./pair.ts"
import type { Settings } from "./settings.ts"
import type { State } from "./state.ts"

/** What the book says of a peer after a change. */
export interface PeerNews {
  readonly facts: PeerFacts | undefined
  /** For certain: neither what it serves has changed, nor whether it is known. */
  readonly servesAsBefore: boolean
  readonly suspectsItself: boolean
}

/** Whether that is what the node has last seen of it. A wait that has ended since is no news. */
const isAsBefore = (pair: Pair | undefined, standing: Standing, now: () => number): boolean =>
  pair !== undefined && !isBusy(pair) &&
  (standing._tag === "Clear"
    ? pair.state === "Candidate" || pair.until <= now()
    : standing._tag === pair.state && standing.until === pair.until)

/** Whether a look would see it at all. */
const isCandidate = ({ chain, known, private: isPrivate }: Settings, { chains, peer }: PeerFacts): boolean => {
  if (isPrivate && !known.has(peer)) return false
  if (chains._tag === "None") return true
  const id = chainId(chain)
  return chains.value.some((other) => chainId(other) === id)
}

/** Whether it might open a session with a candidate now. */
const isShort = ({ sessionCount }: Settings, state: State, { remembered }: PeerFacts): boolean => {
  const { openingCount, outbound } = state.pairs.slots
  // Whoever is remembered is asked beside others that were asked already.
  return outbound + (remembered === undefined ? openingCount : 0) < sessionCount ||
    (state.lacksLink && outbound < sessionCount)
}

/**
 * Whether something about a peer without a session calls for a fresh look: all that a peer does on one chain is told to the
 * nodes of all, and for most of them nothing has changed. A node that has its sessions, or has asked for them, and to which
 * the peer stands as before, would look in vain.
 */
export const concerns = (
  settings: Settings,
  state: State,
  pair: Pair | undefined,
  { facts, servesAsBefore, suspectsItself }: PeerNews,
  standing: Standing,
  now: () => number
): boolean => {
  if (state.suspecting !== suspectsItself) return true
  // Who is met is a candidate, but for what is news.
  const isThere = facts !== undefined && (servesAsBefore ? pair !== undefined : isCandidate(settings, facts))
  // Of those who serve other chains, and of strangers to a private one, only that they are no candidates any more is news.
  if (!isThere) return pair !== undefined
  return !isAsBefore(pair, standing, now) || isShort(settings, state, facts)
}
