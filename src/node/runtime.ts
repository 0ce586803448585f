import { Cause, Context, Deferred, Duration, Effect, Exit, type Fiber, Option, Random, type Scope } from "effect"
import {
  chainId,
  type CloseCode,
  Connections,
  type Decide,
  Identity,
  isSmaller,
  type OpenedConnection,
  type P2pSession,
  type PeerId,
  type SessionOutcome,
  type Standing
} from "../../signatures/index.ts"
import { Alarms, type Sleeper } from "./alarms.ts"
import { Attempts } from "./attempts.ts"
import { Chores } from "./chores.ts"
import { concerns, type PeerNews } from "./concern.ts"
import { Household, type Member } from "./household.ts"
import { Keeper, type KeeperHost } from "./keeper.ts"
import { isMissing } from "./look.ts"
import { News } from "./news.ts"
import { Opening, type OpeningResult } from "./openings.ts"
import { pairOf } from "./pairs.ts"
import { naming, type Services } from "./services.ts"
import type { Settings } from "./settings.ts"
import { type Command, type Event, initialState, type NotOpened, type State } from "./state.ts"
import { step } from "./step.ts"
import { groupOf } from "./views.ts"

/** A session that is to end before its connection is here. */
interface Ending {
  readonly attempt: number
  readonly code: CloseCode
}

/** Interruptible wherever it is waited for. One for all, as each node keeps it. */
const forEver = Effect.interruptible(Effect.never)

/** Carries out what `step` decides. A class, because a process may hold thousands: methods weigh nothing. */
export class Runtime<E, R> implements KeeperHost<E, R>, Sleeper, Member {
  readonly session: P2pSession<E, R>
  readonly #settings: Settings
  readonly #services: Services<R>
  readonly #alarms: Alarms
  readonly #household: Household
  readonly #connections: Connections["Service"]
  readonly #self: PeerId
  readonly #draws: Context.Service.Shape<typeof Random.Random>
  /** Openings, then their sessions' keepers. */
  readonly #attempts = new Attempts<Opening | Keeper<E, R> | Ending>()
  /** None is ever interrupted, and `stop` waits for all that take time: each belongs to an attempt that holds a slot. */
  readonly #chores: Chores
  #state: State = initialState
  #unserve: (() => void) | undefined
  /** Made when somebody listens. */
  #news: News | undefined
  /** Made when somebody waits. */
  #gone: Deferred.Deferred<void> | undefined
  #runsIn: Fiber.Fiber<unknown, unknown> | undefined
  #brokenBy: Effect.Effect<void> = Effect.void
  #willLook = false
  /** Something in the book may concern us that was not looked at yet. */
  #isNews = false
  #willRing = false
  alarmAt = Infinity
  alarmPlace = -1

