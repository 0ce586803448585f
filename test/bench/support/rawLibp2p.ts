/** The baseline that we stand on: a libp2p stream, a `send` per message, with libp2p's own defaults but for the limits. */
import { quic } from "@chainsafe/libp2p-quic"
import type { Stream } from "@libp2p/interface"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { createLibp2p } from "libp2p"
import { type Contender, overPipes, type Pipe } from "./contender.ts"

const protocol = "/bench/1"

const pipeOf = (stream: Stream): Pipe => {
  const pipe: Pipe = {
    send: (bytes) => stream.send(bytes),
    drained: () => new Promise((resolve) => stream.addEventListener("drain", () => resolve(), { once: true })),
    onBytes: () => {}
  }
  stream.addEventListener("message", (event) => pipe.onBytes(event.data.byteLength))
  return pipe
}

export const rawLibp2p = async (kind: "tcp" | "quic"): Promise<Contender> => {
  const address = kind === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1"
  const node = (listen: Array<string>) =>
    createLibp2p({
      addresses: { listen },
      transports: kind === "tcp" ? [tcp()] : [quic()],
      connectionEncrypters: kind === "tcp" ? [noise()] : [],
      streamMuxers: kind === "tcp" ? [yamux()] : []
    })
  const [near, far] = await Promise.all([node([]), node([address])])
  const accepted = new Promise<Stream>((resolve) => void far.handle(protocol, (stream) => resolve(stream)))
  const [dialable] = far.getMultiaddrs()
  if (dialable === undefined) throw new Error(`libp2p does not listen on ${address}`)
  const connection = await near.dial(dialable)
  const stream = await connection.newStream(protocol)
  return overPipes(`libp2p ${kind} stream`, pipeOf(stream), pipeOf(await accepted), async () => {
    await Promise.all([near.stop(), far.stop()])
  })
}
