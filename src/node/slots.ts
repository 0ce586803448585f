import type { PeerId } from "../../signatures/index.ts"
import type { Busy } from "./pair.ts"

/** How many hold which slot. */
export interface Slots {
  /** Active ones. */
  readonly outbound: number
  /** Active ones. */
  readonly inbound: number
  /** Without the spare ones. */
  readonly openingCount: number
  readonly spareCount: number
  readonly closingOutbound: number
  readonly closingInbound: number
  readonly newcomers: number
  /** Everything that holds a slot. */
  readonly total: number
}

export const noSlots: Slots = {
  outbound: 0,
  inbound: 0,
  openingCount: 0,
  spareCount: 0,
  closingOutbound: 0,
  closingInbound: 0,
  newcomers: 0,
  total: 0
}

/** Counts a pair that holds a slot, or with -1 one that no longer does. The only place at which slots are counted. */
export const count = (slots: { -readonly [Name in keyof Slots]: number }, pair: Busy, by: 1 | -1): void => {
  slots.total += by
  if (pair.newcomer) slots.newcomers += by
  if (pair.state === "Opening") slots[pair.spare ? "spareCount" : "openingCount"] += by
  else if (pair.state === "Active") slots[pair.direction] += by
  else if (pair.direction === "inbound") slots.closingInbound += by
  else slots.closingOutbound += by
}

const countGroups = (busy: ReadonlyMap<PeerId, Busy>, counts: (pair: Busy) => boolean): Map<string, number> => {
  const byGroup = new Map<string, number>()
  for (const pair of busy.values()) {
    if (pair.groups.length === 0 || !counts(pair)) continue
    for (const group of pair.groups) byGroup.set(group, (byGroup.get(group) ?? 0) + 1)
  }
  return byGroup
}

export const outboundByGroup = (busy: ReadonlyMap<PeerId, Busy>): Map<string, number> =>
  countGroups(busy, ({ direction, state }) => direction === "outbound" && state !== "Closing")

/** Of all that hold a slot, or of those that are active. */
export const inboundByGroup = (busy: ReadonlyMap<PeerId, Busy>, which?: "Active"): Map<string, number> =>
  countGroups(busy, ({ direction, state }) => direction === "inbound" && (which === undefined || state === which))
