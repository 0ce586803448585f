import { Duration, Effect, FiberHandle, Layer, Option, Random } from "effect"
import {
  type Address,
  addressFacts,
  type Disk,
  Identity,
  monotonicMillis,
  PeerBook,
  type PeerId
} from "../../signatures/index.ts"
import { encodeBook } from "./file.ts"
import { historyOf } from "./history.ts"
import { learn, learnChains, stick, unstick } from "./learn.ts"
import { peerBookDefaults, type PeerBookOptions, type Setting } from "./options.ts"
import { banByHand, record, unban } from "./record.ts"
import type { RestoredBook } from "./restore.ts"
import { bannedUntil, standing } from "./standing.ts"
import { type Ban, type BookChange, type BookState, type Entry, noLinks } from "./state.ts"
import { readBook, writeBook } from "./storage.ts"
import { calm, isSuspecting, suspicionMillis } from "./suspicion.ts"
import { Views } from "./views.ts"

const byPeer = (addresses: ReadonlyArray<Address>): ReadonlyMap<PeerId, ReadonlyArray<Address>> => {
  const found = new Map<PeerId, ReadonlyArray<Address>>()
  for (const address of addresses) {
    const peer = Option.getOrUndefined(addressFacts(address).peer)
    if (peer !== undefined) found.set(peer, [...(found.get(peer) ?? []), address])
  }
  return found
}

/** Whether a change says who there is, where, or who is banned, and not merely how it went with peers that are known. */
const isNews = (known: ReadonlyMap<PeerId, Entry>, { bans, peers }: BookChange): boolean => {
  if (bans.size > 0) return true
  for (const [peer, entry] of peers) {
    const before = known.get(peer)
    if (before === undefined || entry === undefined) return true
    if (entry.learnt !== before.learnt || entry.given !== before.given) return true
    if (before.health.firstSuccess === undefined && entry.health.firstSuccess !== undefined) return true
  }
  return false
}

/** The state, and who watches it. Decisions are made elsewhere; this is where they take effect. */
class Book {
  readonly #peers: Map<PeerId, Entry>
  readonly #bans: Map<PeerId, Ban>
  readonly #listeners = new Set<(peer: PeerId) => void>()
  readonly views = new Views()
  #state: BookState
  /** Called once for each change that is worth remembering; `isNews`: see there. */
  onChange: (isNews: boolean) => void = () => {}

  constructor({ bans, peers }: RestoredBook) {
    this.#peers = new Map(peers)
    this.#bans = new Map(bans)
    this.#state = { peers: this.#peers, bans: this.#bans, own: new Set(), links: noLinks, suspicion: calm }
  }

  get state(): BookState {
    return this.#state
  }

