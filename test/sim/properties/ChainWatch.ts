/** What one chain's node in one process does, and what is wrong with it: at once, or if it lasts. */
import { Effect, Option } from "effect"
import {
  addressFacts,
  type Chain,
  chainId,
  type NodeEvent,
  type NodeStats,
  type OpenedConnection,
  type P2pNode,
  type PairState,
  type PeerId
} from "../../../signatures/index.ts"
import { isLegal } from "../../../src/node/transitions.ts"
import { type Home } from "./Home.ts"
import { Patience } from "./Patience.ts"
import { type NodeShape } from "./shapes.ts"
import { type Held } from "./World.ts"

const noStats: NodeStats = { outbound: 0, inbound: 0, opening: 0, closing: 0, atTarget: false }

/** One chain's node in one process. */
export class ChainWatch {
  readonly home: Home
  readonly chain: Chain
  readonly id: string
  readonly shape: NodeShape
  node: P2pNode | undefined
  /** Openings that have begun and not ended, by peer. */
  readonly openings = new Map<PeerId, number>()
  readonly held = new Map<OpenedConnection, Held>()
  readonly #states = new Map<PeerId, PairState>()
  readonly rotations: Array<number> = []
  begun = 0
  told = 0
  /** It is on its way out: nothing is expected of it any more. */
  isStopping = false
  events = 0
  /** Of those that must not last, by peer. */
  readonly #ignored = new Patience<PeerId>()
  readonly #doubled = new Patience<PeerId>()
  readonly #bare = new Patience<PeerId>()
  readonly #leased = new Patience<PeerId>()
  readonly #lost = new Patience<"slot">()
  /** Whether something has happened since somebody looked around; and how often nobody did, as nothing had. */
  #isTouched = true
  #isFull = false
  #passedOver = 0
  /** Of virtual time: since when nothing is missing that could be had. */
  settledSince: number | undefined

  constructor(home: Home, chain: Chain, shape: NodeShape) {
    this.home = home
    this.chain = chain
    this.id = chainId(chain)
    this.shape = shape
    home.chains.set(this.id, this)
  }

  accuse(what: string): void {
    this.home.accuse(`${this.chain.name}: ${what}`)
  }

  get stats(): NodeStats {
    return this.node === undefined ? noStats : Effect.runSync(this.node.stats)
  }

