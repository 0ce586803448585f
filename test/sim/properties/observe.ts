/**
 * Looks over the shoulder of one process. Book, pool, wire and node of it share these service objects, so what is put in their
 * methods' place is in everybody's way: calls are written down, checked, and passed on unchanged.
 */
import { Effect, Option } from "effect"
import {
  type Chain,
  chainId,
  type Charge,
  type ConnectionClosed,
  type ConnectionFailed,
  type Connections,
  type Lease,
  type OpenedConnection,
  type PeerFacts,
  type PeerId,
  type Standing,
  type Transport
} from "../../../signatures/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { type Home } from "./Home.ts"

/** Whom a charge concerns, as node.md's table has it, in words of this test's own. */
type Concern =
  | "nobody"
  | "forgiven"
  | "good"
  | "waits"
  | "turned away"
  | "incompatible"
  | "pair"
  | "peer"
  | "banned"
  | "address"

/** `wasCutOff`: our own end was, so shortly before that what took too long had begun. */
const concernOf = (charge: Charge, wasCutOff: boolean): Concern => {
  switch (charge._tag) {
    case "LinkDown":
      return "nobody"
    case "CutOff":
      return "forgiven"
    case "LinkUp":
    case "DialFailed":
      return "address"
    case "Unreachable":
    case "LinkLost":
      return "peer"
    case "Violation":
      return "banned"
    case "BannedByPeer":
      return "turned away"
    case "SessionEnded": {
      const { outcome } = charge
      switch (outcome._tag) {
        case "Cancelled":
          return "nobody"
        case "Ended":
          return outcome.by === "remote" && (outcome.code === "draining" || outcome.code === "shutdown")
            ? "waits"
            : "good"
        case "Failed":
          return outcome.error.reason === "link-lost" || outcome.error.reason === "superseded"
            ? "nobody"
            : wasCutOff && isLate(outcome.error.reason)
            ? "waits"
            : "pair"
        case "NotOpened":
          return notOpened(outcome.error, wasCutOff)
      }
    }
  }
}

type OpeningError = Extract<Extract<Charge, { _tag: "SessionEnded" }>["outcome"], { _tag: "NotOpened" }>["error"]

const isLate = (reason: string): boolean => reason === "timeout" || reason === "stream-lost"

const notOpened = (error: OpeningError, wasCutOff: boolean): Concern => {
  switch (error._tag) {
    case "Rejected":
      return error.reason === "duplicate"
        ? "nobody"
        : error.reason === "unknown-chain" || error.reason === "incompatible"
        ? "incompatible"
        : "waits"
    case "LeaseFailed":
      return error.reason === "no-address" || error.reason === "limit" ? "waits" : "nobody"
    case "OpenFailed":
      return error.reason === "link-lost" || error.reason === "superseded"
        ? "nobody"
        : error.reason === "cut-off" || (wasCutOff && isLate(error.reason))
        ? "waits"
        : "pair"
  }
}

const waitMillis = (charge: Charge): number => {
  if (charge._tag !== "SessionEnded") return 0
  if (charge.outcome._tag === "Ended") return 30_000
  const error = charge.outcome._tag === "NotOpened" ? charge.outcome.error : undefined
  return error?._tag === "Rejected" ? Math.max(1_000, error.retryAfterMillis) : 1_000
}

const untilOf = (standing: Standing): number => standing._tag === "Clear" ? 0 : standing.until

const describe = (charge: Charge): string => {
  if (charge._tag !== "SessionEnded") return charge._tag
  const { outcome } = charge
  return outcome._tag === "Ended"
    ? `the end by ${outcome.by} with ${outcome.code}`
    : outcome._tag === "Cancelled"
    ? "a cancelled opening"
    : outcome.error._tag === "LeaseFailed" || outcome.error._tag === "Rejected" || outcome.error._tag === "OpenFailed"
    ? `${outcome.error._tag} ${outcome.error.reason}`
    : `a failure: ${outcome.error.reason}`
}

