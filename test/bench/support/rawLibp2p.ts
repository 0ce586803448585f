/** The baseline that we stand on: a libp2p stream, a `send` per message, with libp2p's own defaults but for the limits. */
import { quic } from "@chainsafe/libp2p-quic"
import type { Stream } from "@libp2p/interface"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { createLibp2p } from "libp2p"
import { type Contender, overPipes, type Pipe } from "./contender.ts"
import { bytesInUse } from "./memory.ts"

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

const connectRaw = async (kind: "tcp" | "quic") => {
  const address = kind === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1"
  const limits = { maxInboundStreams: 2000, maxOutboundStreams: 2000 }
  const node = (listen: Array<string>) =>
    createLibp2p({
      addresses: { listen },
      transports: kind === "tcp" ? [tcp()] : [quic()],
      connectionEncrypters: kind === "tcp" ? [noise()] : [],
      streamMuxers: kind === "tcp" ? [yamux(limits)] : []
    })
  const [near, far] = await Promise.all([node([]), node([address])])
  const accepted: Array<Stream> = []
  let arrived = () => {}
  const accept = (stream: Stream) => {
    accepted.push(stream)
    arrived()
  }
  await far.handle(protocol, accept, limits)
  const [dialable] = far.getMultiaddrs()
  if (dialable === undefined) throw new Error(`libp2p does not listen on ${address}`)
  const connection = await near.dial(dialable)
  const open = async () => {
    const wanted = accepted.length + 1
    const taken = new Promise<void>((resolve) => {
      arrived = () => accepted.length >= wanted && resolve()
    })
    const stream = await connection.newStream(protocol, limits)
    await taken
    return [stream, accepted[wanted - 1] as Stream] as const
  }
  return { open, stop: () => Promise.all([near.stop(), far.stop()]) }
}

export const rawLibp2p = async (kind: "tcp" | "quic"): Promise<Contender> => {
  const { open, stop } = await connectRaw(kind)
  const [near, far] = await open()
  return overPipes(`libp2p ${kind} stream`, pipeOf(near), pipeOf(far), async () => void (await stop()))
}

/**
 * What idle streams of libp2p itself keep in memory, both ends together, in bytes: those that come after the first `warm`,
 * with which the code is compiled, until there are `count`.
 */
export const rawStreams = async (warm: number, count: number): Promise<number> => {
  const { open, stop } = await connectRaw("tcp")
  const kept: Array<unknown> = []
  const openUntil = async (wanted: number) => {
    while (kept.length < wanted) kept.push(await open())
    // libp2p's own deadlines of openings hold on to what they guard; what they leave behind takes a collection to be found.
    await new Promise((resolve) => setTimeout(resolve, 11_000))
    bytesInUse()
    await new Promise((resolve) => setTimeout(resolve, 100))
    return bytesInUse()
  }
  const before = await openUntil(warm)
  const after = await openUntil(count)
  await stop()
  return kept.length === count ? after - before : Number.NaN
}
