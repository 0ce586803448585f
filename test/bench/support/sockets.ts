/** The baselines that Node brings: a TCP socket, and TLS over one, a write per message. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import * as tls from "node:tls"
import { type Contender, overPipes, type Pipe } from "./contender.ts"

const pipeOf = (socket: Socket): Pipe => {
  const pipe: Pipe = {
    send: (bytes) => socket.write(bytes),
    drained: async () => void (await once(socket, "drain")),
    onBytes: () => {}
  }
  socket.setNoDelay(true)
  socket.on("data", (chunk) => pipe.onBytes(chunk.length))
  socket.on("error", () => {})
  return pipe
}

const pair = async (
  name: string,
  server: Server,
  event: string,
  dial: (port: number) => Socket,
  dialled: string
): Promise<Contender> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const accepted = once(server, event) as Promise<[Socket]>
  const near = dial((server.address() as AddressInfo).port)
  await once(near, dialled)
  const [far] = await accepted
  return overPipes(name, pipeOf(near), pipeOf(far), async () => {
    near.destroy()
    far.destroy()
    server.close()
    await once(server, "close")
  })
}

export const nodeNet = (): Promise<Contender> =>
  pair("node:net", createServer(), "connection", (port) => connect(port, "127.0.0.1"), "connect")

/** With a pre-shared key, so that no certificate has to be kept: what is measured is the record layer, AES-128-GCM. */
export const nodeTls = (): Promise<Contender> => {
  const psk = Buffer.alloc(32, 1)
  const shared = {
    ciphers: "ECDHE-PSK-AES128-GCM-SHA256:PSK-AES128-GCM-SHA256",
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2"
  } as const
  const server = tls.createServer({ ...shared, pskCallback: () => psk, pskIdentityHint: "bench" })
  const dial = (port: number) =>
    tls.connect({
      ...shared,
      port,
      host: "127.0.0.1",
      pskCallback: () => ({ psk, identity: "bench" }),
      checkServerIdentity: () => undefined
    })
  return pair("node:tls", server, "secureConnection", dial, "secureConnect")
}
