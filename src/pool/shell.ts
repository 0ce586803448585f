/** Carries out what `step` decides: keeps the links, dials and waiting leases that its numbers stand for. */
import { Effect, type Fiber } from "effect"
import {
  type Chain,
  type Lease,
  LeaseFailed,
  type Link,
  type LinkAttendant,
  type LinkEnd,
  type LinkView,
  type PeerBook,
  type PeerId,
  type Transport
} from "../../signatures/index.ts"
import type { PoolSetting } from "./options.ts"
import {
  type DialKey,
  emptyPool,
  type LeaseKey,
  type LinkKey,
  type PoolCommand,
  type PoolEvent,
  type PoolState
} from "./state.ts"
import { nextTick, step } from "./step.ts"
import { linksView, noView } from "./view.ts"

/** An attendant that breaks its word to be quick is left behind. */
const farewellMillis = 2_000

/** A link that was aborted ends at once, but who reads its streams is told first. */
const abortMillis = 1_000

export interface ShellNeeds {
  readonly setting: PoolSetting
  readonly transport: Transport["Service"]
  readonly book: PeerBook["Service"]
  readonly now: () => number
  readonly random: () => number
  /** Runs in the background until the pool's scope closes. */
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** The same, in place of the last one. */
  readonly alarm: (effect: Effect.Effect<void>) => void
}

const noWays = { addresses: [], remembered: false }

/** A lease as its holder has it. There are thousands, so it is an object with a method. */
class Held implements Lease {
  readonly link: Link
  readonly #key: LeaseKey
  #shell: Shell | undefined

  constructor(shell: Shell, key: LeaseKey, link: Link) {
    this.link = link
    this.#key = key
    this.#shell = shell
  }

  release(): void {
    const shell = this.#shell
    this.#shell = undefined
    shell?.dispatch({ _tag: "Release", lease: this.#key, peer: this.link.peer })
  }
}

/** A lease that was asked for or given back, and no link was dialled, ended or parted with for it. */
const onlyLeases = ({ _tag }: PoolEvent, commands: ReadonlyArray<PoolCommand>): boolean =>
  (_tag === "Ask" || _tag === "Take" || _tag === "Release") && commands.every((command) => command._tag === "Grant")

export class Shell {
  readonly #needs: ShellNeeds
  readonly #links = new Map<LinkKey, Link>()
  readonly #keys = new Map<Link, LinkKey>()
  readonly #dials = new Map<DialKey, Fiber.Fiber<void>>()
  readonly #waiting = new Map<LeaseKey, (answer: Effect.Effect<Lease, LeaseFailed>) => void>()
  readonly #listeners = new Set<(what: "links" | "leases") => void>()
  readonly #events: Array<PoolEvent> = []
  readonly #outbox: Array<() => void> = []
  #state: PoolState = emptyPool
  #view = noView
  /** To whose links something has happened since that was made. */
  readonly #touched = new Set<PeerId>()
  #attendant: LinkAttendant | undefined
  #busy = false
  #sending = false
  #alarmAt = Number.POSITIVE_INFINITY
  /** What is due by time, of all that has happened since the alarm was last set. */
  #dueAt = Number.POSITIVE_INFINITY
  #lastLink: LinkKey = 0
  #lastLease: LeaseKey = 0

  constructor(needs: ShellNeeds) {
    this.#needs = needs
  }

  /**
   * Events that come while one is handled wait for their turn. Whoever waited for an answer may go on at once and ask for
   * more, so answers go out last: what they read then is as they were told.
   */
  dispatch(event: PoolEvent): void {
    this.#events.push(event)
    if (this.#busy) return
    this.#busy = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#handle(next)
    } finally {
      this.#busy = false
    }
    this.#setAlarm()
    this.#sendOut()
  }

  #sendOut(): void {
    if (this.#sending) return
    this.#sending = true
    try {
      for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) next()
    } finally {
      this.#sending = false
    }
  }

  #handle(event: PoolEvent): void {
    if (event._tag === "Ended") this.#tellEnded(event.link)
    const before = this.#state
    const { random, setting } = this.#needs
    const now = this.#needs.now()
    const [state, commands] = step(setting, before, event, now, random)
    this.#state = state
    // A tick comes in place of the alarm that all others waited for.
    const changed = event._tag === "Tick" ? undefined : state.touched
    this.#dueAt = Math.min(this.#dueAt, nextTick(setting, state, now, changed))
    if (state.links !== before.links) {
      for (const peer of state.touched) this.#touched.add(peer)
      const what = onlyLeases(event, commands) ? "leases" : "links"
      this.#outbox.push(() => {
        for (const listener of Array.from(this.#listeners)) listener(what)
      })
    }
    for (const command of commands) this.#execute(command)
    if (event._tag === "Ended") this.#forget(event.link)
  }

