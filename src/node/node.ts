import {
  Cause,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  type Fiber,
  Option,
  Random,
  References,
  type Scope
} from "effect"
import {
  chainId,
  type CloseCode,
  ConnectionPool,
  Connections,
  type Decide,
  Identity,
  isSmaller,
  monotonicMillis,
  type NodeServices,
  type OpenedConnection,
  type P2pNode,
  type P2pNodeConfig,
  type P2pNodeMake,
  type P2pNodeRun,
  type P2pSession,
  PeerBook,
  type PeerId,
  type SessionOutcome
} from "../../signatures/index.ts"
import { Keeper } from "./keeper.ts"
import { groupOf } from "./look.ts"
import { News } from "./news.ts"
import { Opening } from "./openings.ts"
import { resolveSettings, type Settings } from "./settings.ts"
import {
  type Command,
  type Event,
  initialState,
  isBusy,
  type NotOpened,
  sessionsOf,
  type State,
  statsOf
} from "./state.ts"
import { step } from "./step.ts"

/** Timers don't reach further than 24 days; nothing that a node waits for is worth more than a day's sleep. */
const longestSleep = 86_400_000

/** What the node was made with: sessions find their services there too. */
type Services<R> = Context.Context<NodeServices | Exclude<R, Scope.Scope>>
/** What a node begins. */
type Job<R> = Effect.Effect<void, never, Exclude<R, Scope.Scope>>

