/** Two session cores joined in memory, past any transport: what was written arrives when `flush` is called. */
import type { P2pConnection, RawStream, Sink } from "../../../signatures/index.ts"
import { connectionOf } from "../../../src/wire/connection.ts"
import { readFrames } from "../../../src/wire/FrameStream.ts"
import { SessionCore, type SessionHost } from "../../../src/wire/SessionCore.ts"
import { limits } from "./ours.ts"

const host: SessionHost = { concluded: () => {}, closing: () => {}, violated: () => {}, gone: () => {} }

const terms = { maxMessageBytes: limits.maxMessageBytes, window: limits.window, peerWindow: limits.window }

export interface CoresInMemory {
  readonly near: SessionCore
  readonly far: SessionCore
  readonly nearShell: P2pConnection
  readonly farShell: P2pConnection
  readonly flush: () => void
}

export const coresInMemory = (): CoresInMemory => {
  let tasks: Array<() => void> = []
  const sinks: Array<Sink> = []
  const streamTo = (other: number): RawStream => ({
    protocol: "/chain-p2p/1",
    write: (bytes, more) => {
      tasks.push(() => sinks[other]?.bytes(bytes))
      if (more !== undefined) tasks.push(() => sinks[other]?.bytes(more))
      return true
    },
    attach: (sink) => void sinks.push(sink),
    soon: (run) => void tasks.push(run),
    finish: () => {},
    abort: () => {}
  })
  const [near, far] = [1, 0].map((other) =>
    readFrames(streamTo(other), () => {}, (stream) => new SessionCore(stream, terms, host))
  ) as [SessionCore, SessionCore]
  const flush = () => {
    while (tasks.length > 0) {
      const due = tasks
      tasks = []
      for (const task of due) task()
    }
  }
  return { near, far, nearShell: connectionOf(near), farShell: connectionOf(far), flush }
}