  /** With whom the node says that it has sessions of its own choice. */
  #chosen(): ReadonlyArray<PeerId> {
    const sessions = this.node === undefined ? [] : Effect.runSync(this.node.sessions)
    return sessions.flatMap(({ direction, peer }) => direction === "outbound" ? [peer] : [])
  }

  isBusy(peer: PeerId): boolean {
    if ((this.openings.get(peer) ?? 0) > 0) return true
    for (const held of this.held.values()) if (held.peer === peer) return true
    return false
  }

  /** Those that are open, by the other end. */
  active(): ReadonlyArray<Held> {
    return [...this.held.values()].filter(({ endedAt }) => endedAt === undefined)
  }

  hold(opened: OpenedConnection, direction: Held["direction"]): Held {
    const held: Held = {
      peer: opened.peer,
      direction,
      group: Option.getOrUndefined(addressFacts(opened.remote).group),
      since: this.home.now(),
      endedAt: undefined,
      run: undefined
    }
    this.held.set(opened, held)
    this.home.world.connections.set(opened.connection, held)
    this.isBusyNow(opened.peer)
    return held
  }

  /** Something begins with a peer, which may be over before anybody looks again: it is not ignored, nor its link idle. */
  isBusyNow(peer: PeerId): void {
    this.#ignored.forget(peer)
    this.#leased.forget(peer)
    this.touch()
  }

  /** Something has happened here. */
  touch(): void {
    this.#isTouched = true
    this.home.world.dirty.add(this)
  }

  hear(event: NodeEvent): void {
    this.events++
    this.#isTouched = true
    if (event._tag !== "Transition") return
    const { by, from, peer, to } = event
    // What came before we listened, we don't know.
    const before = this.#states.get(peer) ?? from
    if (before !== from) this.accuse(`${this.home.name(peer)} went from ${from} to ${to}, but was ${before}`)
    if (!isLegal(from, by, to)) this.accuse(`no legal transition: ${from} to ${to} by ${by}`)
    this.#states.set(peer, to)
  }

  /** At once, after each step in which something happened here. */
  look(): void {
    if (!this.home.isAlive()) return
    const { maxInbound, maxTotal, sessionCount } = this.shape
    const { closing, inbound, opening, outbound } = this.stats
    if (opening + outbound + inbound + closing > maxTotal) {
      this.accuse(`${opening} opening, ${outbound + inbound} active, ${closing} closing: over the limit of ${maxTotal}`)
    }
    if (inbound > maxInbound) this.accuse(`${inbound} inbound sessions: over the limit of ${maxInbound}`)
    // After a restart peers that are only remembered are asked beside the others: twice as many if there are no others yet.
    const mostOutbound = this.home.boot === 0 ? sessionCount : 3 * sessionCount
    if (outbound > sessionCount || outbound + opening > mostOutbound) {
      this.accuse(`${outbound + opening} outbound sessions, not ${sessionCount}`)
    }
    let comeIn = 0
    for (const { direction } of this.held.values()) if (direction === "inbound") comeIn++
    if (comeIn > maxInbound) this.accuse(`${comeIn} inbound connections are held: over the limit of ${maxInbound}`)
  }

  /** Nothing has happened since the last look, all was well then, and nothing is missing that time alone could bring. */
  #isStill(): boolean {
    const patiences = [this.#ignored, this.#doubled, this.#bare, this.#leased, this.#lost]
    return !this.#isTouched && this.#isFull && patiences.every(({ isEmpty }) => isEmpty)
  }

  /** Leases, sessions and slots, where two fibers, or two ends, may need a moment to agree. */
  lookAround(): void {
    if (this.#isStill() && this.#passedOver++ < 5) return
    this.#isTouched = false
    this.#passedOver = 0
    const { home } = this
    const now = home.now()
    const leasesOf = home.leasesOf(this.id)
    const counts = new Map<PeerId, number>()
    const groups = new Map<string, number>()
    // One that is on its way out holds no place of its group.
    const chosen = new Set(this.#chosen())
    for (const { direction, endedAt, group, peer, since } of this.held.values()) {
      if (endedAt === undefined) counts.set(peer, (counts.get(peer) ?? 0) + 1)
      if (endedAt === undefined && direction === "outbound" && group !== undefined && chosen.has(peer)) {
        groups.set(group, (groups.get(group) ?? 0) + 1)
      }
      const age = (endedAt ?? now) - since
      if (age > this.shape.sessionTimeout * 1.25 + 2_000 + this.shape.drainTimeout) {
        this.accuse(`a session with ${home.name(peer)} has gone on for ${age} ms, and was never rotated`)
      }
    }
    for (const home of this.home.world.homes) {
      const { peer } = home ?? {}
      if (peer === undefined) continue
      const doubled = (counts.get(peer) ?? 0) > 1
      if (this.#doubled.lasts(peer, doubled, now) > 300) {
        this.accuse(`two sessions with ${this.home.name(peer)}`)
      }
      const leases = leasesOf.get(peer) ?? 0
      if (this.#bare.lasts(peer, counts.has(peer) && leases === 0, now) > 300) {
        this.accuse(`a session with ${this.home.name(peer)} without a lease`)
      }
      if (this.#leased.lasts(peer, leases > 0 && !this.isBusy(peer), now) > 300) {
        this.accuse(`a lease on the link to ${this.home.name(peer)} without a session`)
      }
    }
    for (const [group, count] of groups) {
      if (count > this.shape.groupLimit) this.accuse(`${count} outbound sessions with the address group ${group}`)
    }
    this.#lookForIgnored()
    this.#lookForSlots()
    for (const peer of this.isStopping || this.node === undefined ? [] : this.shape.known) {
      const facts = Option.getOrUndefined(home.book.peer(peer))
      if (facts?.sticky.has(this.id) !== true) this.accuse(`${home.name(peer)} is known, and not sticky`)
    }
  }

  /** A slot that nobody holds any more is given back. */
  #lookForSlots(): void {
    const { closing, inbound, opening, outbound } = this.stats
    let openings = 0
    for (const count of this.openings.values()) openings += count
    const lost = opening + outbound + inbound + closing > openings + this.held.size
    if (this.#lost.lasts("slot", lost && this.node !== undefined, this.home.now()) > 300) {
      this.accuse(
        `${opening} opening, ${
          outbound + inbound
        } active, ${closing} closing: but ${openings} and ${this.held.size} are`
      )
    }
  }

  /** Outbound sessions, opening ones included, by address group: of a link where it ends, else of all that a peer claims. */
  #outboundByGroup(): Map<string, number> {
    const groups = new Map<string, number>()
    const add = (group: string) => groups.set(group, (groups.get(group) ?? 0) + 1)
    for (const { direction, endedAt, group } of this.held.values()) {
      if (endedAt === undefined && direction === "outbound" && group !== undefined) add(group)
    }
    for (const [peer, count] of this.openings) if (count > 0) this.#groupsOf(peer).forEach(add)
    return groups
  }

  #groupsOf(peer: PeerId): ReadonlyArray<string> {
    const link = this.home.pool.links().get(peer)
    const known = Option.map(this.home.book.peer(peer), ({ addresses }) => addresses)
    const addresses = link === undefined ? Option.getOrElse(known, () => []) : [link.remote]
    return [...new Set(addresses.flatMap((address) => Option.toArray(addressFacts(address).group)))]
  }

  /** Whom the book would let us open, by its own word and nobody else's. */
  eligible(): ReadonlyArray<PeerId> {
    const links = this.home.pool.links()
    const groups = this.#outboundByGroup()
    const isFull = (group: string) => (groups.get(group) ?? 0) >= this.shape.groupLimit
    return this.home.book.candidates(this.chain).flatMap(({ addresses, peer, standing }) => {
      if (standing._tag !== "Clear" || this.isBusy(peer)) return []
      if (this.shape.private && !this.shape.known.has(peer)) return []
      if (!links.has(peer) && addresses.length === 0) return []
      return this.#groupsOf(peer).some(isFull) ? [] : [peer]
    })
  }

  #lookForIgnored(): void {
    const { home, shape } = this
    if (this.isStopping) return
    const { closing, inbound, opening, outbound } = this.stats
    const missing = Math.min(
      shape.sessionCount - outbound - opening,
      shape.maxTotal - outbound - opening - inbound - closing
    )
    const eligible = missing > 0 && !home.book.suspectsItself() ? new Set(this.eligible()) : new Set<PeerId>()
    for (const other of home.world.homes) {
      if (other === undefined) continue
      const ignored = this.#ignored.lasts(other.peer, eligible.has(other.peer), home.now())
      if (ignored > 1_500) {
        const state = this.#states.get(other.peer)
        this.accuse(
          `${home.name(other.peer)}, a ${state}, is ignored for ${ignored} ms though ${missing} sessions are missing`
        )
      }
    }
    this.#isFull = shape.sessionCount <= outbound
    const isSettled = this.#isFull || (opening === 0 && eligible.size === 0)
    if (!isSettled) this.settledSince = undefined
    else this.settledSince ??= home.now()
  }

  /** The node has come to its end, with all that it had. */
  over(): void {
    this.node = undefined
    if (!this.home.isAlive()) return
    if (this.held.size > 0) this.accuse(`${this.held.size} connections are left after the node's end`)
    for (const [peer, count] of this.openings) {
      if (count > 0) this.accuse(`an opening with ${this.home.name(peer)} is left after the node's end`)
    }
    for (const count of this.home.leasesOf(this.id).values()) {
      if (count > 0) this.accuse("a lease is left after the node's end")
    }
  }
}
