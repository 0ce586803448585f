/** What is written down of a run: what every process does, as its own services saw it, and the first thing that was wrong. */
import { Effect, Option } from "effect"
import {
  addressFacts,
  type Chain,
  chainId,
  type ConnectionPool,
  type NodeEvent,
  type NodeStats,
  type OpenedConnection,
  type P2pConnection,
  type P2pNode,
  type PairState,
  type PeerBook,
  type PeerId
} from "../../../signatures/index.ts"
import { isLegal } from "../../../src/node/transitions.ts"
import { type NodeShape, type Shape } from "./shapes.ts"

/** A session's connection, from the moment it was there until stream and lease are given back. */
export interface Held {
  readonly peer: PeerId
  readonly direction: "inbound" | "outbound"
  readonly group: string | undefined
  readonly since: number
  /** When it ended, in monotonic milliseconds. */
  endedAt: number | undefined
  /** Of the session that runs on it, once it does. */
  run: SessionRun | undefined
}

/** One run of a session, and what it sent and received. */
export interface SessionRun {
  readonly id: number
  readonly home: Home
  readonly chain: Chain
  readonly held: Held | undefined
  /** Messages that `send` took, and those of which nobody knows whether it did. */
  accepted: number
  readonly uncertain: Set<string>
  /** Whose messages come in: the run at the other end. */
  from: SessionRun | undefined
  /** Who receives ours. */
  to: SessionRun | undefined
  readonly received: Set<string>
  lastReceivedAt: number
  /** With which code it ended here, if it was by ourselves. */
  closedWith: string | undefined
}

/** Something must not last: a wrong that is allowed for as long as it takes two fibers to agree, or two ends of a link. */
class Patience {
  readonly #since = new Map<string, number>()

  /** For how long it has held without a break, in milliseconds. */
  lasts(what: string, holds: boolean, now: number): number {
    if (!holds) {
      this.#since.delete(what)
      return 0
    }
    const since = this.#since.get(what)
    if (since === undefined) this.#since.set(what, now)
    return since === undefined ? 0 : now - since
  }

  /** It was not so just now. */
  forget(what: string): void {
    this.#since.delete(what)
  }
}

export class World {
  /** By host: its latest process. */
  readonly homes: Array<Home> = []
  readonly runs = new Map<number, SessionRun>()
  readonly connections = new WeakMap<P2pConnection, Held>()
  readonly dirty = new Set<ChainWatch>()
  /** Whom a session of some host has accused of breaking its protocol. */
  readonly accused = new Set<PeerId>()
  readonly shape: Shape
  #wrong: string | undefined
  #runs = 0

  constructor(shape: Shape) {
    this.shape = shape
  }

  /** The first counts: what follows from it only distracts. */
  accuse(where: string, what: string): void {
    this.#wrong ??= `${where}: ${what}`
  }

  /** Asked after every step. */
  readonly look = (): void => {
    for (const watch of this.dirty) watch.look()
    this.dirty.clear()
    if (this.#wrong !== undefined) throw new Error(this.#wrong)
  }

  /** Those that are expected to do something: of hosts that are up, not on their way out. */
  watches(): ReadonlyArray<ChainWatch> {
    return this.homes.flatMap((home) =>
      home?.isAlive() === true
        ? [...home.chains.values()].filter(({ isStopping, node }) => node !== undefined && !isStopping)
        : []
    )
  }

  /** Whether all hosts that serve a chain are joined by its sessions. */
  isConnected(chain: Chain): boolean {
    const members = this.watches().filter((watch) => watch.chain === chain)
    const [first] = members
    if (first === undefined) return true
    const reached = new Set([first.home.peer])
    for (const peer of reached) {
      const watch = members.find(({ home }) => home.peer === peer)
      for (const held of watch?.active() ?? []) reached.add(held.peer)
    }
    return members.every(({ home }) => reached.has(home.peer))
  }

  nextRun(): number {
    return ++this.#runs
  }

  indexOf(peer: PeerId): number {
    return this.homes.findIndex((home) => home?.peer === peer)
  }
}

/** One process of a host. */
export class Home {
  readonly world: World
  readonly index: number
  readonly boot: number
  readonly peer: PeerId
  readonly now: () => number
  readonly isAlive: () => boolean
  readonly book: PeerBook["Service"]
  readonly pool: ConnectionPool["Service"]
  readonly chains = new Map<string, ChainWatch>()
  /** By peer and chain. */
  readonly leases = new Map<string, number>()
  /** Links that the pool has told up and not down, by peer. */
  readonly links = new Map<PeerId, number>()
  /** Of peers that were banned: until when, at least. */
  readonly bans = new Map<PeerId, number>()
  /** When something was last charged to a peer, or to anybody. */
  readonly chargedAt = new Map<PeerId, number>()
  readonly goodbyes = new Set<PeerId>()
  readonly patience = new Patience()
  dials = 0
  charges = 0

  constructor(
    world: World,
    needs: Pick<Home, "index" | "boot" | "peer" | "now" | "isAlive" | "book" | "pool">
  ) {
    this.world = world
    this.index = needs.index
    this.boot = needs.boot
    this.peer = needs.peer
    this.now = needs.now
    this.isAlive = needs.isAlive
    this.book = needs.book
    this.pool = needs.pool
    world.homes[needs.index] = this
  }

