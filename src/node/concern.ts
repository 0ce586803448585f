import { chainId, type PeerFacts, type Standing } from "../../signatures/index.ts"
import type { Settings } from "./settings.ts"
import { countSlots, type Pair, type State } from "./state.ts"

const serves = ({ chain }: Settings, { chains }: PeerFacts): boolean =>
  chains._tag === "None" || chains.value.some((other) => chainId(other) === chainId(chain))

/** Whether it might open a session with a candidate now. */
const isShort = ({ sessionCount }: Settings, { lacksLink, pairs }: State, { remembered }: PeerFacts): boolean => {
  const { openingCount, outbound } = countSlots(pairs)
  // Whoever is remembered is asked beside others that were asked already.
  return outbound + (remembered === undefined ? openingCount : 0) < sessionCount ||
    (lacksLink && outbound < sessionCount)
}

/**
 * Whether something about a peer without a session calls for a fresh look: all that a peer does on one chain is told to the
 * nodes of all, and for most of them nothing has changed. A node that has its sessions, or has asked for them, and to which
 * the peer is a candidate as before, would look in vain.
 */
export const concerns = (
  settings: Settings,
  state: State,
  pair: Pair | undefined,
  facts: PeerFacts | undefined,
  standing: Standing,
  suspectsItself: boolean
): boolean =>
  pair?.state !== "Candidate" || facts === undefined || standing._tag !== "Clear" || !serves(settings, facts) ||
  state.suspecting !== suspectsItself || isShort(settings, state, facts)
