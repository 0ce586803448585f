import type { Carrier } from "./Carrier.ts"

/** Passed on to Node's sockets, at both ends. */
const socketOptions = {
  // Both ends send batches of their own: waiting for more to fill a segment would only delay them.
  noDelay: true,
  keepAlive: true
}

/** TCP under noise and yamux. */
export const tcp: Carrier = {
  transport: "tcp",
  resolvesNames: true,
  make: async (parts) => {
    const { tcp } = await import("@libp2p/tcp")
    return tcp({ listenOpts: socketOptions, dialOpts: socketOptions })(parts)
  },
  // Its own window is used up: of the socket that it shares, `Turns` knows.
  isFull: (stream) => stream.writableNeedsDrain || stream.writeBufferLength > 0,
  howEnded: (stream, finished) => finished ? "finished" : stream.status === "reset" ? "reset" : "with-link"
}
