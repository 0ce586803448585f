/** Two hosts with one link between them, for tests of what wire says on it; the pool is a record of what it was told. */
import { Context, Deferred, Effect, Layer, Option } from "effect"
import {
  type Address,
  type Chain,
  ConnectionPool,
  type GoodbyeReason,
  Identity,
  type Lease,
  type Link,
  type LinkAttendant,
  type LinkEnd,
  LinkLost,
  type PeerId,
  type Protocol,
  type RawStream,
  RecordRejected,
  type Sink
} from "../../../signatures/index.ts"

/** One end of a stream between the two: delivers in a microtask, never blocks. */
class DuoStream implements RawStream {
  readonly protocol: Protocol
  other: DuoStream | undefined
  private sink: Sink | undefined
  private readonly kept: Array<() => void> = []
  private finished = false
  private aborted = false
  private toldEnd = false

  constructor(protocol: Protocol) {
    this.protocol = protocol
  }

  private tell(f: (sink: Sink) => void): void {
    queueMicrotask(() => {
      if (this.sink === undefined) this.kept.push(() => this.tell(f))
      else f(this.sink)
    })
  }

  readonly attach = (sink: Sink): void => {
    this.sink = sink
    for (const again of this.kept.splice(0)) again()
  }
  readonly write = (bytes: Uint8Array, more?: Uint8Array): boolean => {
    if (this.finished) return true
    this.other?.tell((sink) => sink.bytes(bytes))
    if (more !== undefined) this.other?.tell((sink) => sink.bytes(more))
    return true
  }
  readonly soon = (flush: () => void): void => queueMicrotask(flush)
  readonly finish = (): void => {
    if (this.finished) return
    this.finished = true
    this.other?.over(false)
  }
  readonly abort = (): void => {
    if (this.aborted) return
    this.aborted = true
    this.finished = true
    this.over(false)
    this.other?.over(false)
  }

  over(linkEnded: boolean): void {
    if (this.toldEnd) return
    this.toldEnd = true
    this.tell((sink) => sink.end({ linkEnded }))
  }
}

class DuoLink implements Link {
  readonly peer: PeerId
  readonly remote: Address
  readonly direction: "inbound" | "outbound"
  other: DuoLink | undefined
  readonly streams: Array<DuoStream> = []
  private onStream: ((stream: RawStream) => void) | undefined
  private readonly waiting: Array<RawStream> = []
  private readonly over = Deferred.makeUnsafe<LinkEnd>()

  constructor(peer: PeerId, direction: "inbound" | "outbound") {
    this.peer = peer
    this.remote = "/ip4/127.0.0.1/tcp/7400" as Address
    this.direction = direction
  }

  /** As `open`, for tests that write their own bytes. */
  raw(protocol: Protocol): DuoStream {
    const [a, b] = [new DuoStream(protocol), new DuoStream(protocol)]
    a.other = b
    b.other = a
    this.streams.push(a)
    this.other?.streams.push(b)
    const { other } = this
    queueMicrotask(() => other?.onStream === undefined ? other?.waiting.push(b) : other.onStream(b))
    return a
  }

  readonly open = (protocol: Protocol): Effect.Effect<RawStream, LinkLost> =>
    Effect.suspend(() =>
      Deferred.isDoneUnsafe(this.over) ? new LinkLost({ peer: this.peer }) : Effect.succeed(this.raw(protocol))
    )
  readonly accept = (onStream: (stream: RawStream) => void): void => {
    this.onStream = onStream
    for (const stream of this.waiting.splice(0)) onStream(stream)
  }
  readonly ended = Deferred.await(this.over)
  readonly abort = (): void => {
    for (const end of [this, this.other]) {
      for (const stream of end?.streams ?? []) stream.over(true)
      if (end !== undefined) Deferred.doneUnsafe(end.over, Effect.succeed({ by: "lost" }))
    }
  }
  readonly close = Effect.sync(this.abort)
}

export interface TestPool {
  readonly layer: Layer.Layer<ConnectionPool | Identity>
  readonly link: DuoLink
  readonly dead: Array<"silent" | "deaf" | "violation">
  readonly leaving: Array<GoodbyeReason>
  readonly leases: Set<Lease>
  readonly attendant: () => LinkAttendant
}

const testPool = (self: PeerId, link: DuoLink): TestPool => {
  const dead: Array<"silent" | "deaf" | "violation"> = []
  const leaving: Array<GoodbyeReason> = []
  const leases = new Set<Lease>()
  let attendant: LinkAttendant | undefined
  const lease = (): Lease => {
    const lease: Lease = { link, release: () => leases.delete(lease) }
    leases.add(lease)
    return lease
  }
  const pool = ConnectionPool.of({
    addresses: [link.remote],
    lease: () => Effect.sync(lease),
    leaseOn: lease,
    attend: (given) => {
      const ended = Effect.andThen(link.ended, Effect.sync(() => given.ended?.(link)))
      const attended = Effect.acquireRelease(
        Effect.sync(() => {
          attendant = given
          given.attend(link)
        }),
        () => given.farewell(link, "shutdown")
      )
      return Effect.andThen(Effect.forkScoped(ended, { startImmediately: true }), Effect.asVoid(attended))
    },
    dead: (_, reason) => void dead.push(reason),
    cutOff: () => {},
    leaving: (_, reason) => void leaving.push(reason),
    links: () => new Map(),
    watch: () => Effect.void
  })
  const identity = Identity.of({
    self,
    seal: () => Effect.succeed(new TextEncoder().encode(`record of ${self}`)),
    open: () => new RecordRejected({ reason: "malformed" })
  })
  return {
    layer: Layer.succeedContext(Context.make(ConnectionPool, pool).pipe(Context.add(Identity, identity))),
    link,
    dead,
    leaving,
    leases,
    attendant: () => Option.getOrThrow(Option.fromUndefinedOr(attendant))
  }
}

export const alice = "QmAAAA" as PeerId
export const bob = "QmBBBB" as PeerId

/** Alice has dialled Bob. */
export const duo = () => {
  const ab = new DuoLink(bob, "outbound")
  const ba = new DuoLink(alice, "inbound")
  ab.other = ba
  ba.other = ab
  return { alice: testPool(alice, ab), bob: testPool(bob, ba) }
}

export const chainOf = (name: string): Chain => ({ network: "test", name, genesis: "00" })