interface Before {
  readonly facts: PeerFacts | undefined
  readonly standings: ReadonlyArray<readonly [ChainWatch, Standing]>
  readonly suspects: boolean
}

const snapshot = (home: Home, peer: PeerId): Before => ({
  facts: Option.getOrUndefined(home.book.peer(peer)),
  standings: [...home.chains.values()].map((watch) => [watch, home.book.standing(peer, watch.chain)] as const),
  suspects: home.book.suspectsItself()
})

/** Charges are those of the table, and nothing else. */
const checkCharge = (home: Home, charge: Charge, before: Before): void => {
  const { peer } = charge
  const now = home.now()
  const who = `${describe(charge)} of ${home.name(peer)}`
  const concern = concernOf(charge, now - home.cutOffAt < 12_000)
  const after = snapshot(home, peer)
  const suspects = before.suspects || after.suspects
  const chain = charge._tag === "SessionEnded" ? chainId(charge.chain) : undefined
  const mine = after.standings.find(([watch]) => watch.id === chain)?.[1]
  const until = mine === undefined ? 0 : untilOf(mine)
  const was = before.standings.find(([watch]) => watch.id === chain)?.[1]

  if (concern === "nobody" && before.facts !== after.facts) home.accuse(`${who} was charged`)
  if (concern === "forgiven" && (after.facts?.failures ?? 0) > (before.facts?.failures ?? 0)) {
    home.accuse(`${who} was charged`)
  }
  if (concern === "pair" && !suspects && mine?._tag !== "Banned" && until < now + 3_900) {
    home.accuse(`${who} was not charged`)
  }
  if (concern === "peer" && !suspects && before.facts !== undefined) {
    if ((after.facts?.failures ?? 0) !== before.facts.failures + 1) home.accuse(`${who} was not charged once`)
  }
  if (concern === "waits" && mine?._tag !== "Banned" && until < now + waitMillis(charge) - 1) {
    home.accuse(`${who} is not waited for`)
  }
  if (concern === "turned away") {
    if (after.facts?.failures !== before.facts?.failures) home.accuse(`${who} was charged`)
    // A chain that does not fit is told so first, for as long as that lasts.
    const isWaitedFor = (standing: Standing) => standing._tag === "Incompatible" || untilOf(standing) >= now + 599_999
    if (after.facts !== undefined && !after.standings.every(([, standing]) => isWaitedFor(standing))) {
      home.accuse(`${who} is not waited for`)
    }
  }
  if (concern === "good" && mine?._tag === "Cooling" && until > now + 1_001) home.accuse(`${who} was charged`)
  if (concern === "good" && !suspects && (after.facts?.failures ?? 0) > 0) home.accuse(`${who} is not good`)
  if (concern === "incompatible" && mine?._tag !== "Banned" && mine?._tag !== "Incompatible") {
    home.accuse(`${who} does not count`)
  }
  if (concern === "banned") {
    const banned = Option.getOrElse(home.book.bannedUntil(peer), () => 0)
    if (banned < (home.bans.get(peer) ?? now + 1_800_000 - 1)) home.accuse(`${who} is a ban for ${banned - now} ms`)
    else home.bans.set(peer, Math.max(home.bans.get(peer) ?? 0, now + 1_800_000 - 1))
    if (home.world.accused.size === 0) home.accuse(`${who}, and nobody broke the protocol`)
  }
  if (charge._tag === "SessionEnded" && was?._tag === "Banned" && mine?._tag !== "Banned") {
    home.accuse(`${who} ends a ban`)
  }
  // What one chain says of a peer is no other's business, but for the peer's own failures.
  if (concern === "pair" || concern === "waits" || concern === "incompatible") {
    for (const [watch, standing] of before.standings) {
      const now = after.standings.find(([other]) => other === watch)?.[1]
      if (watch.id !== chain && !suspects && now !== undefined && untilOf(now) > untilOf(standing)) {
        home.accuse(`${who} on ${chain} was charged on ${watch.chain.name}`)
      }
    }
  }
}