  #setAlarm(): void {
    const { alarm, now } = this.#needs
    const next = this.#dueAt
    this.#dueAt = Number.POSITIVE_INFINITY
    // An alarm that comes too early does no harm, and sets the next one.
    if (next >= this.#alarmAt) return
    this.#alarmAt = next
    alarm(Effect.andThen(
      Effect.sleep(Math.max(0, Math.ceil(next - now()))),
      Effect.sync(() => {
        this.#alarmAt = Number.POSITIVE_INFINITY
        this.dispatch({ _tag: "Tick" })
      })
    ))
  }

  #execute(command: PoolCommand): void {
    switch (command._tag) {
      case "Dial":
        return this.#dial(command)
      case "CancelDial":
        this.#dials.get(command.dial)?.interruptUnsafe()
        return void this.#dials.delete(command.dial)
      case "Grant": {
        const link = this.#links.get(command.link)
        if (link === undefined) return
        return this.#answer(command.lease, Effect.succeed(new Held(this, command.lease, link)))
      }
      case "Refuse":
        return this.#answer(
          command.lease,
          Effect.fail(new LeaseFailed({ reason: command.reason, dials: command.dials }))
        )
      case "Record":
        return this.#needs.book.record(command.charge)
      default: {
        const link = this.#links.get(command.link)
        return link === undefined ? undefined : this.#executeOn(link, command)
      }
    }
  }

  #executeOn(
    link: Link,
    command: Extract<PoolCommand, { readonly _tag: "Attend" | "Probe" | "Part" | "Close" | "Abort" }>
  ) {
    switch (command._tag) {
      case "Attend":
        return this.#attendant?.attend(link)
      case "Probe": {
        const answered = Effect.sync(() => this.dispatch({ _tag: "Probed", link: command.link }))
        if (this.#attendant === undefined) return this.dispatch({ _tag: "Probed", link: command.link })
        // A link that has ended answers no more.
        const probe = Effect.andThen(this.#attendant.probe(link), answered)
        return void this.#needs.run(Effect.raceFirst(probe, Effect.asVoid(link.ended)))
      }
      case "Part": {
        const farewell = this.#attendant?.farewell(link, command.reason) ?? Effect.void
        const timely = Effect.timeoutOption(farewell, farewellMillis)
        return void this.#needs.run(Effect.andThen(timely, this.#close(link)))
      }
      case "Close":
        return void this.#needs.run(this.#close(link))
      case "Abort":
        return link.abort()
    }
  }

  #close(link: Link): Effect.Effect<void> {
    return Effect.timeoutOrElse(link.close, {
      duration: this.#needs.setting.closeTimeout,
      orElse: () => Effect.sync(() => link.abort())
    })
  }

  #answer(lease: LeaseKey, answer: Effect.Effect<Lease, LeaseFailed>): void {
    const resume = this.#waiting.get(lease)
    this.#waiting.delete(lease)
    if (resume !== undefined) this.#outbox.push(() => resume(answer))
  }

  #dial({ address, dial, peer }: Extract<PoolCommand, { readonly _tag: "Dial" }>): void {
    // A link that has come must not be lost to an interruption after that.
    const dialled = Effect.interruptible(this.#needs.transport.dial(peer, address)).pipe(
      Effect.match({
        onSuccess: (link) => {
          const key = this.#keep(link)
          this.dispatch({ _tag: "Dialled", dial, link: key, peer: link.peer, remote: link.remote })
          this.#watchEnd(key, link)
        },
        onFailure: (error) => this.dispatch({ _tag: "NotDialled", dial, peer, error })
      }),
      Effect.ensuring(Effect.sync(() => this.#dials.delete(dial))),
      Effect.uninterruptible
    )
    const fiber = this.#needs.run(dialled)
    if (fiber.pollUnsafe() === undefined) this.#dials.set(dial, fiber)
  }

  onInbound(link: Link): void {
    const banned = this.#isBanned(link.peer)
    const key = this.#keep(link)
    this.dispatch({ _tag: "Inbound", link: key, peer: link.peer, remote: link.remote, banned })
    this.#watchEnd(key, link)
  }

  /** The book has changed. A ban that we didn't ask for ends what there is. */
  onBook(peer: PeerId): void {
    if (this.#state.peers.has(peer) && this.#isBanned(peer)) this.dispatch({ _tag: "Banned", peer })
  }

  #keep(link: Link): LinkKey {
    const key = ++this.#lastLink
    this.#links.set(key, link)
    this.#keys.set(link, key)
    return key
  }

  #watchEnd(key: LinkKey, link: Link): void {
    const ended = Effect.flatMap(
      link.ended,
      ({ by }) => Effect.sync(() => this.#end(key, link, by))
    )
    this.#needs.run(ended)
  }

  #end(key: LinkKey, link: Link, by: LinkEnd["by"]): void {
    this.dispatch({ _tag: "Ended", link: key, by, spoken: this.#attendant?.hasSpoken?.(link) ?? true })
  }

  #tellEnded(key: LinkKey): void {
    const link = this.#links.get(key)
    if (link !== undefined) this.#attendant?.ended?.(link)
  }

  #forget(key: LinkKey): void {
    const link = this.#links.get(key)
    this.#links.delete(key)
    if (link !== undefined) this.#keys.delete(link)
  }

  #isBanned(peer: PeerId): boolean {
    return this.#needs.book.bannedUntil(peer)._tag === "Some"
  }

  /** Interruptible while it waits, wherever it is called; what comes of it is not lost to an interruption after that. */
  lease(peer: PeerId, chain: Chain): Effect.Effect<Lease, LeaseFailed> {
    return Effect.suspend(() => {
      const lease = ++this.#lastLease
      const wait = Effect.callback<Lease, LeaseFailed>((resume) => {
        this.#waiting.set(lease, resume)
        const banned = this.#isBanned(peer)
        this.dispatch({ _tag: "Ask", lease, peer, chain, ...this.#waysTo(peer), banned })
      })
      const giveUp = Effect.sync(() => {
        this.#waiting.delete(lease)
        this.dispatch({ _tag: "Release", lease, peer })
      })
      return Effect.uninterruptible(Effect.onInterrupt(Effect.interruptible(wait), () => giveUp))
    })
  }

  /** As the book knows them; of a peer with a link nobody asks for them. An event that must wait may find that it has ended. */
  #waysTo(peer: PeerId): Pick<Extract<PoolEvent, { readonly _tag: "Ask" }>, "addresses" | "remembered"> {
    const known = this.#state.peers.get(peer)
    const isUp = (key: LinkKey) => this.#state.links.get(key)?.phase === "up"
    if (!this.#busy && known?.race === undefined && known?.links.some(isUp) === true) return noWays
    const facts = this.#needs.book.peer(peer)
    return facts._tag === "None" ? noWays : {
      addresses: facts.value.addresses,
      remembered: facts.value.remembered !== undefined
    }
  }

  leaseOn(link: Link, chain: Chain): Lease {
    const lease = ++this.#lastLease
    const key = this.#keys.get(link)
    if (key !== undefined) this.dispatch({ _tag: "Take", lease, link: key, chain })
    return new Held(this, lease, link)
  }

  /** Of a link that has ended nothing more is told. */
  tell(link: Link, event: (key: LinkKey) => PoolEvent): void {
    const key = this.#keys.get(link)
    if (key !== undefined) this.dispatch(event(key))
  }

  setAttendant(attendant: LinkAttendant | undefined): void {
    this.#attendant = attendant
    for (const link of attendant === undefined ? [] : this.#links.values()) attendant?.attend(link)
  }

  /** Ends every link in order, those that take too long at once; never waits longer than a second after `closeTimeout`. */
  endAll(closing: boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.dispatch({ _tag: "PartAll", closing })
      const inTime = yield* Effect.timeoutOption(this.#empty, this.#needs.setting.closeTimeout)
      if (inTime._tag === "Some") return
      const late = Array.from(this.#links)
      for (const [, link] of late) link.abort()
      yield* Effect.timeoutOption(this.#empty, abortMillis)
      // Nobody waits for these a second time.
      for (const [key, link] of late) this.#end(key, link, "local")
    })
  }

  readonly #empty = Effect.callback<void>((resume) => {
    const check = () => {
      if (this.#state.links.size === 0) resume(Effect.void)
    }
    const unwatch = this.watch(check)
    check()
    return Effect.sync(unwatch)
  })

  get links(): ReadonlyMap<PeerId, LinkView> {
    if (this.#touched.size > 0) this.#view = linksView(this.#needs.setting, this.#state, this.#view, this.#touched)
    this.#touched.clear()
    return this.#view
  }

  watch(listener: (what: "links" | "leases") => void): () => void {
    // Of its own, so that one function may watch twice.
    const one = (what: "links" | "leases") => listener(what)
    this.#listeners.add(one)
    return () => this.#listeners.delete(one)
  }
}
