import { createSocket } from "node:dgram"
import { once } from "node:events"
import { createServer } from "node:net"

/** Below the ports that systems give to outgoing connections, so that none of those takes one that was found free here. */
const lowest = 20_000
const highest = 32_000

const taken = new Set<number>()
let next = lowest + Math.floor(Math.random() * (highest - lowest))

const isFree = async (protocol: "tcp" | "udp", port: number, host: string): Promise<boolean> => {
  try {
    if (protocol === "tcp") {
      const server = createServer()
      server.listen(port, host)
      await once(server, "listening")
      server.close()
      await once(server, "close")
    } else {
      const socket = createSocket(host.includes(":") ? "udp6" : "udp4")
      socket.bind(port, host)
      await once(socket, "listening")
      socket.close()
      await once(socket, "close")
    }
    return true
  } catch {
    return false
  }
}

/** A port of this machine that nobody holds, and that is not given out here again. */
export const freePort = async (protocol: "tcp" | "udp", host = "127.0.0.1"): Promise<number> => {
  for (let tries = 0; tries < 1_000; tries++) {
    next = next + 1 < highest ? next + 1 : lowest
    const port = next
    if (taken.has(port)) continue
    taken.add(port)
    if (await isFree(protocol, port, host)) return port
  }
  throw new Error(`no free ${protocol} port on ${host}`)
}