export const watchBook = (home: Home): void => {
  const { book } = home
  const { record, unstick } = book
  const stickyOf = (peer: PeerId): ReadonlySet<string> =>
    Option.match(book.peer(peer), { onNone: () => new Set(), onSome: ({ sticky }) => sticky })
  Object.assign(book, {
    unstick: (peer: PeerId, owner: string) => {
      const others = [...stickyOf(peer)].filter((other) => other !== owner)
      unstick(peer, owner)
      const left = stickyOf(peer)
      const isKept = others.every((other) => left.has(other))
      if (!isKept) home.accuse(`${home.name(peer)} is sticky for others than ${owner}, and no longer is`)
    },
    record: (charge: Charge) => {
      if (!home.isAlive()) return record(charge)
      const { peer } = charge
      const before = snapshot(home, peer)
      record(charge)
      checkCharge(home, charge, before)
      if (charge._tag === "CutOff") home.cutOffAt = home.now()
      home.charges++
      home.chargedAt.set(peer, home.now())
      if (charge._tag === "LinkUp") {
        home.links.set(peer, (home.links.get(peer) ?? 0) + 1)
        home.goodbyes.delete(peer)
      }
      if (charge._tag === "LinkDown") {
        const left = (home.links.get(peer) ?? 0) - 1
        if (left < 0) home.accuse(`the link to ${home.name(peer)} went down twice`)
        home.links.set(peer, left)
      }
      if (charge._tag === "Unreachable" && home.pool.links().size === 0) {
        home.inVain.set(peer, (home.inVain.get(peer) ?? 0) + 1)
      }
      if (charge._tag === "LinkLost") {
        if (home.pool.links().has(peer)) home.accuse(`a link to ${home.name(peer)} was charged, but another took over`)
        if (home.goodbyes.has(peer)) home.accuse(`a link to ${home.name(peer)} was charged after its goodbye`)
      }
      if (charge._tag === "SessionEnded") {
        const watch = home.watchOf(charge.chain)
        if (watch === undefined) return
        if (charge.outcome._tag !== "Cancelled") watch.told++
        if (watch.told > watch.begun) watch.accuse(`${describe(charge)} of ${home.name(peer)} was told twice`)
        watch.touch()
      }
    }
  })
}

export const watchPool = (home: Home): void => {
  const { pool } = home
  const { lease, leaseOn, leaving } = pool
  const noted = (peer: PeerId, chain: Chain, given: Lease): Lease => {
    let isHeld = true
    home.lease(peer, chain, 1)
    return {
      link: given.link,
      release: () => {
        if (isHeld) home.lease(peer, chain, -1)
        isHeld = false
        given.release()
      }
    }
  }
  Object.assign(
    pool,
    {
      // `map` runs in the step in which the lease is given: nothing is lost between two.
      lease: (peer: PeerId, chain: Chain) => Effect.map(lease(peer, chain), (given) => noted(peer, chain, given)),
      leaseOn: (link: Lease["link"], chain: Chain) => noted(link.peer, chain, leaseOn(link, chain)),
      leaving: (link: Lease["link"], reason: Parameters<typeof leaving>[1]) => {
        // Of one of two links it says nothing about the other.
        if (home.links.get(link.peer) === 1) home.goodbyes.add(link.peer)
        leaving(link, reason)
      }
    } satisfies Partial<typeof pool>
  )
}

export const watchTransport = (home: Home, transport: Transport["Service"]): void => {
  const { dial } = transport
  Object.assign(transport, {
    dial: (peer: PeerId, address: Parameters<typeof dial>[1]) => {
      home.dials++
      if (peer === home.peer) home.accuse("dials itself")
      if (Option.isSome(home.book.bannedUntil(peer))) home.accuse(`dials ${home.name(peer)}, which is banned`)
      return dial(peer, address)
    }
  })
}