  constructor(settings: Settings, session: P2pSession<E, R>, services: Services<R>) {
    this.session = session
    this.#settings = settings
    this.#services = services
    this.#alarms = Alarms.of(services)
    this.#household = Household.of(services)
    this.#connections = Context.get(services, Connections)
    this.#self = Context.get(services, Identity).self
    this.#draws = Context.get(services, Random.Random)
    this.#chores = new Chores({
      soon: (job) => this.#household.soon(job),
      broken: (defect) => this.#break(Cause.die(defect))
    })
  }

  get state(): State {
    return this.#state
  }

  get now(): () => number {
    return this.#alarms.now
  }

  get drainTimeout(): number {
    return this.#settings.drainTimeout
  }

  get news(): News {
    return this.#news ??= new News((job) => this.#chores.begin(() => this.#fork(job)))
  }

  /** Makes known the peers that the user gave, begins to hear of everything, and takes a first look. Not to be interrupted. */
  start(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { chain, known, limits } = this.#settings
      const { book } = this.#household
      for (const [peer, addresses] of known) {
        book.learn({ peer, sequence: 0n, addresses: [...addresses] }, "config")
        book.stick(peer, chainId(chain))
      }
      return this.#household.join(this).pipe(
        Effect.andThen(Effect.sync(() => {
          this.#unserve = this.#connections.serve(chain, limits, ({ peer }) => this.#decide(peer))
          this.#heard()
        })),
        Effect.onError(() => this.#leave())
      )
    })
  }

  /** For good. Completes when the last session is gone, and everybody has heard of it. */
  stop(code: "draining" | "shutdown"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#dispatch({ _tag: "Stop", code })
      const gone = this.#isGone() ? Effect.void : Deferred.await(this.#gone ??= Deferred.makeUnsafe())
      return Effect.andThen(gone, Effect.suspend(() => this.#news?.tellAll() ?? Effect.void))
    })
  }

  /** As `stop`; then all that it holds is given back. */
  shutDown(): Effect.Effect<void> {
    return this.stop("shutdown").pipe(
      Effect.andThen(Effect.suspend(() => this.news.end())),
      Effect.andThen(this.#leave())
    )
  }

  #leave(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { chain, known } = this.#settings
      for (const peer of known.keys()) this.#household.book.unstick(peer, chainId(chain))
      this.#unserve?.()
      return this.#household.leave(this)
    })
  }

  /** Until the fiber is interrupted: by others, or because the node dies of a bug, which is its end then. */
  run(fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<never> {
    this.#runsIn = fiber
    return Effect.onExit(forEver, () => Effect.andThen(this.shutDown(), Effect.suspend(() => this.#brokenBy)))
  }

  wake(): void {
    if (this.#willLook || this.#willRing || this.#state.mode === "stopping") return
    this.#willRing = true
    this.#chores.begin(() => {
      this.#willRing = false
      this.#dispatch({ _tag: "Rang", standing: (peer) => this.#standing(peer) })
    })
  }

  #standing(peer: PeerId): Standing {
    return this.#household.book.standing(peer, this.#settings.chain)
  }

  /** Whatever the book says may have changed. */
  #heard(): void {
    this.#isNews = true
    this.#lookSoon()
  }

  /** Somebody may be missing. */
  #lookSoon(): void {
    if (this.#willLook || this.#state.mode === "stopping") return
    this.#willLook = true
    this.#chores.begin(() => this.#look())
  }

  setAlarm(sleeper: Sleeper, at: number): void {
    this.#alarms.set(sleeper, at)
  }

  sessionEnded({ attempt, peer }: Keeper<E, R>): void {
    const pair = this.#state.pairs.busy.get(peer)
    // Of most it is known: it was ended by ourselves, or this is the second word of it.
    if (pair?.state === "Active" && pair.attempt === attempt) this.#dispatch({ _tag: "Ended", peer, attempt })
  }

  finish(
    { attempt, peer }: Keeper<E, R>,
    outcome: SessionOutcome,
    last: Effect.Effect<void>,
    services: Context.Context<Exclude<R, Scope.Scope>>
  ): void {
    const released = Effect.map(last, () => {
      this.#dispatch({ _tag: "Released", peer, attempt, outcome, standing: this.#settle(peer, outcome) })
      this.#review(peer)
      this.#attempts.forget(attempt)
    })
    this.#chores.begin(() => this.#fork(released, services))
  }

  /** What happens to a peer with a session is looked at when the session is over. */
  onPeer(peer: PeerId, news: PeerNews): void {
    const { pairs } = this.#state
    if (this.#isNews || pairs.busy.has(peer)) return
    const pair = pairOf(pairs, peer)
    if (concerns(this.#settings, this.#state, pair, news, this.#standing(peer), this.now)) this.#heard()
  }

  /** It held a slot until now, and what the book learnt of it meanwhile was not looked at. */
  #review(peer: PeerId): void {
    const { book } = this.#household
    const facts = Option.getOrUndefined(book.peer(peer))
    this.onPeer(peer, { facts, servesAsBefore: false, suspectsItself: book.suspectsItself() })
  }

  onLinks(): void {
    if (this.#state.lacksLink) this.#lookSoon()
  }

  #decide(peer: PeerId): ReturnType<Decide> {
    const { book, pool } = this.#household
    const link = pool.links().get(peer)
    const answer = this.#dispatch({
      _tag: "Hello",
      peer,
      standing: this.#standing(peer),
      isSmaller: isSmaller(peer, this.#self),
      newcomer: !Option.exists(book.peer(peer), ({ lastSuccess }) => Option.isSome(lastSuccess)),
      group: link === undefined ? undefined : groupOf(link.remote)
    })
    const accepted = answer.find((command) => command._tag === "Accept")
    if (accepted !== undefined) {
      return { accept: (opened) => this.#keep(peer, accepted.attempt, opened, this.#servicesOf(peer)) }
    }
    const rejected = answer.find((command) => command._tag === "Reject")
    if (rejected === undefined) throw new Error("a hello was neither accepted nor rejected: this is a bug")
    return { reject: rejected.reason, retryAfter: Duration.millis(rejected.retryAfter) }
  }

  /** Decides, and carries out all commands but those that the caller answers itself. */
  #dispatch(event: Event): ReadonlyArray<Command> {
    const random = () => this.#draws.nextDoubleUnsafe()
    const [next, commands] = step(this.#settings, this.#state, event, this.now(), random)
    this.#state = next
    // A rejection changes nothing.
    let isChanged = event._tag === "Rang"
    for (const command of commands) {
      isChanged ||= command._tag !== "Reject"
      this.#carryOut(command)
    }
    if (this.#gone !== undefined && this.#isGone()) Deferred.doneUnsafe(this.#gone, Effect.void)
    // Who has just looked would see the same again.
    if (isChanged && event._tag !== "Looked" && isMissing(this.#settings, next)) this.#lookSoon()
    if (!this.#willLook && !this.#willRing) this.#alarms.set(this, next.wakeAt)
    return commands
  }

  #isGone(): boolean {
    return this.#state.mode === "stopping" && this.#state.pairs.busy.size === 0
  }

  #carryOut(command: Command): void {
    switch (command._tag) {
      case "Open":
        return this.#open(command.peer, command.attempt)
      case "Cancel":
        return this.#cancel(command.attempt)
      case "End":
        return this.#end(command.attempt, command.code)
      case "Announce":
        return this.#news?.tell(command.event)
      case "Complain":
        return this.#log(Effect.logError("the policy of the node threw: nobody is picked", command.cause))
      case "Accept":
      case "Reject":
        return
    }
  }

  #open(peer: PeerId, attempt: number): void {
    const { chain, limits } = this.#settings
    const opening = new Opening(attempt)
    this.#attempts.add(opening)
    this.#household.count(peer, 1)
    this.#chores.begin(() => {
      const services = this.#servicesOf(peer)
      opening.run(this.#connections.open(peer, chain, limits), services, (result) => {
        this.#attempts.forget(attempt)
        this.#household.count(peer, -1)
        this.#onOpening(peer, attempt, result, services)
      })
    })
  }

  #onOpening(peer: PeerId, attempt: number, result: OpeningResult, services: Services<R>): void {
    if (result._tag === "Cancelled" && result.died !== undefined) {
      this.#log(Effect.logError("an opening died: this is a bug", result.died))
    }
    if (result._tag !== "Opened") {
      const outcome: NotOpened = result._tag === "Cancelled" ? { _tag: "Cancelled" } : result
      return this.#fail(peer, attempt, outcome)
    }
    const { opened } = result
    const pair = this.#state.pairs.busy.get(peer)
    if (this.#state.mode === "running" && pair?.attempt === attempt) {
      this.#dispatch({ _tag: "Opened", peer, attempt, group: groupOf(opened.remote) })
      return this.#keep(peer, attempt, opened, services)
    }
    // It came about in the moment in which it was given up.
    opened.end(this.#state.mode === "running" ? "closed" : "draining")
    const released = Effect.map(opened.released, () => this.#fail(peer, attempt, { _tag: "Cancelled" }))
    this.#chores.begin(() => this.#fork(released))
  }

  #cancel(attempt: number): void {
    const opening = this.#attempts.find(attempt)
    if (opening instanceof Opening) opening.cancel()
  }

  #end(attempt: number, code: CloseCode): void {
    const keeper = this.#attempts.find(attempt)
    if (!(keeper instanceof Keeper)) this.#attempts.add({ attempt, code })
    else this.#endKept(keeper, code)
  }

  #endKept(keeper: Keeper<E, R>, code: CloseCode): void {
    this.#chores.begin(() => keeper.end(code))
  }

  #settle(peer: PeerId, outcome: SessionOutcome) {
    const { chain } = this.#settings
    this.#household.book.record({ _tag: "SessionEnded", peer, chain, outcome })
    return this.#standing(peer)
  }

  #fail(peer: PeerId, attempt: number, outcome: NotOpened): void {
    this.#dispatch({ _tag: "NotOpened", peer, attempt, outcome, standing: this.#settle(peer, outcome) })
    this.#review(peer)
  }

  #keep(peer: PeerId, attempt: number, opened: OpenedConnection, services: Services<R>): void {
    const keeper = new Keeper<E, R>(this, peer, attempt, opened)
    const ending = this.#attempts.find(attempt)
    this.#attempts.forget(attempt)
    this.#attempts.add(keeper)
    if (ending !== undefined && "code" in ending) this.#endKept(keeper, ending.code)
    this.#chores.begin(() => keeper.run(services))
  }

  #look(): void {
    const isNews = this.#isNews
    this.#willLook = false
    this.#isNews = false
    this.#dispatch({
      _tag: "Looked",
      isNews,
      candidates: this.#household.book.candidates(this.#settings.chain),
      links: this.#household.pool.links,
      view: (facts, link, isKnown) => this.#household.view(facts, link, isKnown),
      suspectsItself: this.#household.book.suspectsItself(),
      standing: (peer) => this.#standing(peer)
    })
  }

  #servicesOf(peer?: PeerId): Services<R> {
    return naming(this.#services, this.#settings.chain, peer)
  }

  #log(message: Effect.Effect<void>): void {
    this.#chores.begin(() => this.#fork(message, this.#servicesOf()))
  }

  #fork(job: Effect.Effect<void>, services: Context.Context<never> = this.#services): void {
    Effect.runForkWith(services)(job).addObserver((exit) => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) this.#break(exit.cause)
    })
  }

  #break(cause: Cause.Cause<never>): void {
    this.#brokenBy = Effect.failCause(cause)
    this.#log(Effect.logError("the node is broken: this is a bug", cause))
    this.#runsIn?.interruptUnsafe()
  }
}
