import { Clock, type Context, Effect, FiberSet, Latch, Layer, Option, Random, Stream } from "effect"
import {
  addressFacts,
  type AnswerPeers,
  type Chain,
  chainId,
  ConnectionPool,
  Control,
  Identity,
  isSameChain,
  monotonicMillis,
  PeerBook,
  type PeerFacts,
  type PeerId
} from "../../../signatures/index.ts"
import { Acquaintances } from "./Acquaintances.ts"
import { isCurrent } from "./age.ts"
import { Answers, type Teachable } from "./answers.ts"
import { answered, type AskDecision, type AskState, fewSpare, nobodyAsked, whomToAsk } from "./asking.ts"
import { KnownRecords } from "./KnownRecords.ts"
import { lessonOf, maxNewAddresses } from "./lesson.ts"
import { type ExchangeSetting, exchangeSetting, type PeerExchangeOptions } from "./options.ts"

/** Between two looks: what happens together is looked at together. */
const lookMillis = 250
/** The same, when there is no need to ask anybody. */
const contentMillis = 1_000
/** How many more than are needed are counted of those that each chain could try, of all chains together and of each. */
const countedInAll = 1_024
const countedOfEach = 64

interface Needs {
  readonly setting: ExchangeSetting
  readonly self: PeerId
  readonly control: Context.Service.Shape<typeof Control>
  readonly pool: Context.Service.Shape<typeof ConnectionPool>
  readonly book: Context.Service.Shape<typeof PeerBook>
  readonly open: Context.Service.Shape<typeof Identity>["open"]
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds of the time of day. */
  readonly wall: () => number
  readonly random: () => number
}

/** Carries out what the rules decide: asks and visits peers, takes in what they say, and answers them. */
class Exchange {
  private readonly needs: Needs
  private readonly acquaintances = new Acquaintances()
  private readonly answers: Answers
  private readonly records: KnownRecords
  /** Those that have said who they are on the link that is up. */
  private readonly greeted = new Set<PeerId>()
  private state: AskState = nobodyAsked
  /** While there is no need to ask: whose need that is, and how much may happen until there may be one. */
  private content: { readonly served: ReturnType<Needs["control"]["served"]>; slack: number } | undefined
  /** Open: something has happened that may matter. */
  readonly bell = Latch.makeUnsafe(false)

  constructor(needs: Needs) {
    this.needs = needs
    this.answers = new Answers(needs.setting.sameFor)
    this.records = new KnownRecords(needs.open)
  }

  private ring(): void {
    if (this.content === undefined) this.bell.openUnsafe()
  }

  /** Of a peer, with links or leases: whatever it is, each chain can try one peer less for it at most. */
  onChange(): void {
    const { content } = this
    if (content === undefined || --content.slack < 0 || content.served !== this.needs.control.served()) {
      this.bell.openUnsafe()
    }
  }

  onLinks(what: "links" | "leases"): void {
    if (what === "links") {
      const links = this.needs.pool.links()
      this.acquaintances.look(links, this.needs.now())
      for (const peer of this.greeted) if (!links.has(peer)) this.greeted.delete(peer)
    }
    this.onChange()
  }

  /** A peer has said who it is. */
  meet(peer: PeerId, envelope: Uint8Array): Effect.Effect<void> {
    const { book, now, pool } = this.needs
    // It may be gone by the time that its signature is checked.
    const isLinked = () => pool.links().has(peer)
    return this.records.read(envelope).pipe(
      Effect.map((record) => {
        if (record.peer !== peer || !isLinked()) return
        const known = Option.getOrUndefined(book.peer(peer))?.firstSuccess
        this.acquaintances.meet(peer, envelope, record.sequence, now(), known)
      }),
      // One that is no good is reported where the book learns of it, and charged to nobody.
      Effect.ignore,
      Effect.andThen(Effect.sync(() => {
        if (!isLinked()) return
        this.greeted.add(peer)
        this.ring()
      }))
    )
  }

