import type { MultiaddrConnection } from "@libp2p/interface"
import { Socket } from "node:net"
import { noteRead, release } from "./memory.ts"

/** Pieces up to so many bytes are copied together. */
const smallBytes = 512

/**
 * Sends all that is written to a TCP socket within one turn at once. libp2p writes an encrypted batch in nine pieces, of two
 * bytes up to 64 KiB, and without Nagle's algorithm each would be a system call and a packet of its own. What is written is
 * ciphertext that nobody needs afterwards, so its memory is given back as soon as it has gone.
 */
export const corkPerTurn = (connection: MultiaddrConnection): void => {
  if (!("socket" in connection) || !(connection.socket instanceof Socket)) return
  const { socket } = connection
  socket.prependListener("data", noteRead)
  const write = socket.write.bind(socket)
  let isCorked = false
  let small: Array<Uint8Array> = []
  const writeSmall = () => {
    const [first] = small
    if (first === undefined) return true
    const bytes = small.length === 1 ? first : Buffer.concat(small)
    small = []
    return write(bytes)
  }
  const uncork = () => {
    isCorked = false
    writeSmall()
    socket.uncork()
  }
  socket.write = (piece: Uint8Array): boolean => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      queueMicrotask(uncork)
    }
    if (piece.byteLength <= smallBytes) {
      small.push(piece)
      return !socket.writableNeedDrain
    }
    writeSmall()
    return write(piece, () => release(piece))
  }
}
