/** What one process does, as its own services saw it. */
import { Option } from "effect"
import { type Chain, chainId, type ConnectionPool, type PeerBook, type PeerId } from "../../../signatures/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { type World } from "./World.ts"

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
  /** When our own end was last found to have been cut off. */
  cutOffAt = Number.NEGATIVE_INFINITY
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
