/** The pool as plain data, what happens to it, and what it wants done. Nothing here is mutated but a draft's own copies. */
import type {
  Address,
  Chain,
  Charge,
  DialFailed,
  GoodbyeReason,
  LeaseFailed,
  LinkEnd,
  PeerId
} from "../../signatures/index.ts"
import { Leases } from "./leases.ts"

/** Of links, leases and dials alike: numbers that only grow, given by the shell (links, leases) or the core (dials). */
export type LinkKey = number
export type LeaseKey = number
export type DialKey = number

export interface LinkState {
  readonly key: LinkKey
  readonly peer: PeerId
  readonly remote: Address
  readonly group: string | undefined
  readonly direction: "inbound" | "outbound"
  readonly since: number
  /** `leaving`: the peer said goodbye, and gets no new leases. `parting`: we did, and are closing it. */
  readonly phase: "up" | "leaving" | "parting"
  readonly leases: Leases
  readonly wasLeased: boolean
  /** When the last lease was given back, or the link came up. */
  readonly idleSince: number
  /** Its end is charged to nobody: a goodbye was said, or it was charged already. */
  readonly settled: boolean
  /** The book was told that it is up, and not yet that it is down. */
  readonly told: boolean
  /** Its peer broke the protocol, and that was charged. */
  readonly violated: boolean
  /** While there are two links to the peer: whether this one was asked for a sign of life. `mute`: not in time. */
  readonly probe: "none" | "asked" | "answered" | "mute"
  /** Of the probe, or of the peer's leaving. */
  readonly deadline: number
}

export interface Target {
  readonly address: Address
  readonly group: string | undefined
}

/** The race of a peer's addresses. */
export interface Race {
  /** See `Ask`. */
  readonly remembered: boolean
  readonly untried: ReadonlyArray<Target>
  readonly dials: ReadonlyMap<DialKey, Target & { readonly deadline: number }>
  readonly failures: ReadonlyArray<DialFailed>
  /** When the next address may start. */
  readonly nextAt: number
  /** One of them failed for a reason of our own: nobody is charged for all. */
  readonly excused: boolean
}

export interface PeerState {
  /** All phases, in the order in which they came up. */
  readonly links: ReadonlyArray<LinkKey>
  /** Leases that wait for the race. */
  readonly waiting: Leases
  readonly race: Race | undefined
}

export interface PoolState {
  readonly closing: boolean
  readonly links: ReadonlyMap<LinkKey, LinkState>
  /** Those with links, leases or dials. */
  readonly peers: ReadonlyMap<PeerId, PeerState>
  /** Those of them with a race: few, and mostly none. */
  readonly racing: ReadonlySet<PeerId>
  /** Those to whose links the last step did something. */
  readonly touched: ReadonlySet<PeerId>
  readonly lastDial: DialKey
  /** When we were last without a link, or found that all were cut off. Monotonic milliseconds. */
  readonly cutOffAt: number
}

export const emptyPool: PoolState = {
  closing: false,
  links: new Map(),
  peers: new Map(),
  racing: new Set(),
  touched: new Set(),
  lastDial: 0,
  cutOffAt: Number.NEGATIVE_INFINITY
}

export type PoolEvent =
  | {
    readonly _tag: "Ask"
    readonly lease: LeaseKey
    readonly peer: PeerId
    readonly chain: Chain
    /** Best first, from the book. */
    readonly addresses: ReadonlyArray<Address>
    /** Only an earlier process knew the peer: it may be long gone. */
    readonly remembered: boolean
    readonly banned: boolean
  }
  /** For a session that the peer opened. */
  | { readonly _tag: "Take"; readonly lease: LeaseKey; readonly link: LinkKey; readonly chain: Chain }
  /** Given back, or given up while it waited. */
  | { readonly _tag: "Release"; readonly lease: LeaseKey; readonly peer: PeerId }
  | {
    readonly _tag: "Inbound"
    readonly link: LinkKey
    readonly peer: PeerId
    readonly remote: Address
    readonly banned: boolean
  }
  | {
    readonly _tag: "Dialled"
    readonly dial: DialKey
    readonly link: LinkKey
    readonly peer: PeerId
    readonly remote: Address
  }
  | { readonly _tag: "NotDialled"; readonly dial: DialKey; readonly peer: PeerId; readonly error: DialFailed }
  /** `spoken`: something of the peer had arrived on it. */
  | { readonly _tag: "Ended"; readonly link: LinkKey; readonly by: LinkEnd["by"]; readonly spoken: boolean }
  | { readonly _tag: "Probed"; readonly link: LinkKey }
  | { readonly _tag: "Dead"; readonly link: LinkKey; readonly reason: "silent" | "deaf" | "violation" }
  /** In the book, by whomever. */
  | { readonly _tag: "Banned"; readonly peer: PeerId }
  | { readonly _tag: "CutOff"; readonly link: LinkKey }
  | { readonly _tag: "Leaving"; readonly link: LinkKey }
  | { readonly _tag: "Tick" }
  /** Ends all links; with `closing`, for good. */
  | { readonly _tag: "PartAll"; readonly closing: boolean }