  /** What a peer says of others. What is forged proves that it doesn't look at what it hands on. */
  takeIn(
    from: PeerId,
    envelopes: ReadonlyArray<Uint8Array>,
    source: "exchange" | "rejection"
  ): Effect.Effect<void> {
    const { book, self, wall } = this.needs
    const knownOf = (peer: PeerId) =>
      Option.match(book.peer(peer), { onNone: () => [], onSome: (one) => one.addresses })
    let room = maxNewAddresses
    return Effect.forEach(
      envelopes,
      (envelope) =>
        Effect.map(this.records.read(envelope), (record) => {
          if (!isCurrent(record, wall()) || Option.isSome(book.bannedUntil(record.peer))) return
          const lesson = lessonOf(record, self, knownOf, room)
          if (lesson === undefined) return
          room -= lesson.fresh
          book.learn(lesson.record, source)
        }),
      { discard: true }
    ).pipe(
      Effect.catchTag("RecordRejected", (error) =>
        Effect.andThen(
          Effect.logWarning(`${error.message}: a peer handed it on`).pipe(Effect.annotateLogs({ peer: from })),
          Effect.sync(() => book.record({ _tag: "Violation", peer: from }))
        ))
    )
  }

  private privateChains(): ReadonlySet<string> {
    return new Set(this.needs.control.served().flatMap((one) => one.private ? [chainId(one.chain)] : []))
  }

  /** Who lives, and is no secret. */
  private mayBeTold(facts: PeerFacts, secret: ReadonlySet<string>): boolean {
    if (facts.failures > 0 || facts.addresses.length === 0) return false
    if (Option.isSome(this.needs.book.bannedUntil(facts.peer))) return false
    for (const owner of facts.sticky) if (secret.has(owner)) return false
    const chains = Option.getOrElse(facts.chains, (): ReadonlyArray<Chain> => [])
    return chains.length === 0 || chains.some((chain) => !secret.has(chainId(chain)))
  }

  /** By `chainId`. */
  private chainsOf(peer: PeerId): ReadonlySet<string> {
    const chains = Option.flatMap(this.needs.book.peer(peer), (facts) => facts.chains)
    return new Set(Option.getOrElse(chains, (): ReadonlyArray<Chain> => []).map(chainId))
  }

  readonly answer: AnswerPeers = (asker, chain) => {
    const { book, now, random, setting, wall } = this.needs
    const time = now()
    const today = wall()
    const secret = this.privateChains()
    const shared = [...this.chainsOf(asker)].filter((id) => !secret.has(id))
    const look = (peer: PeerId): Teachable | undefined => {
      const facts = Option.getOrUndefined(book.peer(peer))
      if (peer === asker || facts === undefined || !this.mayBeTold(facts, secret)) return undefined
      const chains = this.chainsOf(peer)
      return {
        isShared: shared.some((id) => chains.has(id)),
        groups: facts.addresses.flatMap((address) => Option.toArray(addressFacts(address).group))
      }
    }
    const proven = () => [...this.acquaintances.proven(setting.provenFor, time, today)]
    const told = this.answers.to(asker, time, proven, look, random).filter((peer) =>
      Option.exists(book.peer(peer), (facts) => this.mayBeTold(facts, secret))
    )
    const serves = (peer: PeerId) => Number(chain !== undefined && this.chainsOf(peer).has(chainId(chain)))
    const sorted = chain === undefined ? told : told.toSorted((a, b) => serves(b) - serves(a))
    return sorted.flatMap((peer) => this.acquaintances.envelope(peer, today) ?? [])
  }

  /** How many peers a chain could still try; counted no further than to `most`. */
  private spareOf(chain: Chain, most: number): number {
    const { book, pool } = this.needs
    const links = pool.links()
    let spare = 0
    for (const { addresses, peer, remembered, standing } of book.candidates(chain)) {
      if (spare === most) break
      if (remembered !== undefined || standing._tag !== "Clear") continue
      const link = links.get(peer)
      const isFree = link === undefined
        ? addresses.length > 0
        : !link.chains.some((one) => isSameChain(one, chain))
      if (isFree) spare++
    }
    return spare
  }