  apply(change: BookChange): void {
    const hasNews = isNews(this.#peers, change)
    for (const [peer, entry] of change.peers) {
      if (entry === undefined) this.#peers.delete(peer)
      else this.#peers.set(peer, entry)
    }
    for (const [peer, ban] of change.bans) {
      if (ban === undefined) this.#bans.delete(peer)
      else this.#bans.set(peer, ban)
    }
    const { links, own, suspicion } = change
    if (hasNews || change.peers.size > 0 || links.dialled !== this.#state.links.dialled) this.onChange(hasNews)
    this.#state = { peers: this.#peers, bans: this.#bans, own, links, suspicion }
    this.views.changed(change)
    this.tell(change.seen)
  }

  tell(peers: Iterable<PeerId>): void {
    const listeners = Array.from(this.#listeners)
    for (const peer of peers) for (const listener of listeners) listener(peer)
  }

  watch(listener: (peer: PeerId) => void): () => void {
    // Of its own, so that one function may watch twice.
    const one = (peer: PeerId) => listener(peer)
    this.#listeners.add(one)
    return () => this.#listeners.delete(one)
  }
}

const none: RestoredBook = { peers: new Map(), bans: new Map() }

const makeBook = Effect.fnUntraced(function*(options: PeerBookOptions, remembered: RestoredBook, setting: Setting) {
  const now = yield* monotonicMillis
  const random = yield* Random.Random
  const alarm = yield* FiberHandle.makeRuntime<never>()
  const book = new Book(remembered)

  /** A suspicion lapses by itself: whoever waits for that must hear of it. A little late, so that it has lapsed by then. */
  const announceLapse = Effect.andThen(
    Effect.sleep(suspicionMillis + 10),
    Effect.sync(() => {
      const { suspicion } = book.state
      if (suspicion._tag === "Suspecting") book.tell(suspicion.probes.keys())
    })
  )

  const service = PeerBook.of({
    learn: (record, source) => book.apply(learn(book.state, setting, record, source, now())),
    learnChains: (peer, change) => book.apply(learnChains(book.state, setting, peer, change, now())),
    stick: (peer, owner) => book.apply(stick(book.state, setting, peer, owner, now())),
    unstick: (peer, owner) => book.apply(unstick(book.state, setting, peer, owner, now())),
    record: (charge) => {
      const before = book.state.suspicion
      book.apply(record(book.state, setting, charge, now(), random.nextDoubleUnsafe()))
      if (before._tag === "Calm" && book.state.suspicion._tag === "Suspecting") alarm(announceLapse)
    },
    candidates: (chain) => book.views.candidates(book.state, chain, now()),
    standing: (peer, chain) => standing(book.state, peer, chain, now()),
    peer: (peer) =>
      Option.map(Option.fromUndefinedOr(book.state.peers.get(peer)), (entry) => book.views.factsOf(entry)),
    bannedUntil: (peer) => Option.fromUndefinedOr(bannedUntil(book.state, peer, now())),
    history: (peer) => historyOf(book.state, peer),
    ban: (peer, duration, reason) =>
      book.apply(banByHand(book.state, setting, peer, Duration.toMillis(duration), reason, now())),
    unban: (peer) => book.apply(unban(book.state, peer, now())),
    suspectsItself: () => isSuspecting(book.state.suspicion, now()),
    all: () => Array.from(book.state.peers.values(), (entry) => book.views.factsOf(entry)),
    watch: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => book.watch(listener)),
        (unwatch) => Effect.sync(unwatch)
      ))
  })

  for (const [peer, addresses] of byPeer(options.bootstrap ?? [])) {
    service.learn({ peer, sequence: 0n, addresses }, "bootstrap")
  }
  return { book, now, service }
})

const settingOf = (options: PeerBookOptions): Effect.Effect<Setting, never, Identity> =>
  Effect.map(Identity, ({ self }) => ({ self, bounds: { ...peerBookDefaults, ...options } }))

/**
 * The peer book in memory. Our own addresses become known to it, and can't be learnt as another's, by
 * `learn({ peer: self, … }, "config")`: the pool does it once it listens.
 */
export const layerPeerBook = (options: PeerBookOptions = {}): Layer.Layer<PeerBook, never, Identity> =>
  Layer.effect(
    PeerBook,
    Effect.gen(function*() {
      return (yield* makeBook(options, none, yield* settingOf(options))).service
    })
  )

/**
 * The same, kept in a file as well: a restart goes on with what was known. A file that can't be used is set aside, and a disk
 * that can't be written is complained of; neither is fatal. One process per file.
 */
export const layerStoredPeerBook = (
  path: string,
  options: PeerBookOptions = {}
): Layer.Layer<PeerBook, never, Identity | Disk> =>
  Layer.effect(
    PeerBook,
    Effect.gen(function*() {
      const setting = yield* settingOf(options)
      const { book, now, service } = yield* makeBook(options, yield* readBook(path, setting), setting)
      book.onChange = yield* writeBook(path, (wallNow) => encodeBook(book.state, now(), wallNow))
      return service
    })
  )