  accuse(what: string): void {
    if (this.isAlive()) this.world.accuse(`host ${this.index} at ${Math.round(this.now())} ms`, what)
  }

  name(peer: PeerId): string {
    return `host ${this.world.indexOf(peer)}`
  }

  watchOf(chain: Chain): ChainWatch | undefined {
    return this.chains.get(chainId(chain))
  }

  leasesOf(peer: PeerId, chain: string): number {
    return this.leases.get(`${peer} ${chain}`) ?? 0
  }

  lease(peer: PeerId, chain: Chain, by: 1 | -1): void {
    const key = `${peer} ${chainId(chain)}`
    this.leases.set(key, (this.leases.get(key) ?? 0) + by)
    this.touch(chain)
  }

  touch(chain: Chain): void {
    const watch = this.watchOf(chain)
    if (watch !== undefined) this.world.dirty.add(watch)
  }

  lasts(what: string, holds: boolean): number {
    return this.patience.lasts(what, holds, this.now())
  }

  /** What may be wrong for a moment, and not for long. Looked at a few times per second of virtual time. */
  lookAround(): void {
    if (!this.isAlive()) return
    for (const [peer, count] of this.links) {
      if (this.lasts(`links ${peer}`, count > 1) > 20_000) this.accuse(`two links to ${this.name(peer)} for 20 s`)
    }
    for (const [peer, until] of this.bans) {
      if (until > this.now() && Option.isNone(this.book.bannedUntil(peer))) {
        this.accuse(`the ban of ${this.name(peer)} is forgotten`)
      }
    }
    const views = this.pool.links()
    for (const view of views.values()) {
      for (const chain of view.chains) {
        const isUsed = this.watchOf(chain)?.isBusy(view.peer) ?? false
        if (this.lasts(`unused ${view.peer} ${chain.name}`, !isUsed) > 1_000) {
          this.accuse(`the pool says that ${chain.name} leases the link to ${this.name(view.peer)}, but it does not`)
        }
      }
    }
    for (const watch of this.chains.values()) watch.lookAround()
  }
}

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
  /** When an opening last began. */
  openedAt = 0
  events = 0
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
    this.home.world.dirty.add(this)
    return held
  }

  hear(event: NodeEvent): void {
    this.events++
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
    // After a restart peers that are only remembered are asked beside the others.
    const mostOutbound = this.home.boot === 0 ? sessionCount : 2 * sessionCount
    if (outbound > sessionCount || outbound + opening > mostOutbound) {
      this.accuse(`${outbound + opening} outbound sessions, not ${sessionCount}`)
    }
    let comeIn = 0
    for (const { direction } of this.held.values()) if (direction === "inbound") comeIn++
    if (comeIn > maxInbound) this.accuse(`${comeIn} inbound connections are held: over the limit of ${maxInbound}`)
  }

  /** Leases, sessions and slots, where two fibers, or two ends, may need a moment to agree. */
  lookAround(): void {
    const { home } = this
    const counts = new Map<PeerId, number>()
    const groups = new Map<string, number>()
    // One that is on its way out holds no place of its group.
    const chosen = new Set(this.#chosen())
    for (const { direction, endedAt, group, peer, since } of this.held.values()) {
      if (endedAt === undefined) counts.set(peer, (counts.get(peer) ?? 0) + 1)
      if (endedAt === undefined && direction === "outbound" && group !== undefined && chosen.has(peer)) {
        groups.set(group, (groups.get(group) ?? 0) + 1)
      }
      const age = (endedAt ?? home.now()) - since
      if (age > this.shape.sessionTimeout * 1.25 + 2_000 + this.shape.drainTimeout) {
        this.accuse(`a session with ${home.name(peer)} has gone on for ${age} ms, and was never rotated`)
      }
    }
    for (const home of this.home.world.homes) {
      const { peer } = home ?? {}
      if (peer === undefined) continue
      const doubled = (counts.get(peer) ?? 0) > 1
      if (this.home.lasts(`double ${this.id} ${peer}`, doubled) > 300) {
        this.accuse(`two sessions with ${this.home.name(peer)}`)
      }
      const leases = this.home.leasesOf(peer, this.id)
      if (this.home.lasts(`bare ${this.id} ${peer}`, counts.has(peer) && leases === 0) > 300) {
        this.accuse(`a session with ${this.home.name(peer)} without a lease`)
      }
      if (this.home.lasts(`lease ${this.id} ${peer}`, leases > 0 && !this.isBusy(peer)) > 300) {
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
    if (this.home.lasts(`slot ${this.id}`, lost && this.node !== undefined) > 300) {
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
      const ignored = home.lasts(`ignored ${this.id} ${other.peer}`, eligible.has(other.peer))
      if (ignored > 1_500) {
        const state = this.#states.get(other.peer)
        this.accuse(
          `${home.name(other.peer)}, a ${state}, is ignored for ${ignored} ms though ${missing} sessions are missing`
        )
      }
    }
    const isSettled = shape.sessionCount <= outbound || (opening === 0 && eligible.size === 0)
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
    for (const [key, count] of this.home.leases) {
      if (key.endsWith(this.id) && count > 0) this.accuse("a lease is left after the node's end")
    }
  }
}