  /** Asks whom the rules say. */
  look(start: (effect: Effect.Effect<void>) => void): Pick<AskDecision, "slack" | "wakeAt"> {
    const { book, control, now, pool, random, setting } = this.needs
    const served = control.served()
    const chains = served.flatMap((one) => one.private ? [] : [one.chain])
    const most = fewSpare + Math.min(countedOfEach, Math.floor(countedInAll / chains.length))
    // Who is only remembered from an earlier process may be long gone.
    const known = book.all().filter(({ remembered }) => remembered === undefined)
    const decision = whomToAsk(
      setting,
      this.state,
      {
        linked: [...this.greeted],
        known: known.length,
        isPublic: chains.length > 0,
        spare: () => chains.reduce((fewest, chain) => Math.min(fewest, this.spareOf(chain, fewest)), most),
        strangers: () => {
          const links = pool.links()
          return known.flatMap(({ addresses, failures, peer }) =>
            addresses.length > 0 && failures === 0 && !links.has(peer) && Option.isNone(book.bannedUntil(peer))
              ? [peer]
              : []
          )
        }
      },
      now(),
      random
    )
    this.state = decision.state
    this.content = decision.slack === undefined ? undefined : { served, slack: decision.slack }
    for (const peer of decision.ask) start(this.ask(peer))
    const [chain] = chains
    // Its link stays for a moment: when it has said who it is, it is asked.
    if (decision.visit !== undefined && chain !== undefined) {
      start(pool.lease(decision.visit, chain).pipe(Effect.map((lease) => lease.release()), Effect.ignore))
    }
    return decision
  }

  private ask(peer: PeerId): Effect.Effect<void> {
    const { control, now, random, setting } = this.needs
    return Effect.flatMap(control.askPeers(peer), (answer) => {
      const records = Option.getOrUndefined(answer)
      return Effect.andThen(
        records === undefined ? Effect.void : this.takeIn(peer, records, "exchange"),
        Effect.sync(() => {
          this.state = answered(setting, this.state, peer, records?.length, now(), random)
          this.ring()
        })
      )
    })
  }
}

const reported = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.tapDefect(effect, (defect) => Effect.logError("peer exchange is broken: this is a bug", defect))

const make = Effect.fnUntraced(function*(options: PeerExchangeOptions) {
  const control = yield* Control
  const pool = yield* ConnectionPool
  const { open, self } = yield* Identity
  const book = yield* PeerBook
  const now = yield* monotonicMillis
  const clock = yield* Clock.Clock
  const draws = yield* Random.Random
  const start = yield* FiberSet.makeRuntime<never, void, never>()
  const exchange = new Exchange({
    setting: exchangeSetting(options),
    self,
    control,
    pool,
    book,
    open,
    now,
    wall: () => clock.currentTimeMillisUnsafe(),
    random: () => draws.nextDoubleUnsafe()
  })

  yield* control.answerPeers(exchange.answer)
  yield* pool.watch((what) => exchange.onLinks(what))
  yield* book.watch(() => exchange.onChange())
  yield* control.events.pipe(
    Stream.runForEach((event) => {
      if (event._tag === "Info") return exchange.meet(event.peer, event.record)
      if (event._tag === "Alternatives") return exchange.takeIn(event.peer, event.records, "rejection")
      return Effect.void
    }),
    reported,
    Effect.forkScoped({ startImmediately: true })
  )

  let wakeAt = Infinity
  const look = Effect.suspend(() => {
    exchange.bell.closeUnsafe()
    const decision = exchange.look((effect) => void start(reported(effect)))
    wakeAt = decision.wakeAt
    return Effect.sleep(decision.slack === undefined ? lookMillis : contentMillis)
  })
  const untilNext = Effect.suspend(() =>
    wakeAt === Infinity
      ? exchange.bell.await
      : Effect.timeoutOption(exchange.bell.await, Math.max(0, Math.ceil(wakeAt - now())))
  )
  yield* untilNext.pipe(
    Effect.andThen(look),
    Effect.forever,
    reported,
    Effect.forkScoped({ startImmediately: true })
  )
})

/**
 * Peers learn of each other: asks those with a link whom they know, tells those that ask, and takes in what comes with
 * rejections. Only what is signed counts, and nobody is told of a peer that we haven't known to live for a while.
 */
export const layerPeerExchange = (
  options: PeerExchangeOptions = {}
): Layer.Layer<never, never, Control | ConnectionPool | Identity | PeerBook> => Layer.effectDiscard(make(options))