/** Carries out what `step` decides. A class, because a process may hold thousands: methods weigh nothing. */
class Runtime<E, R> {
  readonly #settings: Settings
  readonly #session: P2pSession<E, R>
  readonly #services: Services<R>
  readonly book: PeerBook["Service"]
  readonly connections: Connections["Service"]
  readonly pool: ConnectionPool["Service"]
  readonly #self: PeerId
  readonly #now: () => number
  readonly #random: () => number
  /**
   * What is under way, by attempt: an opening, then a session's keeper; of a session that is to end before its connection is
   * here, the code with which.
   */
  readonly #attempts = new Map<number, Opening | Keeper<E, R> | CloseCode>()
  readonly #gone = Deferred.makeUnsafe<void>()
  /** Completes only if the node dies of a bug. */
  readonly broken = Deferred.makeUnsafe<never>()
  readonly news = new News((job) => this.#begin(job))
  #state: State = initialState
  #begun: Array<() => void> = []
  #willLook = false
  #alarm: Fiber.Fiber<void> | undefined
  #alarmAt = Infinity

  constructor(
    settings: Settings,
    session: P2pSession<E, R>,
    services: Services<R>,
    now: () => number,
    random: () => number
  ) {
    this.#settings = settings
    this.#session = session
    this.#services = services
    this.book = Context.get(services, PeerBook)
    this.connections = Context.get(services, Connections)
    this.pool = Context.get(services, ConnectionPool)
    this.#self = Context.get(services, Identity).self
    this.#now = now
    this.#random = random
  }

  get state(): State {
    return this.#state
  }

  /** Whatever concerns this node may have changed: a fresh look, soon. */
  lookAgain(): void {
    if (this.#willLook || this.#state.mode === "stopping") return
    this.#willLook = true
    this.#begin(Effect.sync(() => this.#look()))
  }

  /** What happens to a peer with a session is looked at when the session is over. */
  onPeer(peer: PeerId): void {
    if (!isBusy(this.#state.pairs.get(peer))) this.lookAgain()
  }

  onLinks(): void {
    if (this.#state.lacksLink) this.lookAgain()
  }

  /** For good. Completes when the last session is gone, and everybody has heard of it. */
  stop(code: "draining" | "shutdown"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#dispatch({ _tag: "Stop", code })
      this.#setAlarm()
      return Effect.andThen(Deferred.await(this.#gone), this.news.tellAll())
    })
  }

  decide(peer: PeerId): ReturnType<Decide> {
    const book = this.book
    const answer = this.#dispatch({
      _tag: "Hello",
      peer,
      standing: book.standing(peer, this.#settings.chain),
      isSmaller: isSmaller(peer, this.#self),
      newcomer: !Option.exists(book.peer(peer), ({ lastSuccess }) => Option.isSome(lastSuccess))
    })
    const accepted = answer.find((command) => command._tag === "Accept")
    if (accepted !== undefined) return { accept: (opened) => this.#keep(peer, accepted.attempt, opened) }
    const rejected = answer.find((command) => command._tag === "Reject")
    if (rejected === undefined) throw new Error("a hello was neither accepted nor rejected: this is a bug")
    return { reject: rejected.reason, retryAfter: Duration.millis(rejected.retryAfter) }
  }

  /** Decides, and carries out all commands but those that the caller answers itself. */
  #dispatch(event: Event): ReadonlyArray<Command> {
    const [next, commands] = step(this.#settings, this.#state, event, this.#now(), this.#random)
    this.#state = next
    for (const command of commands) this.#carryOut(command)
    if (this.#state.mode === "stopping" && ![...this.#state.pairs.values()].some(isBusy)) {
      Deferred.doneUnsafe(this.#gone, Effect.void)
    }
    // A rejection changes nothing, and a look has just been taken.
    if (event._tag !== "Looked" && commands.some((command) => command._tag !== "Reject")) this.lookAgain()
    return commands
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
        return this.news.tell(command.event)
      case "Complain":
        return this.#begin(
          this.#named(Effect.logError("the policy of the node threw: nobody is picked", command.cause))
        )
      case "Accept":
      case "Reject":
        return
    }
  }

  #open(peer: PeerId, attempt: number): void {
    const { chain, limits } = this.#settings
    const opening = new Opening(this.connections.open(peer, chain, limits))
    this.#attempts.set(attempt, opening)
    this.#begin(this.#named(Effect.flatMap(opening.run(), (result) => {
      this.#attempts.delete(attempt)
      if (result._tag !== "Opened") return Effect.sync(() => this.#fail(peer, attempt, result))
      const pair = this.#state.pairs.get(peer)
      if (this.#state.mode === "running" && isBusy(pair) && pair.attempt === attempt) {
        this.#dispatch({ _tag: "Opened", peer, attempt, group: groupOf(result.opened.remote) })
        this.#keep(peer, attempt, result.opened)
        return Effect.void
      }
      // It came about in the moment in which it was given up.
      result.opened.end(this.#state.mode === "running" ? "closed" : "draining")
      return Effect.andThen(
        result.opened.released,
        Effect.sync(() => this.#fail(peer, attempt, { _tag: "Cancelled" }))
      )
    })))
  }

  #cancel(attempt: number): void {
    const opening = this.#attempts.get(attempt)
    if (opening instanceof Opening) opening.cancel()
  }

  #end(attempt: number, code: CloseCode): void {
    const keeper = this.#attempts.get(attempt)
    if (keeper instanceof Keeper) this.#begin(keeper.end(code))
    else this.#attempts.set(attempt, code)
  }

  #settle(peer: PeerId, outcome: SessionOutcome) {
    const { chain } = this.#settings
    this.book.record({ _tag: "SessionEnded", peer, chain, outcome })
    return this.book.standing(peer, chain)
  }

