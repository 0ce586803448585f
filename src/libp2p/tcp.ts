import type { Carrier } from "./Carrier.ts"

/** TCP under noise and yamux. */
export const tcp: Carrier = {
  transport: "tcp",
  resolvesNames: true,
  make: async (parts) => {
    const { tcp } = await import("@libp2p/tcp")
    // Both ends send batches of their own: waiting for more to fill a segment would only delay them.
    return tcp({ listenOpts: { noDelay: true, keepAlive: true }, dialOpts: { noDelay: true, keepAlive: true } })(parts)
  },
  // All streams share the socket: one that goes on writing when it is full would let the others wait for more than a batch.
  isFull: (stream) => stream.writableNeedsDrain || stream.writeBufferLength > 0,
  howEnded: (stream, finished) => finished ? "finished" : stream.status === "reset" ? "reset" : "with-link"
}
