import type { Connection } from "@libp2p/interface"
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr"
import { type Context, Effect, Exit, Scope } from "effect"
import { setMaxListeners } from "node:events"
import {
  Address,
  addressFacts,
  DialFailed,
  type Link,
  ListenFailed,
  type PeerId,
  type Transport,
  withPeer
} from "../../signatures/index.ts"
import { reachable, resolveName } from "./addresses.ts"
import type { Libp2pNode } from "./Node.ts"
import { dialReason, listenReason } from "./reasons.ts"
import { within } from "./within.ts"

/** Undefined where libp2p can't read it, or its transport doesn't take it: a circuit, for instance. */
const supported = (address: Address, filter: (all: Array<Multiaddr>) => Array<Multiaddr>): Multiaddr | undefined => {
  try {
    return filter([multiaddr(address)])[0]
  } catch {
    return undefined
  }
}

/**
 * libp2p's transports are asked directly: its dial queue joins dials of one peer, where the seam wants a link of its own for
 * each, and its listening tells what went wrong in a text for all addresses together.
 */
export const makeTransport = (
  node: Libp2pNode,
  listen: ReadonlyArray<Address>,
  closeDeadline: number
): Context.Service.Shape<typeof Transport> => {
  const dial = Effect.fnUntraced(function*(peer: PeerId, address: Address): Effect.fn.Return<Link, DialFailed> {
    const failed = (reason: DialFailed["reason"], cause?: unknown) =>
      new DialFailed({ peer, address, reason, ...(cause === undefined ? {} : { cause }) })
    const carrier = node.carrier(addressFacts(address).transport)
    if (carrier === undefined) return yield* failed("transport-missing")
    const transport = yield* Effect.tryPromise({
      try: () => node.transportOf(carrier),
      catch: (cause) => failed("transport-missing", cause)
    })
    const target = carrier.resolvesNames ? address : yield* Effect.tryPromise({
      try: () => resolveName(address),
      catch: (cause) => failed(dialReason(cause), cause)
    })
    const to = supported(withPeer(target, peer), (all) => transport.dialFilter(all))
    if (to === undefined) return yield* failed("transport-missing")
    return yield* Effect.callback<Link, DialFailed>((resume, signal) => {
      setMaxListeners(0, signal)
      const up = (connection: Connection) => {
        const link = node.linkOf(connection)
        // Over QUIC a dial may come about all the same.
        if (signal.aborted) link?.abort()
        else if (link === undefined || link.isGone()) resume(Effect.fail(failed("handshake")))
        else resume(Effect.succeed(link))
      }
      transport.dial(to, { signal, upgrader: node.upgrader }).then(
        up,
        (cause: unknown) => resume(Effect.fail(failed(dialReason(cause), cause)))
      )
    })
  })

  const listenOn = Effect.fnUntraced(
    function*(address: Address): Effect.fn.Return<ReadonlyArray<Address>, ListenFailed, Scope.Scope> {
      const failed = (reason: ListenFailed["reason"], cause?: unknown) =>
        new ListenFailed({ address, reason, ...(cause === undefined ? {} : { cause }) })
      const carrier = node.carrier(addressFacts(address).transport)
      if (carrier === undefined) return yield* failed("transport-missing")
      const transport = yield* Effect.tryPromise({
        try: () => node.transportOf(carrier),
        catch: (cause) => failed("transport-missing", cause)
      })
      const on = supported(address, (all) => transport.listenFilter(all))
      if (on === undefined) return yield* failed("transport-missing")
      const listener = transport.createListener({ upgrader: node.upgrader })
      yield* Effect.acquireRelease(
        Effect.tryPromise({ try: () => listener.listen(on), catch: (cause) => failed(listenReason(cause), cause) }),
        () => within(closeDeadline, () => listener.close())
      )
      const got = listener.getAddrs()[0]
      return got === undefined ? [] : reachable(address, addressFacts(Address.make(got.toString())).port)
    }
  )

  let listens = false
  return {
    dial,
    listen: (onLink) =>
      Effect.gen(function*() {
        if (listens) return yield* Effect.die(new Error("a transport listens once"))
        listens = true
        const outer = yield* Effect.scope
        const scope = yield* Scope.fork(outer)
        node.onInbound(onLink)
        yield* Scope.addFinalizer(scope, Effect.sync(() => node.onInbound(undefined)))
        return yield* Effect.forEach(listen, listenOn).pipe(
          Effect.map((all) => Array.from(new Set(all.flat()))),
          Scope.provide(scope),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
        )
      })
  }
}