export type PoolCommand =
  | { readonly _tag: "Dial"; readonly dial: DialKey; readonly peer: PeerId; readonly address: Address }
  | { readonly _tag: "CancelDial"; readonly dial: DialKey }
  | { readonly _tag: "Grant"; readonly lease: LeaseKey; readonly link: LinkKey }
  | {
    readonly _tag: "Refuse"
    readonly lease: LeaseKey
    readonly reason: LeaseFailed["reason"]
    readonly dials: ReadonlyArray<DialFailed>
  }
  | { readonly _tag: "Attend"; readonly link: LinkKey }
  | { readonly _tag: "Probe"; readonly link: LinkKey }
  /** Farewell, then close. */
  | { readonly _tag: "Part"; readonly link: LinkKey; readonly reason: GoodbyeReason }
  /** Without a word: the peer has said goodbye already. */
  | { readonly _tag: "Close"; readonly link: LinkKey }
  | { readonly _tag: "Abort"; readonly link: LinkKey }
  | { readonly _tag: "Record"; readonly charge: Charge }

const noPeer: PeerState = { links: [], waiting: Leases.none, race: undefined }

/** A state with changes on top, copied where it is changed, and the commands that came of them. */
export class Draft {
  readonly commands: Array<PoolCommand> = []
  readonly #before: PoolState
  #links: Map<LinkKey, LinkState> | undefined
  #peers: Map<PeerId, PeerState> | undefined
  #racing: Set<PeerId> | undefined
  readonly #touched = new Set<PeerId>()
  lastDial: DialKey
  closing: boolean
  cutOffAt: number

  constructor(state: PoolState) {
    this.#before = state
    this.lastDial = state.lastDial
    this.closing = state.closing
    this.cutOffAt = state.cutOffAt
  }

  get links(): ReadonlyMap<LinkKey, LinkState> {
    return this.#links ?? this.#before.links
  }

  get peers(): ReadonlyMap<PeerId, PeerState> {
    return this.#peers ?? this.#before.peers
  }

  get racing(): ReadonlySet<PeerId> {
    return this.#racing ?? this.#before.racing
  }

  say(command: PoolCommand): void {
    this.commands.push(command)
  }

  putLink(link: LinkState): void {
    this.#links ??= new Map(this.#before.links)
    this.#links.set(link.key, link)
    this.#touched.add(link.peer)
  }

  addLink(link: LinkState): void {
    this.putLink(link)
    const peer = this.peer(link.peer)
    this.putPeer(link.peer, { ...peer, links: [...peer.links, link.key] })
  }

  removeLink({ key, peer: id }: LinkState): void {
    this.#links ??= new Map(this.#before.links)
    this.#links.delete(key)
    this.#touched.add(id)
    const peer = this.peer(id)
    this.putPeer(id, { ...peer, links: peer.links.filter((other) => other !== key) })
  }

  peer(id: PeerId): PeerState {
    return this.peers.get(id) ?? noPeer
  }

  /** A peer of which nothing is left is forgotten. */
  putPeer(id: PeerId, peer: PeerState): void {
    this.#peers ??= new Map(this.#before.peers)
    if (peer.links.length === 0 && peer.waiting.size === 0 && peer.race === undefined) this.#peers.delete(id)
    else this.#peers.set(id, peer)
    const isRacing = peer.race !== undefined
    if (isRacing === this.racing.has(id)) return
    this.#racing ??= new Set(this.#before.racing)
    if (isRacing) this.#racing.add(id)
    else this.#racing.delete(id)
  }

  linksOf(id: PeerId): ReadonlyArray<LinkState> {
    return this.peer(id).links.flatMap((key) => this.links.get(key) ?? [])
  }

  upLinksOf(id: PeerId): ReadonlyArray<LinkState> {
    return this.linksOf(id).filter((link) => link.phase === "up")
  }

  state(): PoolState {
    const { closing, cutOffAt, lastDial, links, peers, racing } = this
    return { closing, links, peers, racing, touched: this.#touched, lastDial, cutOffAt }
  }
}
