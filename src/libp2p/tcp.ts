import type { Carrier } from "./Carrier.ts"

/** Passed on to Node's sockets, at both ends. */
const socketOptions = {
  // Both ends send batches of their own: waiting for more to fill a segment would only delay them.
  noDelay: true,
  keepAlive: true,
  // Room for one whole batch after it was encrypted, so that it leaves in one piece.
  highWaterMark: 128 * 1024
}

/** TCP under noise and yamux. */
export const tcp: Carrier = {
  transport: "tcp",
  resolvesNames: true,
  make: async (parts) => {
    const { tcp } = await import("@libp2p/tcp")
    return tcp({ listenOpts: socketOptions, dialOpts: socketOptions })(parts)
  },
  // All streams share the socket: one that goes on writing when it is full would let the others wait for more than a batch.
  isFull: (stream) => stream.writableNeedsDrain || stream.writeBufferLength > 0,
  howEnded: (stream, finished) => finished ? "finished" : stream.status === "reset" ? "reset" : "with-link"
}
