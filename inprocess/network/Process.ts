import { Effect } from "effect"
import {
  DialFailed,
  type Link,
  ListenFailed,
  type PeerId,
  type Transport,
  withoutPeer
} from "../../signatures/index.ts"
import { dial } from "./dial.ts"
import { type Machine, type Wiring } from "./Machine.ts"
import { type Pace } from "./Pace.ts"
import { type LinkOwner, SimulatedLink } from "./SimulatedLink.ts"

/** One run of a program on a machine: its links, and whether it listens. */
export class Process implements LinkOwner {
  readonly #wiring: Wiring
  readonly #machine: Machine
  readonly #links = new Set<SimulatedLink>()
  #onLink: ((link: Link) => void) | undefined
  #listened = false
  #dead = false

  constructor(wiring: Wiring, machine: Machine) {
    this.#wiring = wiring
    this.#machine = machine
  }

  get self(): PeerId {
    return this.#machine.peer
  }

  /** Killed: it calls nobody any more. */
  get dead(): boolean {
    return this.#dead
  }

  get reading(): Pace | undefined {
    return this.#machine.reading
  }

  get links(): ReadonlySet<SimulatedLink> {
    return this.#links
  }

  get transport(): Transport["Service"] {
    return {
      dial: (peer, address) =>
        Effect.callback((resume) => {
          const giveUp = dial(this.#wiring, this.#machine, this, peer, withoutPeer(address), (outcome) => {
            if (this.#dead) return
            resume(
              outcome instanceof SimulatedLink
                ? Effect.succeed(outcome)
                : Effect.fail(new DialFailed({ peer, address, reason: outcome }))
            )
          })
          return Effect.sync(giveUp)
        }),
      listen: (onLink) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            // A fiber of the killed program that has not heard of it yet must not take the ports of the next one.
            if (this.#dead) return Effect.interruptible(Effect.never)
            if (this.#listened) return Effect.die(new Error("a transport listens once"))
            const { addresses } = this.#machine
            const taken = addresses.find((address) => this.#wiring.listeners.has(address))
            if (taken !== undefined) return Effect.fail(new ListenFailed({ address: taken, reason: "in-use" }))
            this.#listened = true
            this.#onLink = onLink
            for (const address of addresses) this.#wiring.listeners.set(address, this)
            return Effect.succeed(addresses)
          }),
          () => Effect.sync(() => this.#stopListening())
        )
    }
  }

  /** A link from its first moment on. */
  adopt(link: SimulatedLink): void {
    this.#links.add(link)
    this.#wiring.trace?.({ _tag: "LinkUp", at: this.#wiring.agenda.now(), host: this.self, peer: link.peer })
  }

  /** An inbound link; false if nobody listens any more. */
  welcome(link: SimulatedLink): boolean {
    if (this.#onLink === undefined) return false
    this.adopt(link)
    this.#onLink(link)
    return true
  }

  forget(link: SimulatedLink): void {
    this.#links.delete(link)
  }

  die(): void {
    this.#dead = true
    this.#stopListening()
  }

  #stopListening(): void {
    this.#onLink = undefined
    for (const address of this.#machine.addresses) {
      if (this.#wiring.listeners.get(address) === this) this.#wiring.listeners.delete(address)
    }
  }
}
