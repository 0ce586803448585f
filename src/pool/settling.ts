/** Two links to one peer: which one stays. Both ends follow the same rule, so they come to the same answer. Pure. */
import { isSmaller, type PeerId } from "../../signatures/index.ts"
import type { PoolSetting } from "./options.ts"
import type { Draft, LinkState } from "./state.ts"

/** The newest of the direction that was dialled by the smaller peer id, or of the only direction there is. */
const preferred = (setting: PoolSetting, links: ReadonlyArray<LinkState>): LinkState | undefined => {
  const newest = (direction: LinkState["direction"]) => links.findLast((link) => link.direction === direction)
  const [outbound, inbound] = [newest("outbound"), newest("inbound")]
  if (outbound === undefined || inbound === undefined) return outbound ?? inbound
  return isSmaller(setting.self, outbound.peer) ? outbound : inbound
}

/** The link that new leases go to, and which should stay: one that didn't answer comes last. */
export const expectedLink = (setting: PoolSetting, links: ReadonlyArray<LinkState>): LinkState | undefined => {
  const up = links.filter((link) => link.phase === "up")
  if (up.length < 2) return up[0]
  return preferred(setting, up.filter((link) => link.probe !== "mute")) ?? preferred(setting, up)
}

/** Takes the next step towards one link for this peer. */
export const settle = (draft: Draft, setting: PoolSetting, peer: PeerId, now: number): void => {
  const up = draft.upLinksOf(peer)
  const expected = expectedLink(setting, up)
  if (expected === undefined) return
  if (up.length === 1) {
    if (expected.probe !== "none") draft.putLink({ ...expected, probe: "none" })
    return
  }
  // A sign of life first: a dead link must not lock out a peer that has restarted, nor one that lost an address race at the
  // other end outlive the one that won it.
  if (expected.probe === "none") {
    draft.putLink({ ...expected, probe: "asked", deadline: now + setting.probeTimeout })
    draft.say({ _tag: "Probe", link: expected.key })
  } else if (expected.probe !== "asked") {
    for (const link of up) if (link !== expected) part(draft, link, "superseded")
    draft.putLink({ ...expected, probe: "none" })
  }
}

/** Says goodbye and closes. Charged to nobody. */
export const part = (draft: Draft, link: LinkState, reason: "idle" | "superseded" | "shutdown" | "banned"): void => {
  draft.putLink({ ...link, phase: "parting", settled: true })
  draft.say({ _tag: "Part", link: link.key, reason })
}
