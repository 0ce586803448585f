/** Whether a peer may be picked. Pure. */
import { type Chain, chainId, type PeerId, type Standing } from "../../signatures/index.ts"
import { type BookState, type Health, never, untriedPair } from "./state.ts"
import { restsUntil } from "./suspicion.ts"

/** Monotonic milliseconds, while in the future. */
export const bannedUntil = (state: BookState, peer: PeerId, now: number): number | undefined => {
  const until = state.bans.get(peer)?.until
  return until !== undefined && until > now ? until : undefined
}

export const clear: Standing = { _tag: "Clear" }

/** `clear` where nothing is wrong. */
export const standingOf = (
  state: BookState,
  peer: PeerId,
  health: Health | undefined,
  chain: string,
  now: number
): Standing => {
  const banned = state.bans.size === 0 ? undefined : bannedUntil(state, peer, now)
  if (banned !== undefined) return { _tag: "Banned", until: banned }
  const pair = health?.pairs.get(chain) ?? untriedPair
  if (pair.incompatibleUntil > now) return { _tag: "Incompatible", until: pair.incompatibleUntil }
  const until = Math.max(health?.coolUntil ?? never, pair.coolUntil, restsUntil(state.suspicion, peer, now) ?? never)
  return until > now ? { _tag: "Cooling", until } : clear
}

export const standing = (state: BookState, peer: PeerId, chain: Chain, now: number): Standing =>
  standingOf(state, peer, state.peers.get(peer)?.health, chainId(chain), now)