  #fail(peer: PeerId, attempt: number, outcome: NotOpened): void {
    this.#dispatch({ _tag: "NotOpened", peer, attempt, outcome, standing: this.#settle(peer, outcome) })
  }

  #keep(peer: PeerId, attempt: number, opened: OpenedConnection): void {
    const { drainTimeout } = this.#settings
    const onEnd = () => void this.#dispatch({ _tag: "Ended", peer, attempt })
    const keeper = new Keeper({ opened, drainTimeout, now: this.#now, onEnd }, this.#session)
    const ending = this.#attempts.get(attempt)
    this.#attempts.set(attempt, keeper)
    if (typeof ending === "string") this.#begin(keeper.end(ending))
    const job = Effect.map(keeper.run(), (outcome) => {
      this.#dispatch({ _tag: "Released", peer, attempt, outcome, standing: this.#settle(peer, outcome) })
      this.#attempts.delete(attempt)
    })
    const annotations = { ...Context.get(this.#services, References.CurrentLogAnnotations), ...this.#annotations, peer }
    this.#begin(job, Context.add(this.#services, References.CurrentLogAnnotations, annotations))
  }

  #look(): void {
    this.#willLook = false
    this.#dispatch({
      _tag: "Looked",
      candidates: this.book.candidates(this.#settings.chain),
      links: this.pool.links,
      suspectsItself: this.book.suspectsItself()
    })
    this.#setAlarm()
  }

  #setAlarm(): void {
    if (this.#state.wakeAt === this.#alarmAt) return
    this.#alarm?.interruptUnsafe()
    this.#alarmAt = this.#state.wakeAt
    this.#alarm = this.#alarmAt === Infinity ? undefined : this.#fork(
      Effect.andThen(
        Effect.sleep(Math.max(1, Math.ceil(Math.min(this.#alarmAt - this.#now(), longestSleep)))),
        Effect.sync(() => {
          this.#alarm = undefined
          this.#alarmAt = Infinity
          this.#look()
        })
      ),
      this.#services
    )
  }

  get #annotations() {
    return { chain: this.#settings.chain.name }
  }

  #named<A>(effect: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.annotateLogs(effect, this.#annotations)
  }

  /**
   * Soon, in the order in which it was begun, in a fiber of its own: nothing is done from inside of somebody else's call. No
   * job is ever interrupted, and `stop` waits for all that take time: each belongs to an attempt that holds a slot.
   */
  #begin(job: Job<R>, services = this.#services): void {
    if (this.#begun.push(() => void this.#fork(job, services)) > 1) return
    const runAll = Effect.sync(() => {
      const jobs = this.#begun
      this.#begun = []
      for (const run of jobs) run()
    })
    Effect.runForkWith(this.#services)(Effect.andThen(Effect.yieldNow, runAll))
  }

  #fork(job: Job<R>, services: Services<R>): Fiber.Fiber<void> {
    const fiber = Effect.runForkWith(services)(job)
    fiber.addObserver(this.#judge)
    return fiber
  }

  readonly #judge = (exit: Exit.Exit<void>): void => {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
    Effect.runForkWith(this.#services)(Effect.andThen(
      this.#named(Effect.logError("the node is broken: this is a bug", exit.cause)),
      Deferred.failCause(this.broken, exit.cause)
    ))
  }
}

/** Makes the peers known that the user gave, for as long as the node runs. */
const keepKnown = ({ chain, known }: Settings, book: PeerBook["Service"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      for (const [peer, addresses] of known) {
        book.learn({ peer, sequence: 0n, addresses: [...addresses] }, "config")
        book.stick(peer, chainId(chain))
      }
    }),
    () => Effect.sync(() => known.forEach((_, peer) => book.unstick(peer, chainId(chain))))
  )

const setUp = Effect.fnUntraced(function*<E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) {
  const settings = resolveSettings(config)
  const { chain, known, limits } = settings
  const services = yield* Effect.context<NodeServices | Exclude<R, Scope.Scope>>()
  const draws = yield* Random.Random
  const now = yield* monotonicMillis
  const runtime = new Runtime(settings, session, services, now, () => draws.nextDoubleUnsafe())

  const { book, connections, pool } = runtime
  // What is acquired last is released first: sessions end before anything that they need goes.
  if (known.size > 0) yield* keepKnown(settings, book)
  yield* book.watch((peer) => runtime.onPeer(peer))
  yield* pool.watch(() => runtime.onLinks())
  yield* connections.serve(chain, limits, ({ peer }) => runtime.decide(peer))
  runtime.lookAgain()
  yield* Effect.addFinalizer(() => Effect.andThen(runtime.stop("shutdown"), runtime.news.end()))
  return runtime
}, Effect.uninterruptible)

/** A running node, until the scope closes: then its sessions end with `shutdown`, and all that it holds is given back. */
export const makeP2pNode: P2pNodeMake = (config, session) =>
  Effect.map(setUp(config, session), (runtime): P2pNode => ({
    stats: Effect.sync(() => statsOf(runtime.state)),
    sessions: Effect.sync(() => sessionsOf(runtime.state)),
    events: runtime.news.stream,
    drain: runtime.stop("draining")
  }))

/** Runs a node for ever: one session of `session` on each connection that it opens or accepts. */
export const p2pNode: P2pNodeRun = (config, session) =>
  Effect.scoped(Effect.flatMap(setUp(config, session), ({ broken }) => Deferred.await(broken)))
