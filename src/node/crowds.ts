/** Inbound sessions by address group: who comes in a crowd from one place shall not hold all the room. Pure. */
import type { PeerId } from "../../signatures/index.ts"
import { type Draft, end } from "./draft.ts"
import type { Busy } from "./pair.ts"
import { groupLimit } from "./picks.ts"
import type { Settings } from "./settings.ts"
import { inboundByGroup } from "./slots.ts"

/** Slots that only groups with fewer than `groupLimit` of all may take. */
const reserveOf = (settings: Settings): number => Math.floor(settings.maxInbound / 4)

/** How many of the `free` inbound slots must stay so when this group takes one. */
export const keptFromCrowd = ({ pairs, settings }: Draft, group: string | undefined, free: number): number => {
  const reserve = reserveOf(settings)
  // Where there is room for all nobody has to be counted.
  if (group === undefined || free > reserve) return 0
  return (inboundByGroup(pairs.busy).get(group) ?? 0) >= groupLimit(settings.maxInbound) ? reserve : 0
}

/** The youngest session of the group that holds the most, so that a crowd doesn't push out who has stayed. */
const victimOf = (busy: ReadonlyMap<PeerId, Busy>, limit: number): readonly [PeerId, Busy] | undefined => {
  const byGroup = inboundByGroup(busy, "Active")
  const most = Math.max(0, ...byGroup.values())
  if (most <= limit) return undefined
  let youngest: readonly [PeerId, Busy] | undefined
  for (const [peer, pair] of busy) {
    if (pair.state !== "Active" || pair.direction !== "inbound") continue
    const isOfCrowd = pair.groups.some((group) => byGroup.get(group) === most)
    if (isOfCrowd && (youngest === undefined || pair.since > youngest[1].since)) youngest = [peer, pair]
  }
  return youngest
}

/** Ends sessions of crowds, until what is kept for others is free or will be. */
export const thinOut = (draft: Draft): void => {
  const { settings } = draft
  const limit = groupLimit(settings.maxInbound)
  // Those that are closing will be free.
  while (settings.maxInbound - draft.pairs.slots.inbound < reserveOf(settings)) {
    const victim = victimOf(draft.pairs.busy, limit)
    if (victim === undefined) return
    end(draft, ...victim, "draining")
  }
}
