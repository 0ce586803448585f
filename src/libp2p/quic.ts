import type { ComponentLogger, Logger, Transport } from "@libp2p/interface"
import type { Carrier, CarrierParts } from "./Carrier.ts"

/** What we use of `@chainsafe/libp2p-quic`. */
export interface QuicPackage {
  readonly quic: (options: {
    readonly handshakeTimeout: number
    readonly maxIdleTimeout: number
    readonly keepAliveInterval: number
    readonly maxConcurrentStreamLimit: number
  }) => (parts: CarrierParts) => Transport
}

/**
 * The package is optional and native: its import fails in one way where it isn't installed, and in another where it is but
 * has no binary for this platform.
 */
const load = (): Promise<QuicPackage> => import("@chainsafe/libp2p-quic")

/**
 * Milliseconds. A killed peer is noticed `maxIdleTimeout` after the first keep-alive that it did not answer: in 2.5 to 3.5 s.
 * A handshake takes no longer than `maxIdleTimeout` either.
 */
const options = { handshakeTimeout: 4_000, maxIdleTimeout: 2_500, keepAliveInterval: 1_000 }

/** Why a stream's reads and writes failed, by the logger that the stream was given. */
const failures = new WeakMap<Logger, Error>()

/**
 * A QUIC stream looks finished to libp2p whether the other end finished it, reset it, or the connection is lost. Only what it
 * logs says which it was: so its logger remembers the last error.
 */
const remembering = (logger: ComponentLogger): ComponentLogger => ({
  forComponent: (name) => {
    const inner = logger.forComponent(name)
    if (!name.startsWith("libp2p:quic:stream:")) return inner
    const remember = (values: ReadonlyArray<unknown>) => {
      const error = values.find((value) => value instanceof Error)
      if (error instanceof Error) failures.set(outer, error)
    }
    const outer: Logger = Object.assign((format: unknown, ...values: Array<unknown>) => inner(format, ...values), {
      enabled: inner.enabled,
      error: (format: unknown, ...values: Array<unknown>) => {
        remember(values)
        inner.error(format, ...values)
      },
      trace: (format: unknown, ...values: Array<unknown>) => {
        remember(values)
        inner.trace(format, ...values)
      },
      newScope: (scope: string) => inner.newScope(scope)
    })
    return outer
  }
})

/** QUIC, which brings its own encryption and streams. `streams`: how many a peer may have open on a link. */
export const makeQuic = (streams: number, loader: () => Promise<QuicPackage> = load): Carrier => ({
  transport: "udp/quic-v1",
  resolvesNames: false,
  make: async (parts) => {
    const { quic } = await loader()
    return quic({ ...options, maxConcurrentStreamLimit: streams })({ ...parts, logger: remembering(parts.logger) })
  },
  // Every send answers "full" until the native side has taken the batch. One more may wait behind it, so that there is
  // always something to send; the streams share nothing but the connection, which takes turns among them.
  isFull: (stream) => stream.writeBufferLength > 0,
  howEnded: (stream, finished) => {
    const failure = failures.get(stream.log)
    if (failure !== undefined) return failure.message.includes("connection lost") ? "with-link" : "reset"
    return finished ? "finished" : "with-link"
  }
})
