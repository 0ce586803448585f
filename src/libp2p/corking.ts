import type { MultiaddrConnection } from "@libp2p/interface"
import { Socket } from "node:net"

/**
 * Sends all that is written to a TCP socket within one turn at once. libp2p writes an encrypted batch in nine pieces, of two
 * bytes up to 64 KiB, and without Nagle's algorithm each would be a system call and a packet of its own.
 */
export const corkPerTurn = (connection: MultiaddrConnection): void => {
  if (!("socket" in connection) || !(connection.socket instanceof Socket)) return
  const { socket } = connection
  const write = socket.write.bind(socket)
  let isCorked = false
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  socket.write = (...args: [data: never]): boolean => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      queueMicrotask(uncork)
    }
    return write(...args)
  }
}
