import { Context, Effect, Layer } from "effect"
import {
  ConnectionPool,
  Connections,
  Control,
  type ControlEvent,
  Identity,
  type Link,
  OpenFailed,
  type RawStream
} from "../../signatures/index.ts"
import type { Attempt } from "./Attempt.ts"
import { type ConnectionsOptions, type Environment, makeEnvironment } from "./Environment.ts"
import { LinkControl } from "./LinkControl.ts"
import { LinkSessions } from "./LinkSessions.ts"

interface Attended {
  readonly control: LinkControl
  readonly sessions: LinkSessions
  readonly unlink: () => void
}

// A generator function of its own for each process would be garbage that only a full collection takes away.
const make = Effect.fnUntraced(function*(options: ConnectionsOptions) {
  const pool = yield* ConnectionPool
  const identity = yield* Identity
  const links = new Map<Link, Attended>()
  const renewed = () => {
    for (const { control } of links.values()) control.renew()
  }
  const env = yield* makeEnvironment(pool, identity.seal(pool.addresses), renewed, options)

  yield* pool.attend({
    attend: (link) => attend(env, links, link),
    hasSpoken: (link) => links.get(link)?.control.hasSpoken === true,
    ended: (link) => {
      const attended = links.get(link)
      links.delete(link)
      attended?.unlink()
      attended?.control.ended()
    },
    probe: (link) => links.get(link)?.control.probe ?? Effect.never,
    farewell: (link, reason) =>
      Effect.suspend(() => {
        const attended = links.get(link)
        if (attended === undefined) return Effect.void
        const { control, sessions } = attended
        if (reason !== "superseded") return control.farewell(reason)
        sessions.supersede()
        return Effect.andThen(control.farewell(reason), Effect.sync(() => sessions.abandon()))
      })
  })
  const connections = Connections.of({
    open: (peer, chain, limits) =>
      Effect.suspend(() => {
        let attempt: Attempt | undefined
        return Effect.uninterruptible(
          // Both waits are interruptible by themselves: who is not loses nothing of what comes in the moment of an interruption.
          Effect.flatMap(pool.lease(peer, chain), (lease) => {
            attempt = links.get(lease.link)?.sessions.open({ lease, chain, limits })
            if (attempt !== undefined) return Effect.interruptible(attempt.answer)
            lease.release()
            return new OpenFailed({ reason: "link-lost" })
          })
        ).pipe(Effect.onInterrupt(() => Effect.suspend(() => attempt?.cancel() ?? Effect.void)))
      }),
    serve: (chain, limits, decide) => {
      const served = env.served.add(chain, limits, decide)
      for (const { control } of links.values()) control.serve(served)
      return () => {
        if (!env.served.remove(served)) return
        for (const { control } of links.values()) control.unserve(served)
      }
    }
  })

  const events = env.subscribers.stream(() => {
    const infos: Array<ControlEvent> = []
    for (const { control } of links.values()) {
      const info = control.info()
      if (info !== undefined) infos.push(info)
    }
    return infos
  })

  const control = Control.of({
    events,
    askPeers: (peer) =>
      Effect.suspend(() => {
        // Of two links to one peer the newer one.
        const link = [...links.keys()].findLast((link) => link.peer === peer)
        return (link === undefined ? undefined : links.get(link)?.control.askPeers) ?? Effect.succeedNone
      }),
    answerPeers: (answer) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => env.introductions.set(answer)),
        (end) => Effect.sync(end)
      )),
    served: () => env.served.list
  })

  return Context.make(Connections, connections).pipe(Context.add(Control, control))
})

/**
 * Speaks on every link of the pool: sessions' connections, and the control stream. When its scope closes, the pool ends all
 * links, and has it say goodbye on them.
 */
export const layerConnections = (
  options: ConnectionsOptions = {}
): Layer.Layer<Connections | Control, never, ConnectionPool | Identity> => Layer.effectContext(make(options))

/** From the link's first moment to its end. */
const attend = (env: Environment, links: Map<Link, Attended>, link: Link): void => {
  const control: LinkControl = new LinkControl(link, env, {
    superseded: () => {
      sessions.supersede()
      sessions.abandon()
    }
  })
  const sessions = new LinkSessions(link, env, control.heard)
  const rest = env.pulse.add(control)
  env.ear.count(1)
  const unlink = () => {
    rest()
    env.ear.count(-1)
  }
  links.set(link, { control, sessions, unlink })
  link.accept((stream) => onStream(env, link, control, sessions, stream))
  if (link.direction === "inbound") return
  // A peer that takes no control stream can't be kept; if it is the link that has ended, nothing is left to say.
  env.start(
    link.open("/chain-p2p/control/1").pipe(
      Effect.map((stream) => control.attach(stream)),
      Effect.catchTags({
        LinkLost: () => Effect.void,
        StreamRefused: () => Effect.sync(() => env.pool.dead(link, "silent"))
      })
    )
  )
}

const onStream = (
  env: Environment,
  link: Link,
  control: LinkControl,
  sessions: LinkSessions,
  stream: RawStream
): void => {
  if (stream.protocol === "/chain-p2p/1") return sessions.accept(stream)
  // Only the dialler opens the control stream.
  if (link.direction === "inbound") return control.attach(stream)
  stream.abort()
  env.pool.dead(link, "violation")
}
