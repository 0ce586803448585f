import type { RejectReason } from "../../signatures/index.ts"
import { keptFromCrowd, thinOut } from "./crowds.ts"
import { type Draft, move, rotateAt } from "./draft.ts"
import { isBusy } from "./pair.ts"
import type { Event } from "./state.ts"

/** When to ask again, in milliseconds. None is longer than the ten minutes that a rejection may say. */
const retryAfter = {
  full: 10_000,
  duplicate: 1_000,
  draining: 30_000,
  "unknown-chain": 600_000,
  banned: 600_000
} as const satisfies Partial<Record<RejectReason, number>>

/** Somebody asks for a session: capacity is checked and taken in this one step. */
export const hello = (draft: Draft, event: Extract<Event, { readonly _tag: "Hello" }>): void => {
  const { commands, now, pairs: { slots }, settings, state } = draft
  const reject = (reason: keyof typeof retryAfter, millis: number = retryAfter[reason]): void => {
    commands.push({ _tag: "Reject", reason, retryAfter: Math.min(millis, retryAfter[reason]) })
  }
  const { peer, standing } = event
  // First: to a stranger a private chain looks as one that isn't served, whatever else holds.
  if (settings.private && !settings.known.has(peer)) return reject("unknown-chain")
  if (state.mode === "stopping") return reject("draining")
  if (standing._tag === "Banned" && standing.until > now) return reject("banned", standing.until - now)

  const pair = draft.pairOf(peer)
  const crossed = isBusy(pair) && pair.state === "Opening" ? pair : undefined
  if (isBusy(pair) && (crossed === undefined || !event.isSmaller)) return reject("duplicate")

  const free = settings.maxInbound - slots.inbound - slots.closingInbound
  // From one place known peers may all come.
  const group = settings.known.has(peer) ? undefined : event.group
  const kept = Math.max(
    event.newcomer ? 0 : settings.newcomerSlots - slots.newcomers,
    keptFromCrowd(draft, group, free)
  )
  const total = slots.total - (crossed === undefined ? 0 : 1)
  if (free <= kept || total >= settings.maxTotal) {
    thinOut(draft)
    return reject("full")
  }

  const attempt = state.attempts++
  // Our own opening loses: its slot turns inbound at once, and the opening is given up without charge to anybody.
  if (crossed !== undefined) commands.push({ _tag: "Cancel", attempt: crossed.attempt })
  commands.push({ _tag: "Accept", attempt })
  // The ban is over, but nobody has looked since.
  if (pair?.state === "Banned") move(draft, peer, { state: "Candidate", until: now }, "over")
  move(
    draft,
    peer,
    {
      state: "Active",
      attempt,
      direction: "inbound",
      since: now,
      rotateAt: rotateAt(draft),
      groups: group === undefined ? [] : [group],
      newcomer: event.newcomer,
      spare: false
    },
    crossed === undefined ? "hello" : "crossed"
  )
  thinOut(draft)
}
