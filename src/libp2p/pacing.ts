import type { MultiaddrConnection } from "@libp2p/interface"
import { Socket } from "node:net"
import { noteRead, release } from "./memory.ts"

/**
 * Bytes that go to a socket before the event loop turns. More would only lie in the system's buffers, which take megabytes,
 * in front of whatever is said next; and what both ends of a loop touch soon after each other is still in the caches.
 */
const breath = 128 * 1024

/** Whether all that shares a socket must wait, and who is told when it need no more. */
export interface Pace {
  readonly isFull: () => boolean
  onRoom: () => void
}

/**
 * Sends all that is written to a TCP socket within one turn at once. libp2p writes an encrypted batch in nine pieces, of two
 * bytes up to 64 KiB, and without Nagle's algorithm each would be a system call and a packet of its own. What is written is
 * ciphertext that nobody needs afterwards, so its memory is given back as soon as it has gone.
 *
 * libp2p is never told that a socket is full, as it would tell each stream of the link, and later again that it isn't, and
 * let them go on in the same order every time. Who writes has to ask here.
 */
export const pace = (connection: MultiaddrConnection): Pace | undefined => {
  if (!("socket" in connection) || !(connection.socket instanceof Socket)) return undefined
  const { socket } = connection
  const write = socket.write.bind(socket)
  let isCorked = false
  let isBreathing = false
  let isAwaited = false
  let since = 0
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  const onGone = () => {
    if (!isAwaited || isBreathing || socket.writableLength > 0) return
    isAwaited = false
    made.onRoom()
  }
  const onBreath = () => {
    isBreathing = false
    since = 0
    onGone()
  }
  socket.prependListener("data", noteRead)
  socket.write = (piece: Uint8Array): boolean => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      queueMicrotask(uncork)
    }
    since += piece.byteLength
    if (since >= breath && !isBreathing) {
      isBreathing = true
      setImmediate(onBreath)
    }
    write(piece, (error) => {
      if (error === undefined || error === null) release(piece)
      onGone()
    })
    return true
  }
  const made: Pace = {
    isFull: () => {
      const isFull = isBreathing || socket.writableLength >= breath
      if (isFull) isAwaited = true
      return isFull
    },
    onRoom: () => {}
  }
  return made
}
