import { Cause, Deferred, Duration, Effect, type Fiber, FiberSet, Option, Random, type Scope } from "effect"
import {
  chainId,
  type CloseCode,
  ConnectionPool,
  Connections,
  type Decide,
  Identity,
  isSmaller,
  monotonicMillis,
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
import { type Keeper, makeKeeper } from "./keeper.ts"
import { groupOf } from "./look.ts"
import { makeNews } from "./news.ts"
import { makeOpening, type Openable } from "./openings.ts"
import { resolveSettings } from "./settings.ts"
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

/** Sets a node up. `broken` completes only if it dies of a bug. */
const setUp = Effect.fnUntraced(function*<E, R>(config: P2pNodeConfig, session: P2pSession<E, R>) {
  const settings = resolveSettings(config)
  const { chain, limits } = settings
  const connections = yield* Connections
  const pool = yield* ConnectionPool
  const book = yield* PeerBook
  const { self } = yield* Identity
  const draws = yield* Random.Random
  const random = () => draws.nextDoubleUnsafe()
  const now = yield* monotonicMillis

  const openings = new Map<number, Openable>()
  const keepers = new Map<number, Keeper<R>>()
  /** Of sessions that have their slot, and whose connection is still on its way here. */
  const endings = new Map<number, CloseCode>()
  const gone = Deferred.makeUnsafe<void>()
  const broken = Deferred.makeUnsafe<never>()
  let state: State = initialState
  let willLook = false
  let alarm: Fiber.Fiber<void> | undefined
  let alarmAt = Infinity

  // What is forked has the context of whoever makes the node, so sessions find their services there.
  const fork = yield* Effect.annotateLogs(FiberSet.makeRuntime<Exclude<R, Scope.Scope>, void, never>(), {
    chain: chain.name
  })

  /** Soon, in a fiber of its own: nothing is done from inside of somebody else's call. */
  const begin = (job: Effect.Effect<void, never, Exclude<R, Scope.Scope>>): Fiber.Fiber<void> =>
    fork(Effect.catchCause(Effect.andThen(Effect.yieldNow, job), (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.andThen(
          Effect.logError("the node is broken: this is a bug", cause),
          Deferred.failCause(broken, cause)
        )))

  const events = yield* makeNews(begin)

  const lookAgain = (): void => {
    if (willLook) return
    willLook = true
    begin(Effect.sync(look))
  }

  /** Decides, and carries out all commands but those that the caller answers itself. */
  const dispatch = (event: Event): ReadonlyArray<Command> => {
    const [next, commands] = step(settings, state, event, now(), random)
    state = next
    for (const command of commands) carryOut(command)
    if (state.mode === "stopping" && ![...state.pairs.values()].some(isBusy)) Deferred.doneUnsafe(gone, Effect.void)
    // A rejection changes nothing, and a look has just been taken.
    if (event._tag !== "Looked" && commands.some((command) => command._tag !== "Reject")) lookAgain()
    return commands
  }

  const carryOut = (command: Command): void => {
    switch (command._tag) {
      case "Open":
        return open(command.peer, command.attempt)
      case "Cancel":
        return openings.get(command.attempt)?.cancel()
      case "End": {
        const keeper = keepers.get(command.attempt)
        if (keeper === undefined) endings.set(command.attempt, command.code)
        else begin(keeper.end(command.code))
        return
      }
      case "Announce":
        return events.tell(command.event)
      case "Complain":
        begin(Effect.logError("the policy of the node threw: nobody is picked", command.cause))
        return
      case "Accept":
      case "Reject":
        return
    }
  }

  const open = (peer: PeerId, attempt: number): void => {
    const opening = makeOpening(connections.open(peer, chain, limits))
    openings.set(attempt, opening)
    begin(Effect.flatMap(opening.run, (result) => {
      openings.delete(attempt)
      if (result._tag !== "Opened") return Effect.sync(() => fail(peer, attempt, result))
      const pair = state.pairs.get(peer)
      if (state.mode === "running" && isBusy(pair) && pair.attempt === attempt) {
        dispatch({ _tag: "Opened", peer, attempt, group: groupOf(result.opened.remote) })
        keep(peer, attempt, result.opened)
        return Effect.void
      }
      // It came about in the moment in which it was given up.
      result.opened.end(state.mode === "running" ? "closed" : "draining")
      return Effect.andThen(result.opened.released, Effect.sync(() => fail(peer, attempt, { _tag: "Cancelled" })))
    }))
  }

  const settle = (peer: PeerId, outcome: SessionOutcome) => {
    book.record({ _tag: "SessionEnded", peer, chain, outcome })
    return book.standing(peer, chain)
  }

  const fail = (peer: PeerId, attempt: number, outcome: NotOpened): void => {
    dispatch({ _tag: "NotOpened", peer, attempt, outcome, standing: settle(peer, outcome) })
  }

  const keep = (peer: PeerId, attempt: number, opened: OpenedConnection): void => {
    const keeper = makeKeeper(
      opened,
      session,
      Duration.millis(settings.drainTimeout),
      () => void dispatch({ _tag: "Ended", peer, attempt })
    )
    keepers.set(attempt, keeper)
    const ending = endings.get(attempt)
    if (ending !== undefined && endings.delete(attempt)) begin(keeper.end(ending))
    const job = Effect.map(keeper.run, (outcome) => {
      dispatch({ _tag: "Released", peer, attempt, outcome, standing: settle(peer, outcome) })
      keepers.delete(attempt)
    })
    begin(Effect.annotateLogs(job, { peer }))
  }

  const decide: Decide = ({ peer }) => {
    const facts = book.peer(peer)
    const answer = dispatch({
      _tag: "Hello",
      peer,
      standing: book.standing(peer, chain),
      isSmaller: isSmaller(peer, self),
      newcomer: !Option.exists(facts, ({ lastSuccess }) => Option.isSome(lastSuccess))
    })
    const accepted = answer.find((command) => command._tag === "Accept")
    if (accepted !== undefined) return { accept: (opened) => keep(peer, accepted.attempt, opened) }
    const rejected = answer.find((command) => command._tag === "Reject")
    if (rejected === undefined) throw new Error("a hello was neither accepted nor rejected: this is a bug")
    return { reject: rejected.reason, retryAfter: Duration.millis(rejected.retryAfter) }
  }

  const look = (): void => {
    willLook = false
    dispatch({
      _tag: "Looked",
      candidates: book.candidates(chain),
      links: pool.links(),
      suspectsItself: book.suspectsItself()
    })
    if (state.wakeAt === alarmAt) return
    alarm?.interruptUnsafe()
    alarmAt = state.wakeAt
    alarm = alarmAt === Infinity ? undefined : begin(sleepUntilAlarm)
  }

  const sleepUntilAlarm = Effect.suspend(() =>
    Effect.andThen(
      Effect.sleep(Math.max(1, Math.ceil(Math.min(alarmAt - now(), longestSleep)))),
      Effect.sync(() => {
        alarm = undefined
        alarmAt = Infinity
        look()
      })
    )
  )

  const stop = (code: "draining" | "shutdown") =>
    Effect.suspend(() => {
      dispatch({ _tag: "Stop", code })
      return Effect.andThen(Deferred.await(gone), events.tellAll)
    })

  // What is acquired last is released first: sessions end before anything that they need goes.
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      for (const [peer, addresses] of settings.known) {
        book.learn({ peer, sequence: 0n, addresses: [...addresses] }, "config")
        book.stick(peer, chainId(chain))
      }
    }),
    () => Effect.sync(() => settings.known.forEach((_, peer) => book.unstick(peer, chainId(chain))))
  )
  yield* book.watch((peer) => {
    // What happens to a peer with a session is looked at when the session is over.
    if (!isBusy(state.pairs.get(peer))) lookAgain()
  })
  yield* pool.watch(() => {
    if (state.lacksLink) lookAgain()
  })
  yield* connections.serve(chain, limits, decide)
  lookAgain()
  yield* Effect.addFinalizer(() => stop("shutdown"))

  const node: P2pNode = {
    stats: Effect.sync(() => statsOf(state)),
    sessions: Effect.sync(() => sessionsOf(state)),
    events: events.stream,
    drain: stop("draining")
  }
  return { node, broken }
}, Effect.uninterruptible)

/** A running node, until the scope closes: then its sessions end with `shutdown`, and all that it holds is given back. */
export const makeP2pNode: P2pNodeMake = (config, session) => Effect.map(setUp(config, session), ({ node }) => node)

/** Runs a node for ever: one session of `session` on each connection that it opens or accepts. */
export const p2pNode: P2pNodeRun = (config, session) =>
  Effect.scoped(Effect.flatMap(setUp(config, session), ({ broken }) => Deferred.await(broken)))
