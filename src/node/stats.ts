import type { NodeStats, PeerId } from "../../signatures/index.ts"
import type { Direction } from "./pair.ts"
import type { State } from "./state.ts"

export const statsOf = (state: State): NodeStats => {
  const { slots } = state.pairs
  return {
    outbound: slots.outbound,
    inbound: slots.inbound,
    opening: slots.openingCount + slots.spareCount,
    closing: slots.closingInbound + slots.closingOutbound,
    atTarget: state.atTarget
  }
}

export const sessionsOf = (state: State) => {
  const sessions: Array<{ readonly peer: PeerId; readonly direction: Direction; readonly since: number }> = []
  for (const [peer, { direction, since, state: is }] of state.pairs.busy) {
    if (is === "Active") sessions.push({ peer, direction, since })
  }
  return sessions
}
