import type { NodeStats, PeerId } from "../../signatures/index.ts"
import { partsOf } from "./parts.ts"
import { countSlots, type Direction, type Slots, type State } from "./state.ts"

const slotsAt = new WeakMap<State["pairs"], Slots>()

/** Who holds which slot, in a state that is no longer changed; counted once. */
export const slotsOf = ({ pairs }: State): Slots => {
  let slots = slotsAt.get(pairs)
  if (slots === undefined) slotsAt.set(pairs, slots = countSlots(partsOf(pairs).busy))
  return slots
}

export const statsOf = (state: State): NodeStats => {
  const slots = slotsOf(state)
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
  for (const [peer, { direction, since, state: is }] of partsOf(state.pairs).busy) {
    if (is === "Active") sessions.push({ peer, direction, since })
  }
  return sessions
}
