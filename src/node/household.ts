import { Context, Effect, Exit, Fiber, Option, Scheduler, Scope } from "effect"
import {
  type CandidateFacts,
  ConnectionPool,
  type LinkView,
  type NodeServices,
  PeerBook,
  type PeerId,
  type SelectionCandidate
} from "../../signatures/index.ts"
import type { PeerNews } from "./concern.ts"
import { Views } from "./views.ts"

/** A node, as far as its household knows it. Both are called synchronously, and must not call back. */
export interface Member {
  onPeer(peer: PeerId, news: PeerNews): void
  onLinks(): void
}

/** The nodes of one process, known by their book. Together they watch it and the links once, however many they are. */
export class Household {
  readonly book: PeerBook["Service"]
  readonly pool: ConnectionPool["Service"]
  /** Runs what its nodes have begun, soon: not from inside of whatever goes on now. It must not throw. */
  readonly soon: (job: () => void) => void
  readonly #members = new Set<Member>()
  /** By how many members a peer is asked for a session: few, and mostly none. */
  readonly #asked = new Map<PeerId, number>()
  readonly #views = new Views()
  #watching: Scope.Closeable | undefined

  private constructor(
    book: PeerBook["Service"],
    pool: ConnectionPool["Service"],
    scheduler: Scheduler.Scheduler
  ) {
    this.book = book
    this.pool = pool
    const dispatcher = scheduler.makeDispatcher()
    this.soon = (job) => {
      // At the fiber that runs now, if one does: a simulation knows fibers by who started them.
      const current = Fiber.getCurrent()
      const its = current?.cache.scheduler === scheduler ? current.currentDispatcher : dispatcher
      its.scheduleTask(job, 0)
    }
  }

  static readonly #all = new WeakMap<PeerBook["Service"], Household>()

  static of(services: Context.Context<NodeServices>): Household {
    const book = Context.get(services, PeerBook)
    let household = Household.#all.get(book)
    if (household === undefined) {
      household = new Household(
        book,
        Context.get(services, ConnectionPool),
        Context.get(services, Scheduler.Scheduler)
      )
      Household.#all.set(book, household)
    }
    return household
  }

  join(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#members.add(member)
      if (this.#watching !== undefined) return Effect.void
      const scope = this.#watching = Scope.makeUnsafe()
      return Effect.andThen(
        this.book.watch((peer) => {
          const facts = Option.getOrUndefined(this.book.peer(peer))
          const servesAsBefore = facts !== undefined && this.#views.chainsOf(peer) === facts.chains
          if (facts === undefined) this.#views.forget(peer)
          const news = { facts, servesAsBefore, suspectsItself: this.book.suspectsItself() }
          for (const member of this.#members) member.onPeer(peer, news)
        }),
        this.pool.watch((what) => {
          if (what === "links") { for (const member of this.#members) member.onLinks() }
        })
      ).pipe(Scope.provide(scope))
    })
  }

  /** One member more, or less, asks the peer. */
  count(peer: PeerId, by: 1 | -1): void {
    const asked = this.asked(peer) + by
    if (asked === 0) this.#asked.delete(peer)
    else this.#asked.set(peer, asked)
  }

  asked(peer: PeerId): number {
    return this.#asked.size === 0 ? 0 : this.#asked.get(peer) ?? 0
  }

  /** What a policy is told of a candidate. */
  view(facts: CandidateFacts, link: LinkView | undefined, isKnown: boolean): SelectionCandidate {
    return this.#views.of(facts, link, this.asked(facts.peer), isKnown)
  }

  leave(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#members.delete(member)
      const scope = this.#watching
      if (this.#members.size > 0 || scope === undefined) return Effect.void
      this.#watching = undefined
      this.#views.clear()
      return Scope.close(scope, Exit.void)
    })
  }
}
