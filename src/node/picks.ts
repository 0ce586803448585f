import type { PeerId, SelectionCandidate, SelectionPolicy, SelectionView } from "../../signatures/index.ts"

/** How many outbound sessions one address group may hold: from 4 sessions on, no three groups can hold them all. */
export const groupLimit = (sessionCount: number): number => Math.max(1, Math.floor((sessionCount - 1) / 3))

type Grouped = Pick<SelectionCandidate, "groups">

export const isGroupFull = ({ groups }: Grouped, byGroup: ReadonlyMap<string, number>, limit: number): boolean => {
  if (byGroup.size > 0) { for (const group of groups) if ((byGroup.get(group) ?? 0) >= limit) return true }
  return false
}

/** Counts one more outbound session in each of the candidate's groups. */
export const takeGroups = ({ groups }: Grouped, byGroup: Map<string, number>): void => {
  for (const group of groups) byGroup.set(group, (byGroup.get(group) ?? 0) + 1)
}

export interface Picks {
  readonly candidates: ReadonlyArray<SelectionCandidate>
  /** Outbound sessions by group, with those. */
  readonly byGroup: ReadonlyMap<string, number>
  /** What the policy threw, if it did: then nobody is picked. */
  readonly thrown?: { readonly cause: unknown }
}

/** Asks a policy, and takes of its answer only what the contract allows: a policy can choose badly, but not do harm. */
export const safePicks = (policy: SelectionPolicy, view: SelectionView, n: number, random: () => number): Picks => {
  if (n < 1 || view.candidates.length === 0) return { candidates: [], byGroup: view.outboundByGroup }
  let answer: ReadonlyArray<PeerId>
  try {
    answer = policy.pick(view, n, random)
  } catch (cause) {
    return { candidates: [], byGroup: view.outboundByGroup, thrown: { cause } }
  }
  const byGroup = new Map(view.outboundByGroup)
  const candidates: Array<SelectionCandidate> = []
  for (const peer of answer) {
    if (candidates.length >= n) break
    const candidate = view.candidates.find((one) => one.peer === peer)
    if (candidate === undefined || candidates.includes(candidate)) continue
    if (isGroupFull(candidate, byGroup, view.groupLimit)) continue
    takeGroups(candidate, byGroup)
    candidates.push(candidate)
  }
  return { candidates, byGroup }
}
