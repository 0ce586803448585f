/** What one process does, as its own services saw it. */
import { Option } from "effect"
import { type Chain, chainId, type ConnectionPool, type PeerBook, type PeerId } from "../../../signatures/index.ts"
import { type ChainWatch } from "./ChainWatch.ts"
import { Patience } from "./Patience.ts"
import { type World } from "./World.ts"

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
  /** By chain and peer. */
  readonly #leases = new Map<string, Map<PeerId, number>>()
  /** Links that the pool has told up and not down, by peer. */
  readonly links = new Map<PeerId, number>()
  /** Of peers that were banned: until when, at least. */
  readonly bans = new Map<PeerId, number>()
  /** When something was last charged to a peer, or to anybody. */
  readonly chargedAt = new Map<PeerId, number>()
  readonly goodbyes = new Set<PeerId>()
  /** How often all dials of a peer failed while there was no link at all. */
  readonly inVain = new Map<PeerId, number>()
  readonly #doubled = new Patience<PeerId>()
  readonly #unused = new Patience<string>()
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

  /** Of a chain: how many by peer. */
  leasesOf(chain: string): Map<PeerId, number> {
    let leases = this.#leases.get(chain)
    if (leases === undefined) this.#leases.set(chain, leases = new Map())
    return leases
  }

  lease(peer: PeerId, chain: Chain, by: 1 | -1): void {
    const leases = this.leasesOf(chainId(chain))
    leases.set(peer, (leases.get(peer) ?? 0) + by)
    this.watchOf(chain)?.touch()
  }

  /** What may be wrong for a moment, and not for long. Looked at a few times per second of virtual time. */
  lookAround(): void {
    if (!this.isAlive()) return
    const now = this.now()
    for (const [peer, count] of this.links) {
      if (this.#doubled.lasts(peer, count > 1, now) > 20_000) this.accuse(`two links to ${this.name(peer)} for 20 s`)
    }
    for (const [peer, until] of this.bans) {
      if (until > now && Option.isNone(this.book.bannedUntil(peer))) {
        this.accuse(`the ban of ${this.name(peer)} is forgotten`)
      }
    }
    const views = this.pool.links()
    for (const view of views.values()) {
      for (const chain of view.chains) {
        const isUsed = this.watchOf(chain)?.isBusy(view.peer) ?? false
        if (this.#unused.lasts(`${chain.name} ${view.peer}`, !isUsed, now) > 1_000) {
          this.accuse(`the pool says that ${chain.name} leases the link to ${this.name(view.peer)}, but it does not`)
        }
      }
    }
    for (const watch of this.chains.values()) watch.lookAround()
  }
}