const beginOpening = (watch: ChainWatch, peer: PeerId): void => {
  const { home } = watch
  watch.begun++
  watch.openings.set(peer, (watch.openings.get(peer) ?? 0) + 1)
  watch.isBusyNow(peer)
  const standing = home.book.standing(peer, watch.chain)
  // What was charged in this very instant came after the decision.
  const isFresh = home.chargedAt.get(peer) === home.now()
  if (standing._tag !== "Clear" && untilOf(standing) > home.now() && !isFresh) {
    watch.accuse(`opens with ${home.name(peer)}, which is ${standing._tag}`)
  }
  if (peer === home.peer) watch.accuse("opens with itself")
  if (watch.shape.private && !watch.shape.known.has(peer)) watch.accuse(`opens with the stranger ${home.name(peer)}`)
}

const endOpening = (watch: ChainWatch, peer: PeerId): void => {
  watch.openings.set(peer, (watch.openings.get(peer) ?? 1) - 1)
  watch.touch()
}

/** Of a connection: when it ends, and when nothing is left of it. */
const follow = (watch: ChainWatch, opened: OpenedConnection, direction: "inbound" | "outbound"): OpenedConnection => {
  const { home } = watch
  const held = watch.hold(opened, direction)
  if (direction === "inbound") watch.begun++
  const { ended, released } = opened
  const onEnded = opened.onEnded.bind(opened)
  const note = (how: ConnectionClosed | ConnectionFailed) => {
    if (held.endedAt !== undefined) return
    held.endedAt = home.now()
    watch.touch()
    if (how._tag === "ConnectionClosed" && how.by === "local") {
      if (held.run !== undefined) held.run.closedWith = how.code
      if (how.code === "rotated") watch.rotations.push(home.now() - held.since)
    }
    if (how._tag === "ConnectionFailed" && how.reason === "protocol-violation" && home.world.accused.size === 0) {
      watch.accuse(`the connection with ${home.name(held.peer)} broke the protocol`)
    }
  }
  const values = {
    onEnded: (listener: Parameters<typeof onEnded>[0]) =>
      onEnded((how) => {
        note(how)
        listener(how)
      }),
    ended: Effect.map(ended, (how) => {
      note(how)
      return how
    }),
    released: Effect.map(released, () => {
      held.endedAt ??= home.now()
      watch.held.delete(opened)
      watch.touch()
    })
  }
  // Its own, before those of its class.
  for (const [key, value] of Object.entries(values)) Object.defineProperty(opened, key, { value })
  return opened
}

export const watchConnections = (home: Home, connections: Connections["Service"]): void => {
  const { open, serve } = connections
  Object.assign(
    connections,
    {
      open: (peer, chain, limits) =>
        Effect.suspend(() => {
          const watch = home.watchOf(chain)
          if (watch === undefined) return open(peer, chain, limits)
          beginOpening(watch, peer)
          let mine: OpenedConnection | undefined
          return open(peer, chain, limits).pipe(
            Effect.map((opened) => mine = follow(watch, opened, "outbound")),
            Effect.onExit(() => Effect.sync(() => endOpening(watch, peer))),
            // It came in the moment in which it was given up: nobody will ever wait for its end.
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                if (mine === undefined) return
                watch.held.delete(mine)
                mine.end("closed")
              })
            )
          )
        }),
      serve: (chain, limits, decide) =>
        serve(chain, limits, (hello) => {
          const decision = decide(hello)
          const watch = home.watchOf(chain)
          if (watch === undefined || !("accept" in decision)) return decision
          if (watch.shape.private && !watch.shape.known.has(hello.peer)) {
            watch.accuse(`lets the stranger ${home.name(hello.peer)} in`)
          }
          if (Option.isSome(home.book.bannedUntil(hello.peer))) watch.accuse(`lets ${home.name(hello.peer)} in, banned`)
          return { accept: (opened) => decision.accept(follow(watch, opened, "inbound")) }
        })
    } satisfies Pick<Connections["Service"], "open" | "serve">
  )
}
